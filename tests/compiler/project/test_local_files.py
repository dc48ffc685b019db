from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from lisa_compiler.project import local_files
from lisa_compiler.project.local_files import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = hashlib.sha256(b"image").hexdigest()


def test_file_is_hashed(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"image")
    assert local_files.digest(tmp_path, "image.tar") == DIGEST


def test_checksum_file_stands_for_the_file(tmp_path: Path) -> None:
    (tmp_path / "image.tar.sha256").write_text(f"{DIGEST}  image.tar\n", encoding="utf-8")
    assert local_files.digest(tmp_path, "image.tar") == DIGEST


@pytest.mark.parametrize("text", ["", "not a digest", "abc  image.tar"])
def test_checksum_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "image.tar.sha256").write_text(text, encoding="utf-8")
    with pytest.raises(LocalFileError, match="does not start with a SHA-256 digest"):
        local_files.digest(tmp_path, "image.tar")


def test_missing_file_says_both_ways_out(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError) as caught:
        local_files.digest(tmp_path, "image.tar")
    assert "image.tar.sha256" in caught.value.fix


@pytest.mark.parametrize("path", ["/etc/passwd", "../image.tar", "a/../../image.tar"])
def test_path_stays_in_the_project(tmp_path: Path, path: str) -> None:
    with pytest.raises(LocalFileError, match="outside the project"):
        local_files.digest(tmp_path, path)
