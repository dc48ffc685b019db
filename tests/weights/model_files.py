"""Small models on the disk, in safetensors as the format's own page describes it."""

from __future__ import annotations

import json
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


def write(directory: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory
