"""Checkpoints written byte by byte, sound ones and others, without PyTorch."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

LEGACY_START = b"".join(
    pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "type_sizes": {}})
)


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def storage(key: str = "0", count: int = 4) -> bytes:
    return b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + integer(count) + b"tQ"


def tensor(offset: int = 0, shape: tuple[int, ...] = (4,), strides: tuple[int, ...] = (1,), **of: Any) -> bytes:
    sizes, steps = (b"(" + b"".join(map(integer, counts)) + b"t" for counts in (shape, strides))
    body = storage(**of) + integer(offset) + sizes + steps + b"\x89N"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + body + b"tR"


def state(**tensors: bytes) -> bytes:
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in tensors.items()) + b"u."


def written(
    directory: Path,
    structure: bytes,
    *,
    data: bytes = b"\0" * 16,
    method: int = zipfile.ZIP_STORED,
    file: str = "pytorch_model.bin",
    **more: bytes,
) -> Path:
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / file, "w", method) as archive:
        archive.writestr("a/data.pkl", structure)
        archive.writestr("a/data/0", data)
        for name, content in more.items():
            archive.writestr(f"a/{name}", content)
    return directory


def legacy(structure: bytes, *storages: bytes) -> bytes:
    """A file of the format before zip, its storages of floats numbered from 0."""
    keys = [str(number) for number in range(len(storages))]
    data = b"".join((len(content) // 4).to_bytes(8, "little") + content for content in storages)
    return LEGACY_START + structure + pickle.dumps(keys, 2) + data


def listed(model: Path) -> list[str]:
    return sorted(path.name for path in model.iterdir())
