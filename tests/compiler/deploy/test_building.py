"""Zip files: the same bytes from the same sources, whole or not there, and prebuilt ones as they are."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lisa_compiler.deploy.assembly import Artifact, Folder, Kind, LayerSource, Prebuilt
from lisa_compiler.deploy.building import archive, build, built_path, is_built
from lisa_compiler.deploy.errors import DeployError

from .site import SOURCES

BUILDER = """
import pathlib, sys
output = pathlib.Path(sys.argv[sys.argv.index("--output") + 1])
output.write_text(sys.executable)
(output.parent / "half").write_text("")
sys.exit(int(pathlib.Path(__file__).with_name("status").read_text()))
"""


def artifact(kind: Kind, source: Folder | Prebuilt | LayerSource, digest: str = "d" * 64) -> Artifact:
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
    archive(first, tmp_path / "one.zip")
    code = (
        "import os, sys; os.umask(0o077); from pathlib import Path; from lisa_compiler.deploy.building import archive\n"
        "archive(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": SOURCES, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code, str(second), str(tmp_path / "two.zip")]
    subprocess.run(command, env=environment, cwd="/", check=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as made:
        modes = {entry.filename: entry.external_attr >> 16 for entry in made.infolist()}
    assert modes == {"a.txt": 0o100644, "b/module.py": 0o100644, "b/run.sh": 0o100755, "\u00e9.txt": 0o100644}


def test_a_folder_is_zipped_once(tmp_path: Path) -> None:
    code = artifact(Kind.CODE, Folder(folder_of(tmp_path / "sources")))
    path = build(tmp_path, code)
    assert path == tmp_path / ".lisa/artifacts" / f"code-x-{'d' * 16}.zip"
    written = path.stat().st_mtime_ns
    assert build(tmp_path, code) == path
    assert path.stat().st_mtime_ns == written


def layer(tmp_path: Path, *, python: str, status: int = 0, target: Path | None = None) -> Artifact:
    folder = tmp_path / "layers/common"
    folder.mkdir(parents=True)
    (folder / "layer.json").write_text(json.dumps({"python": python}))
    (folder.parent / "build_layer.py").write_text(BUILDER)
    (folder.parent / "status").write_text(str(status))
    return artifact(Kind.LAYER, LayerSource(folder, target))


def test_a_layer_is_built_by_its_builder(tmp_path: Path) -> None:
    assert build(tmp_path, layer(tmp_path, python="9.9")).read_text() == sys.executable


def test_a_layer_is_built_with_the_functions_python_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "bin/python9.9"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    ran = tmp_path / "ran"
    other.write_text(f'#!/bin/sh\necho "$1" >> {ran}\nexec {sys.executable} "$@"\n')
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    build(tmp_path, layer(tmp_path, python="9.9"))
    assert ran.read_text().splitlines()[-1].endswith("build_layer.py")


def test_a_failed_build_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    broken = layer(tmp_path, python="9.9", status=1)
    with pytest.raises(DeployError, match="layer common cannot be built"):
        build(tmp_path, broken)
    assert not is_built(tmp_path, broken)
    assert [path.name for path in (tmp_path / ".lisa/artifacts").iterdir()] == ["half"]


def test_a_layer_with_a_fixed_name_is_always_built_anew(tmp_path: Path) -> None:
    target = tmp_path / ".lisa/layers/common.zip"
    fixed = layer(tmp_path, python="9.9", target=target)
    target.parent.mkdir(parents=True)
    target.write_text("of other requirements")
    assert not is_built(tmp_path, fixed)
    assert build(tmp_path, fixed) == target
    assert target.read_text() == sys.executable


def test_a_prebuilt_file_is_used_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "layer.zip"
    file.write_bytes(b"built elsewhere")
    digest = hashlib.sha256(b"built elsewhere").hexdigest()
    prebuilt = artifact(Kind.LAYER, Prebuilt(file), digest)
    assert build(tmp_path, prebuilt) == built_path(tmp_path, prebuilt) == file
    assert file.read_bytes() == b"built elsewhere"


def test_a_prebuilt_file_that_is_missing_or_another_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "layer.zip"
    prebuilt = artifact(Kind.LAYER, Prebuilt(file))
    with pytest.raises(DeployError, match="is missing; Git has only its checksum"):
        build(tmp_path, prebuilt)
    file.write_bytes(b"another one")
    with pytest.raises(DeployError, match="is not the file that was compiled for"):
        build(tmp_path, prebuilt)
