"""An environment's directory before and after it is written, and the ways in which the system replaces it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lisa_compiler.output import atomic_directory
from lisa_compiler.output.tree import files_below

OLD = {"manifest.json": b"{}\n", "a.txt": b"old", "gone/away.txt": b"1", "same.txt": b"same"}
NEW = {
    "manifest.json": b"{ }\n",
    "a.txt": b"new",
    "deep/er/run.sh": b"#!/bin/sh\n",
    "same.txt": b"same",
    "gone": b"a file now",
}


def read(directory: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_below(directory)}


def leftovers(output: Path) -> list[str]:
    return sorted(entry.name for entry in (output / ".lisa").iterdir() if entry.name not in {"lock", ".gitignore"})


def rename_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_directory, "_exchange", lambda *_: False)


def file_by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rename as an overlay file system does for a directory of its lower layer."""
    rename_aside(monkeypatch)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if target.suffix == ".previous":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)


WAYS = [lambda _: None, rename_aside, file_by_file]
