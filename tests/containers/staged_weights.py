"""A container with staged weights, and what a test changes of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from containers.context import Container, container

FIRST = "model-00001-of-00002.safetensors"
SECOND = "model-00002-of-00002.safetensors"
SERVED = "text-generation-launcher"
FILES = {"config.json": b"{}", FIRST: b"a" * 1000, SECOND: b"b" * 700}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def started(folder: Path, files: dict[str, bytes] | None = None) -> Container:
    """A container that has started once, with its weights on the disk."""
    made = container(folder, "tgi", FILES if files is None else files)
    made.stage(FILES if files is None else files)
    status, errors = made.run()
    assert status == 0, errors
    made.out(SERVED, "arguments").unlink()
    return made


def hide(made: Container, *programs: str) -> None:
    """Leave the container's PATH the system's programs without some."""
    system = made.folder / "system"
    system.mkdir()
    for directory in ("/bin", "/usr/bin"):
        for program in Path(directory).iterdir():
            link = system / program.name
            if program.name not in programs and not link.is_symlink():
                link.symlink_to(program)
    made.environment["PATH"] = f"{made.folder / 'bin'}:{system}"
