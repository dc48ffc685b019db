"""Archives that a configuration names."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from lisa_compiler.project.archive_files import require_image_archive, require_zip
from lisa_compiler.project.local_files import LocalFileError


def archive(path: Path, *names: str) -> bytes:
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path.read_bytes()


def test_archives_are_accepted(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as layer:
        layer.writestr("python/a.py", "")
    require_zip(tmp_path, "layer.zip")
    content = archive(tmp_path / "image.tar", "blobs/sha256/a", "manifest.json")
    require_image_archive(tmp_path, "image.tar")
    archive(tmp_path / "oci.tar", "oci-layout", "./index.json")
    require_image_archive(tmp_path, "oci.tar")
    (tmp_path / "image.tar.gz").write_bytes(gzip.compress(content))
    require_image_archive(tmp_path, "image.tar.gz")


def test_a_file_that_a_checksum_stands_for_is_not_looked_into(tmp_path: Path) -> None:
    require_zip(tmp_path, "layer.zip")
    require_image_archive(tmp_path, "image.tar")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_no_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "layer.zip").write_bytes(content)
    with pytest.raises(LocalFileError, match="is not a zip archive") as caught:
        require_zip(tmp_path, "layer.zip")
    assert caught.value.path == "layer.zip"


def test_an_empty_zip(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "layer.zip", "w").close()
    with pytest.raises(LocalFileError, match="is an empty zip archive"):
        require_zip(tmp_path, "layer.zip")


def test_no_image(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"no archive")
    with pytest.raises(LocalFileError, match="is not an archive of an image"):
        require_image_archive(tmp_path, "image.tar")
    archive(tmp_path / "image.tar", "README.md")
    with pytest.raises(LocalFileError, match="it has no manifest"):
        require_image_archive(tmp_path, "image.tar")
