"""Which files are the model's weights; indexes and links that lead out of its directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lisa_weights.convert import convert
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.layout import lay_out, read_file
from lisa_weights.safetensors.shards import shard_names, split
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from lisa_weights.sources import find_sources


def touched(directory: Path, *names: str) -> Path:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).write_bytes(b"")
    return directory


def safetensors(path: Path, *names: str) -> None:
    layout = lay_out([TensorInfo(name, Dtype.U8, (2,), 2) for name in names], {"format": "pt"})
    path.write_bytes(layout.head + b"\0" * (layout.size - len(layout.head)))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["pytorch_model.bin", "training_args.bin", "optimizer.pt", "rng_state_0.pth"], ["pytorch_model.bin"]),
        (["pytorch_model.bin", "model.safetensors"], ["model.safetensors"]),
        (["consolidated.pth"], ["consolidated.pth"]),
        (["m-00001-of-00002.pt", "m-00002-of-00002.pt"], ["m-00001-of-00002.pt", "m-00002-of-00002.pt"]),
        (["pytorch_model.bin", "model-00001-of-00002.safetensors"], ["pytorch_model.bin"]),
    ],
)
def test_the_weights_of_a_directory(tmp_path: Path, names: list[str], found: list[str]) -> None:
    assert list(find_sources(touched(tmp_path, *names)).files) == found


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["config.json", "training_args.bin"], "contains no weights"),
        (["a.pt", "b.pt"], "ambiguous which of a.pt, b.pt"),
        (["consolidated.00.pth", "consolidated.01.pth"], "ambiguous"),
        (["m-00001-of-00002.bin"], "Of 2 parts of m there are 1"),
        (["model-00001-of-00002.safetensors"], "Of 2 parts of model there are 1"),
    ],
)
def test_directories_that_are_not_clear(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        find_sources(touched(tmp_path, *names))


def test_a_checkpoint_beside_the_files_of_an_index_is_refused(tmp_path: Path) -> None:
    part = "pytorch_model-00001-of-00001.bin"
    touched(tmp_path, "pytorch_model.bin", part)
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": {"w": part}}))
    with pytest.raises(
        WeightsError, match=r"two checkpoints, pytorch_model\.bin and the files of pytorch_model\.bin\."
    ):
        find_sources(tmp_path)
    index.write_text(json.dumps({"weight_map": {"w": "pytorch_model.bin"}}))
    assert find_sources(tmp_path).files == ("pytorch_model.bin",)


@pytest.mark.parametrize("file", ["../secret.bin", "/etc/passwd", "a/../../secret.bin", "..\\secret.bin", "", "a\0b"])
@pytest.mark.parametrize("index", ["pytorch_model.bin.index.json", "model.safetensors.index.json"])
def test_an_index_that_leads_out(tmp_path: Path, file: str, index: str) -> None:
    touched(tmp_path, "secret.bin")
    model = touched(tmp_path / "m")
    (model / index).write_text(json.dumps({"weight_map": {"w": file}}))
    with pytest.raises(WeightsError, match="is outside the model's directory"):
        convert(model)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors", "pytorch_model.bin.index.json"])
def test_a_symbolic_link_that_leads_out(tmp_path: Path, name: str) -> None:
    touched(tmp_path, "secret")
    model = touched(tmp_path / "m")
    (model / name).symlink_to(tmp_path / "secret")
    with pytest.raises(WeightsError, match="is a symbolic link to a file outside"):
        convert(model)


@pytest.mark.parametrize("content", ["[]", "{", '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "[" * 100_000])
def test_an_index_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "pytorch_model.bin.index.json").write_text(content)
    with pytest.raises(WeightsError):
        convert(tmp_path)


def test_safetensors_are_checked_and_not_rewritten(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", "a", "b")
    before = (tmp_path / "model.safetensors").stat().st_mtime_ns
    converted = convert(tmp_path)
    assert not converted.written
    assert [tensor.name for tensor in converted.tensors] == ["a", "b"]
    assert (tmp_path / "model.safetensors").stat().st_mtime_ns == before


def test_safetensors_that_are_cut_off(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", "a")
    whole = (tmp_path / "model.safetensors").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "model.safetensors").write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="is not a complete safetensors file"):
            convert(tmp_path)


def test_an_index_whose_shard_is_missing_is_not_complete(tmp_path: Path) -> None:
    safetensors(tmp_path / "model-00001-of-00002.safetensors", "a")
    weight_map = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(WeightsError, match=r"'model-00002-of-00002\.safetensors' is missing"):
        convert(tmp_path)


def test_layout_puts_wide_types_first_and_is_read_again(tmp_path: Path) -> None:
    tensors = [
        TensorInfo("b", Dtype.U8, (3,), 3),
        TensorInfo("a", Dtype.F32, (), 4),
        TensorInfo("c", Dtype.I64, (0,), 0),
    ]
    layout = lay_out(tensors, {"format": "pt"})
    assert [tensor.name for tensor, _ in layout.places] == ["c", "a", "b"]
    assert len(layout.head) % 8 == 0
    (tmp_path / "x.safetensors").write_bytes(layout.head + b"\1" * 7)
    assert set(read_file(tmp_path / "x.safetensors").tensors) == set(tensors)


def test_shards_hold_at_most_the_limit_or_one_tensor() -> None:
    tensors = [TensorInfo(str(size), Dtype.U8, (size,), size) for size in (3, 4, 20, 1, 9)]
    assert [[tensor.nbytes for tensor in shard] for shard in split(tensors, 10)] == [[3, 4], [20], [1, 9]]
    assert shard_names(1) == ("model.safetensors",)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ([5, 5, 5, 1], 15, [[5, 5], [5, 1]]),
        ([1] * 7, 3, [[1, 1, 1], [1, 1, 1], [1]]),
        ([9, 1, 1, 1], 9, [[9], [1, 1, 1]]),
        ([2, 30, 2, 2], 10, [[2], [30], [2, 2]]),
        ([], 10, [[]]),
    ],
)
def test_shards_are_as_few_and_as_alike_as_the_limit_allows(
    sizes: list[int], limit: int, expected: list[list[int]]
) -> None:
    tensors = [TensorInfo(str(at), Dtype.U8, (size,), size) for at, size in enumerate(sizes)]
    assert [[tensor.nbytes for tensor in shard] for shard in split(tensors, limit)] == expected


def test_a_shard_size_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="at least one byte"):
        convert(tmp_path, max_shard_size=0)
