"""What a local model holds: the files that serving needs, whether they are all there, and their digests."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedFile, SourceKind
from lisa_weights.model_directory import (
    LocalState,
    differences,
    digest_files,
    lock_directory,
    model_path,
    read_directory,
)
from weights.model_files import SHARDS, safetensors, sharded, single, write

CLUTTER = {
    "README.md": b"# x",
    "pytorch_model.bin": b"old",
    "tf_model.h5": b"h5",
    "flax_model.msgpack": b"f",
    "pytorch_model.bin.index.json": b"{}",
    "onnx/model.onnx": b"o",
    "onnx/config.json": b"{}",
    "original/consolidated.00.pth": b"p",
    "original/model.safetensors": b"nothing",
    "model.gguf": b"g",
    ".cache/huggingface/x.json": b"{}",
    ".gitattributes": b"",
}


REASONS = {
    "README.md": "documentation",
    "pytorch_model.bin": "a PyTorch checkpoint, whose safetensors are served",
    "tf_model.h5": "TensorFlow's format",
    "flax_model.msgpack": "Flax's format",
    "pytorch_model.bin.index.json": "a PyTorch checkpoint, whose safetensors are served",
    "onnx/model.onnx": "ONNX",
    "onnx/config.json": "onnx is a folder that neither modules.json nor code refers to",
    "original/consolidated.00.pth": "the weights in the names of Mistral or Meta",
    "original/model.safetensors": "original is a folder that neither modules.json nor code refers to",
    "model.gguf": "GGUF, llama.cpp's format",
}


@pytest.mark.parametrize("files", [sharded(), single()])
def test_only_what_serving_needs(tmp_path: Path, files: dict[str, bytes]) -> None:
    found = read_directory(write(tmp_path, files | CLUTTER))
    assert found.completeness.problems == ()
    assert found.state is LocalState.COMPLETE
    assert dict(found.files) == {name: len(content) for name, content in sorted(files.items())}
    assert {file.path: file.reason for file in found.omitted} == REASONS
    assert found.total_bytes == sum(map(len, files.values()))


def test_parameters_and_dtypes(tmp_path: Path) -> None:
    judged = read_directory(write(tmp_path, sharded())).completeness
    assert (judged.parameters, judged.dtypes) == (1700, {"U8": 2})


def test_one_copy_of_the_weights(tmp_path: Path) -> None:
    write(tmp_path, sharded() | {"model.safetensors": b"x", "consolidated.safetensors": b"x"})
    assert not {"model.safetensors", "consolidated.safetensors"} & read_directory(tmp_path).files.keys()


def test_shards_of_unusual_names_count(tmp_path: Path) -> None:
    files = {name.replace("model-0", "part-0"): content for name, content in sharded().items()}
    files["model.safetensors.index.json"] = files["model.safetensors.index.json"].replace(b"model-0", b"part-0")
    found = read_directory(write(tmp_path, files | {"other.safetensors": b"x"}))
    assert found.completeness.problems == ()
    assert found.files.keys() == files.keys()


def test_an_absent_directory(tmp_path: Path) -> None:
    assert read_directory(tmp_path / "org" / "none").state is LocalState.ABSENT


def test_a_checkpoint_needs_a_conversion(tmp_path: Path) -> None:
    found = read_directory(write(tmp_path, {"config.json": b"{}", "pytorch_model-00001-of-00001.bin": b"x"}))
    assert found.state is LocalState.CHECKPOINT
    with pytest.raises(WeightsError, match="lisa weights convert"):
        lock_directory(found)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({SHARDS[1]: None}, f"{SHARDS[1]} cannot be used: it is missing"),
        ({SHARDS[1]: b""}, f"{SHARDS[1]} cannot be used: it is empty"),
        ({SHARDS[1]: safetensors({"y": b"b" * 700})[:-1]}, "its header specifies"),
        ({SHARDS[1]: safetensors({"z": b"b"})}, "does not have y"),
        ({SHARDS[0]: None, SHARDS[1]: None}, "it is missing"),
        ({"model.safetensors.index.json": None}, "neither model.safetensors nor"),
        ({"model.safetensors.index.json": b"{"}, "it is not JSON"),
        ({"model.safetensors.index.json": b'{"weight_map": {}}'}, "it has no weight_map"),
        (
            {"model.safetensors.index.json": b'{"weight_map": {"x": "../../x.safetensors"}}'},
            "is not a safetensors file",
        ),
        ({"model.safetensors.index.json": b'{"weight_map": {"x": 3}}'}, "a value that is not a string"),
        ({"config.json": None}, "config.json is missing"),
    ],
)
def test_what_is_not_complete(tmp_path: Path, change: dict[str, bytes | None], problem: str) -> None:
    files = {name: content for name, content in (sharded() | change).items() if content is not None}
    found = read_directory(write(tmp_path, files))
    assert found.state is LocalState.INCOMPLETE
    assert problem in "; ".join(found.completeness.problems)
    with pytest.raises(WeightsError, match="was not locked"):
        lock_directory(found)


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    directory = write(tmp_path / "m", single())
    (directory / "tokenizer.json").symlink_to("../secret.json")
    with pytest.raises(WeightsError, match=r"tokenizer\.json is a symbolic link to a file outside"):
        read_directory(directory)


def test_a_linked_folder_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    directory = write(tmp_path / "m", single())
    (directory / "1_Pooling").symlink_to("..")
    with pytest.raises(WeightsError, match="symbolic link to a file outside"):
        read_directory(directory)


def test_a_link_within_the_directory_is_followed(tmp_path: Path) -> None:
    directory = write(tmp_path, single())
    (directory / "tokenizer.json").symlink_to("config.json")
    assert read_directory(directory).files["tokenizer.json"] == 2


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(write(tmp_path, single()) / "tokenizer.json")
    with pytest.raises(WeightsError, match="not a regular file"):
        read_directory(tmp_path)


def test_the_lock_has_digests(tmp_path: Path) -> None:
    files = sharded()
    seen: list[int] = []
    locked = lock_directory(
        read_directory(write(tmp_path, files)), kind=SourceKind.HUB, revision="r", progress=lambda _, n: seen.append(n)
    )
    expected = [LockedFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(files.items())]
    assert list(locked.files) == expected
    assert (locked.kind, locked.revision, locked.parameters) == (SourceKind.HUB, "r", 1700)
    assert sum(seen) == locked.total_bytes


def test_digests_need_little_memory(tmp_path: Path) -> None:
    for name in "abcd":
        with (tmp_path / name).open("wb") as file:
            file.truncate(200 << 20)
    tracemalloc.start()
    digest_files(tmp_path, "abcd")
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def test_differences_by_size_and_by_content(tmp_path: Path) -> None:
    locked = lock_directory(read_directory(write(tmp_path, sharded())))
    assert differences(read_directory(tmp_path), locked, deep=True) == ()
    write(tmp_path, {"tokenizer.json": b'{"a": 2}', "config.json": b"{   }", "vocab.txt": b"v"})
    found = differences(read_directory(tmp_path), locked)
    assert found == ("config.json has 5 bytes, but 2 in the lock file", "vocab.txt is not in the lock file")
    assert "tokenizer.json does not match the lock file" in differences(read_directory(tmp_path), locked, deep=True)


def test_the_place_of_a_model(tmp_path: Path) -> None:
    assert model_path(tmp_path, "org/name") == tmp_path / "org" / "name"
    with pytest.raises(WeightsError):
        model_path(tmp_path, "../name")
