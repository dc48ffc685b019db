"""The images' bytecode: the Dockerfiles' own commands, run on the emitted contexts."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from containers.context import container
from lisa_compiler.plan.images import ImageKind

UNCHECKED_HASH = MAGIC_NUMBER + b"\x01\0\0\0"
"""How bytecode begins that is loaded whatever the source's date and content (PEP 552)."""

# Stands for the image's Python: its packages are a directory of the test.
PYTHON = f"""#!/bin/sh
[ "$1" != -c ] || {{ echo "$PACKAGES"; exit; }}
exec {sys.executable} "$@"
"""


def compile_commands(context: Path) -> list[str]:
    """The commands of a Dockerfile that compile Python."""
    text = (context / "Dockerfile").read_text().replace("\\\n", " ")
    commands = re.findall(r"^RUN (.*)$", text, re.MULTILINE)
    return [part for command in commands for part in command.split("&&") if "compileall" in part]


@pytest.mark.parametrize(("kind", "own"), [("rest-api", "lisa_gateway"), ("instructor", "lisa_instructor")])
def test_images_have_bytecode_that_does_not_depend_on_dates(tmp_path: Path, kind: ImageKind, own: str) -> None:
    made = container(tmp_path, kind, None if kind == "rest-api" else {})
    context = tmp_path / "context"
    made.fake("python3", PYTHON)
    packages = tmp_path / "packages"
    (packages / "one" / "tests").mkdir(parents=True)
    (packages / "one" / "module.py").write_text("answer = 42\n")
    (packages / "one" / "tests" / "broken.py").write_text("not Python\n")
    for command in compile_commands(context):
        environment = made.environment | {"PACKAGES": str(packages), "LOCAL_CODE_PATH": str(context)}
        subprocess.run(["sh", "-euc", command], cwd=context, env=environment, check=True)
    sources = [packages / "one" / "module.py", *(context / own).rglob("*.py")]
    assert len(sources) > 3
    for source in sources:
        assert Path(cache_from_source(str(source))).read_bytes().startswith(UNCHECKED_HASH), source


@pytest.mark.parametrize("kind", ["rest-api", "instructor"])
def test_pip_leaves_no_bytecode_that_depends_on_dates(tmp_path: Path, kind: ImageKind) -> None:
    container(tmp_path, kind, None if kind == "rest-api" else {})
    text = (tmp_path / "context" / "Dockerfile").read_text().replace("\\\n", " ")
    (installs,) = re.findall(r"pip install .*requirements\.txt", text.partition("FROM ${BASE_IMAGE}")[2])
    assert "--no-compile" in installs
