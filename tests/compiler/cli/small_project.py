"""The files of the project that `lisa compile` is tested with."""

from __future__ import annotations

from pathlib import Path

from lisa_compiler.output.tree import files_below


def read(directory: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_below(directory) if not name.startswith(".lisa/")}


def edit(project: Path, old: str, new: str) -> None:
    path = project / "config.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
