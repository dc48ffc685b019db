"""Small models on the disk: safetensors as the format's own page describes it, checkpoints as PyTorch writes them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def safetensors(tensors: dict[str, bytes]) -> bytes:
    """A file whose tensors are one-dimensional U8."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [end, end + len(data)]}
        end += len(data)
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(tensors.values())


def sharded(first: bytes = b"a" * 1000, second: bytes = b"b" * 700) -> dict[str, bytes]:
    """A model in two shards with an index."""
    index = {"metadata": {}, "weight_map": {"x": SHARDS[0], "y": SHARDS[1]}}
    return {
        "config.json": b"{}",
        "tokenizer.json": b'{"a": 1}',
        "1_Pooling/config.json": b"{ }",
        SHARDS[0]: safetensors({"x": first}),
        SHARDS[1]: safetensors({"y": second}),
        "model.safetensors.index.json": json.dumps(index).encode(),
    }


def single(data: bytes = b"c" * 500) -> dict[str, bytes]:
    """A model in one file."""
    return {"config.json": b"{}", "model.safetensors": safetensors({"w": data})}


def checkpoint(data: bytes) -> bytes:
    """A checkpoint in PyTorch's zip format with one one-dimensional U8 tensor `w`."""
    count = b"J" + struct.pack("<i", len(data))
    storage = b"(" + _text("storage") + b"ctorch\nByteStorage\n" + _text("0") + _text("cpu") + count + b"tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0" + count + b"\x85K\1\x85\x89NtR"
    structure = b"\x80\2}" + _text("w") + tensor + b"s."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", structure)
        archive.writestr("archive/data/0", data)
    return file.getvalue()


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def write(directory: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def content(directory: Path) -> dict[str, bytes]:
    """Files of a directory by path, without the record of its origin."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != ".lisa-origin.json"
    }
