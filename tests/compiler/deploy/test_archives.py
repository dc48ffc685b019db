"""Zip files: the same bytes from the same sources, whole or not there, and prebuilt ones as they are."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lisa_compiler.artifacts import archives
from lisa_compiler.artifacts.archives import build, built_path, is_built, lay_out
from lisa_compiler.artifacts.artifact import (
    Artifact,
    ArtifactType,
    BuildContext,
    DirectorySource,
    PrebuiltFile,
    ProductSource,
)
from lisa_compiler.artifacts.product import product_artifact
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.product.artifact import FunctionRecipe, ImageRecipe, LayerRecipe, ProductArtifact, Recipe
from lisa_compiler.product.sources import source_digest

from .site import SOURCES

BUILDER = """
import pathlib, sys
output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
output.write_text(sys.executable)
(output.parent / "half").write_text("")
sys.exit(int(pathlib.Path(__file__).with_name("status").read_text()))
"""


def artifact(kind: ArtifactType, source: DirectorySource | PrebuiltFile, digest: str = "d" * 64) -> Artifact:
    return Artifact(kind=kind, name="x", digest=digest, source=source, places=())


def folder_of(place: Path) -> Path:
    """A folder of sources, its files made in another order and with other dates and modes each time."""
    files = {"b/module.py": b"x = 1\n", "a.txt": b"text", "b/run.sh": b"#!/bin/sh\n", "\u00e9.txt": b""}
    for index, (name, content) in enumerate(reversed(files.items())):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
        os.utime(place / name, (index * 10**8, index * 10**8))
    return place


def test_archives_are_the_same_bytes_under_any_umask_time_zone_and_directory(tmp_path: Path) -> None:
    first = folder_of(tmp_path / "first")
    second = folder_of(tmp_path / "elsewhere/second")
    (second / "a.txt").chmod(0o600)
    build(tmp_path, artifact(ArtifactType.CODE, DirectorySource(first)))
    (tmp_path / ".lisa/artifacts" / f"code-x-{'d' * 16}.zip").rename(tmp_path / "one.zip")
    code = (
        "import os, sys; os.umask(0o077); from pathlib import Path; from lisa_compiler.artifacts import archives\n"
        "from lisa_compiler.artifacts.artifact import Artifact, ArtifactType, DirectorySource\n"
        "source = DirectorySource(Path(sys.argv[1]))\n"
        "made = Artifact(kind=ArtifactType.CODE, name='x', digest='d', source=source, places=())\n"
        "archives.build(Path(sys.argv[2]).parent, made).rename(sys.argv[2])"
    )
    environment = {**os.environ, "PYTHONPATH": SOURCES, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, str(second), str(tmp_path / "two.zip")]
    subprocess.run(command, env=environment, cwd="/", check=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as made:
        modes = {entry.filename: entry.external_attr >> 16 for entry in made.infolist()}
    assert modes == {"a.txt": 0o100644, "b/module.py": 0o100644, "b/run.sh": 0o100755, "\u00e9.txt": 0o100644}


def test_a_folder_is_zipped_once(tmp_path: Path) -> None:
    code = artifact(ArtifactType.CODE, DirectorySource(folder_of(tmp_path / "sources")))
    path = build(tmp_path, code)
    assert path == tmp_path / ".lisa/artifacts" / f"code-x-{'d' * 16}.zip"
    written = path.stat().st_mtime_ns
    assert build(tmp_path, code) == path
    assert path.stat().st_mtime_ns == written


def product(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, recipe: Recipe, files: dict[str, bytes]
) -> Artifact:
    """An artifact of product code that is made from these files."""
    monkeypatch.setattr(archives, "complete_files", lambda *_: dict(files))
    arguments = recipe.build_args if isinstance(recipe, ImageRecipe) else ()
    made = ProductArtifact(name=name, sha256=source_digest(files, arguments), recipe=recipe)
    return product_artifact(ProductSource(made, tmp_path, tmp_path / "generated/dev", "3.0.0"))


def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, status: int = 0) -> Artifact:
    files = {"layers/build_layer.py": BUILDER.encode(), "layers/status": str(status).encode()}
    return product(tmp_path, monkeypatch, "layers/common", LayerRecipe(python="9.9"), files)


def test_a_layer_is_built_by_its_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(tmp_path, layer(tmp_path, monkeypatch)).read_text() == sys.executable


def test_a_layer_is_built_with_the_functions_python_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "bin/python9.9"
    other.parent.mkdir()
    ran = tmp_path / "ran"
    other.write_text(f'#!/bin/sh\necho "$1" >> {ran}\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    build(tmp_path, layer(tmp_path, monkeypatch))
    assert ran.read_text().splitlines()[-1].endswith("build_layer.py")


def test_a_failed_build_leaves_no_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = layer(tmp_path, monkeypatch, status=1)
    with pytest.raises(DeployError, match="layer common cannot be built"):
        build(tmp_path, broken)
    assert not is_built(tmp_path, broken)
    assert [path.name for path in (tmp_path / ".lisa/artifacts").iterdir()] == []


def test_a_layer_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common = layer(tmp_path, monkeypatch)
    build(tmp_path, common).write_text("built before")
    assert build(tmp_path, common).read_text() == "built before"


def test_archive_of_product_code_is_written_from_the_sources_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"lisa_lambdas/session/handler.py": b"x = 1\n", "lisa_lambdas/__init__.py": b""}
    function = product(tmp_path, monkeypatch, "functions/session", FunctionRecipe(), files)
    path = build(tmp_path, function)
    assert path == tmp_path / ".lisa/artifacts" / f"functions-session-{function.digest[:16]}.zip"
    written = path.read_bytes()
    path.write_bytes(b"edited")
    assert build(tmp_path, function).read_bytes() == written
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert archive.namelist() == sorted(files)


def test_product_code_of_another_digest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function = product(tmp_path, monkeypatch, "functions/session", FunctionRecipe(), {"a.py": b"x = 1\n"})
    monkeypatch.setattr(archives, "complete_files", lambda *_: {"a.py": b"x = 2\n"})
    with pytest.raises(DeployError, match=r"The sources of functions/session do not match dev/manifest\.json"):
        build(tmp_path, function)
    assert not is_built(tmp_path, function)


def test_context_is_laid_out_and_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"containers/rest-api/Dockerfile": b"FROM x\n", "containers/rest-api/entrypoint.sh": b"#!/bin/sh\n"}
    image = product(tmp_path, monkeypatch, "containers/rest-api", ImageRecipe(kind="rest-api"), files)
    assert isinstance(image.source, BuildContext)
    folder = lay_out(image.source)
    assert folder == tmp_path / ".lisa/artifacts" / f"containers-rest-api-{image.digest[:16]}"
    assert (folder / "entrypoint.sh").stat().st_mode & 0o777 == 0o755
    (folder / "Dockerfile").write_text("FROM other\n")
    (folder / "stray").write_text("")
    lay_out(image.source)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "Dockerfile": b"FROM x\n",
        "entrypoint.sh": b"#!/bin/sh\n",
    }


def test_a_prebuilt_file_is_used_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "layer.zip"
    file.write_bytes(b"built elsewhere")
    digest = hashlib.sha256(b"built elsewhere").hexdigest()
    prebuilt = artifact(ArtifactType.LAYER, PrebuiltFile(file), digest)
    assert build(tmp_path, prebuilt) == built_path(tmp_path, prebuilt) == file
    assert file.read_bytes() == b"built elsewhere"


def test_a_prebuilt_file_that_is_missing_or_another_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "layer.zip"
    prebuilt = artifact(ArtifactType.LAYER, PrebuiltFile(file))
    with pytest.raises(DeployError, match="is missing; Git has only its checksum"):
        build(tmp_path, prebuilt)
    file.write_bytes(b"another one")
    with pytest.raises(DeployError, match="is not the compiled version"):
        build(tmp_path, prebuilt)
