"""Vendored deployments: everything is in the directory, keys are the reviewed ones, and the bytes do not vary."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, manifest_of

from lisa_compiler.artifacts import archives
from lisa_compiler.artifacts.vendor import vendor
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.output.tree import files_below

from .site import SOURCES

LAYERS = ("authorizer", "common", "fastapi", "rag", "sdk")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """A compiled project whose layers and one image are prebuilt files."""

    def write(**changes: Any) -> Path:
        (tmp_path / "layers").mkdir()
        for layer in LAYERS:
            with zipfile.ZipFile(tmp_path / f"layers/{layer}.zip", "w") as archive:
                archive.writestr(f"python/{layer}.txt", layer)
        paths = {f"{layer}LayerPath": f"layers/{layer}.zip" for layer in LAYERS}
        compiled = Project(tmp_path).write(**{"lambdaLayerAssets": paths, **changes}).compile()
        for name, content in {**compiled.files, "manifest.json": manifest_of(compiled)}.items():
            path = tmp_path / "generated/dev" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path

    return write


def assets(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "cloudformation").glob("*.assets.json")):
        yield from json.loads(path.read_bytes())[kind].values()


def test_everything_is_in_the_directory_under_the_reviewed_keys(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project()
    target = tmp_path / "elsewhere/deployment"
    vendor(folder, "dev", target)
    reviewed = {asset["displayName"]: asset for asset in assets(folder / "generated/dev", "files")}
    for asset in assets(target, "files"):
        assert asset["destinations"] == reviewed[asset["displayName"]]["destinations"]
        path = (target / "cloudformation" / asset["source"]["path"]).resolve()
        assert path.is_relative_to(target)
        assert path.is_file()
    for image in assets(target, "dockerImages"):
        context = (target / "cloudformation" / image["source"]["directory"]).resolve()
        assert context.is_relative_to(target)
        assert (context / "Dockerfile").is_file()
        assert image["source"]["platform"] == "linux/amd64"
    assert (target / "containers/rest-api/lisa_gateway/app.py").is_file()
    for path in (folder / "generated/dev/cloudformation").glob("*.template.json"):
        assert (target / "cloudformation" / path.name).read_bytes() == path.read_bytes()


def test_build_arguments_are_kept(project: Callable[..., Path], tmp_path: Path) -> None:
    vendor(project(), "dev", tmp_path / "deployment")
    images = {asset["displayName"]: asset["source"] for asset in assets(tmp_path / "deployment", "dockerImages")}
    assert images["containers/rest-api"] == {
        "directory": "../containers/rest-api",
        "platform": "linux/amd64",
        "dockerBuildArgs": {"BASE_IMAGE": "python:3.12"},
    }


def test_functions_start_from_vendored_archives(project: Callable[..., Path], tmp_path: Path) -> None:
    vendor(project(), "dev", tmp_path / "deployment")
    (archive,) = (tmp_path / "deployment/artifacts").glob("functions-session-*.zip")
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
    assert "lisa_lambdas/session/handler.py" in names
    assert not any(name.startswith(("lisa_lambdas/repository/", "lisa_schema/")) for name in names)


def test_digests_of_all_files_are_listed(project: Callable[..., Path], tmp_path: Path) -> None:
    target = tmp_path / "deployment"
    vendor(project(), "dev", target)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=target, check=True, capture_output=True)
    listed = {line.split("  ", 1)[1] for line in (target / "SHA256SUMS").read_text().splitlines()}
    assert listed == {name for name, _ in files_below(target)} - {"SHA256SUMS"}


def test_vendored_bytes_are_the_same_elsewhere(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project()
    vendor(folder, "dev", tmp_path / "one")
    code = (
        "import os, sys; os.umask(0o077); from pathlib import Path; from lisa_compiler.artifacts.vendor import vendor\n"
        "vendor(Path(sys.argv[1]), 'dev', Path(sys.argv[2]))"
    )
    environment = {
        "PYTHONPATH": SOURCES,
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run(
        [sys.executable, "-c", code, str(folder), str(tmp_path / "two")], env=environment, cwd="/", check=True
    )
    one, two = (
        {name: (path.read_bytes(), path.stat().st_mode & 0o777) for name, path in files_below(tmp_path / each)}
        for each in ("one", "two")
    )
    assert one == two


def test_images_in_tarballs_are_vendored(project: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with tarfile.open(tmp_path / "images/gateway.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("manifest.json"))
    content = (tmp_path / "images/gateway.tar").read_bytes()
    image = {"containerConfig": {"image": {"type": "tarball", "path": "images/gateway.tar"}}}
    folder = project(restApiConfig={**MINIMAL["restApiConfig"], **image})
    target = tmp_path / "deployment"
    vendor(folder, "dev", target)
    (source,) = [asset["source"] for asset in assets(target, "dockerImages") if "executable" in asset["source"]]
    digest = hashlib.sha256(content).hexdigest()
    assert f"'../artifacts/gateway-{digest[:16]}.tar'" in source["executable"][2]
    assert (target / f"artifacts/gateway-{digest[:16]}.tar").read_bytes() == content


def test_legacy_synthesizer_finds_files_and_contexts(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project(stackSynthesizer="LegacyStackSynthesizer")
    target = tmp_path / "deployment"
    vendor(folder, "dev", target)
    artifacts = json.loads((target / "cloudformation/manifest.json").read_bytes())["artifacts"].values()
    paths = {
        note["data"]["path"] for entry in artifacts for notes in entry.get("metadata", {}).values() for note in notes
    }
    assert "../containers/rest-api" in paths
    for path in paths:
        place = (target / "cloudformation" / path).resolve()
        assert place.is_relative_to(target)
        assert place.exists(), path


def test_prebuilt_file_of_another_digest_is_refused(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project()
    (folder / "layers/common.zip").write_bytes(b"another one")
    with pytest.raises(DeployError, match=r"common\.zip is not the compiled version"):
        vendor(folder, "dev", tmp_path / "deployment")
    assert not (tmp_path / "deployment").exists()


def test_layers_are_built(project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build_layer(source: Any, _recipe: Any, _files: Any, target: Path) -> None:
        target.write_text(source.product.name)

    monkeypatch.setattr(archives, "_build_layer", build_layer)
    vendor(project(lambdaLayerAssets={}), "dev", tmp_path / "deployment")
    (archive,) = (tmp_path / "deployment/artifacts").glob("layers-common-*.zip")
    assert archive.read_text() == "layers/common"


@pytest.mark.parametrize(
    ("file", "edit"),
    [
        ("manifest.json", lambda content: content["artifacts"].popitem()),
        ("manifest.json", lambda content: content["artifacts"].update({"functions/session": 5})),
        ("manifest.json", lambda content: content.update(artifacts=5)),
        ("cloudformation/manifest.json", lambda content: content.update(artifacts=[])),
        ("cloudformation/serve.assets.json", lambda content: content.pop("dockerImages")),
        ("cloudformation/serve.assets.json", lambda content: content.update(files={"x": None})),
    ],
)
def test_edited_output_is_a_clear_error(
    project: Callable[..., Path], tmp_path: Path, file: str, edit: Callable[[dict[str, Any]], object]
) -> None:
    folder = project()
    path = folder / "generated/dev" / file
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DeployError, match="run `lisa compile --env dev`"):
        vendor(folder, "dev", tmp_path / "elsewhere/deployment")
    assert not (tmp_path / "elsewhere/deployment").exists()


def test_truncated_output_is_a_clear_error(project: Callable[..., Path], tmp_path: Path) -> None:
    folder = project()
    path = folder / "generated/dev/cloudformation/serve.assets.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DeployError, match="run `lisa compile --env dev`"):
        vendor(folder, "dev", tmp_path / "elsewhere/deployment")
