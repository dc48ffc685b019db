"""Splitting weights into shards, and reading an index that may lead anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.shards import (
    MAX_INDEX_BYTES,
    check_index,
    index_of,
    inside,
    read_index,
    shard_names,
    split,
    weight_map_of,
)
from lisa_weights.safetensors.tensors import Dtype, TensorInfo


def tensors(sizes: Sequence[int]) -> list[TensorInfo]:
    return [TensorInfo(f"t{number}", Dtype.U8, (size,), size) for number, size in enumerate(sizes)]


def sizes_of(shards: Sequence[Sequence[TensorInfo]]) -> list[list[int]]:
    return [[tensor.nbytes for tensor in shard] for shard in shards]


def best_split(sizes: Sequence[int], limit: int) -> tuple[int, int]:
    """The fewest shards of at most `limit` bytes, and the smallest largest shard among splits into so many."""
    for count in range(1, len(sizes) + 1):
        largest = []
        for cuts in combinations(range(1, len(sizes)), count - 1):
            edges = [0, *cuts, len(sizes)]
            sums = [sum(sizes[first:last]) for first, last in pairwise(edges)]
            if max(sums) <= limit:
                largest.append(max(sums))
        if largest:
            return count, min(largest)
    raise AssertionError("a tensor is larger than the limit")


@pytest.mark.parametrize(
    "sizes",
    [
        [1] * 7,
        [3, 3, 3, 3],
        [5, 1, 1, 5, 1],
        [2, 2, 2, 2, 2, 2, 2],
        [1, 5, 2, 4, 3, 3, 1],
        [4, 0, 0, 4, 0, 4],
        [5],
        [3, 1, 4, 1, 5, 2, 2, 5],
    ],
)
@pytest.mark.parametrize("limit", [5, 6, 7, 8, 9, 11, 100])
def test_split_makes_the_fewest_shards_of_like_size(sizes: list[int], limit: int) -> None:
    shards = split(tensors(sizes), limit)
    assert [tensor for shard in shards for tensor in shard] == tensors(sizes)
    count, largest = best_split(sizes, limit)
    assert (len(shards), max(map(sum, sizes_of(shards)))) == (count, largest)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ([], 5, [[]]),
        ([0, 0], 1, [[0, 0]]),
        ([9], 5, [[9]]),
        ([1, 9, 1], 5, [[1], [9], [1]]),
        ([9, 9], 5, [[9], [9]]),
        ([5, 5], 10, [[5, 5]]),
        ([5, 6], 10, [[5], [6]]),
    ],
)
def test_split_gives_a_large_tensor_its_own_shard(sizes: list[int], limit: int, expected: list[list[int]]) -> None:
    assert sizes_of(split(tensors(sizes), limit)) == expected


def test_shard_names_number_the_files() -> None:
    assert shard_names(1) == ("model.safetensors",)
    assert shard_names(2) == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert [len(set(shard_names(count))) for count in range(1, 13)] == list(range(1, 13))
    assert shard_names(12)[9:11] == ("model-00010-of-00012.safetensors", "model-00011-of-00012.safetensors")


def test_index_names_the_file_of_each_tensor() -> None:
    first, second, third = tensors([3, 4, 5])
    index = index_of({"b": [third, first], "a": [second]})
    assert json.loads(index) == {"metadata": {"total_size": 12}, "weight_map": {"t0": "b", "t1": "a", "t2": "b"}}
    assert index.startswith(b'{\n  "metadata": {\n    "total_size": 12\n  },\n  "weight_map": {\n    "t0": "b",')
    assert index.endswith(b"}\n")
    assert "größe" in index_of({"a": [TensorInfo("größe", Dtype.U8, (1,), 1)]}).decode()


def test_files_inside_the_directory_are_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("a", "folder/b"):
        (tmp_path / name).touch()
        assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "folder/../../a", "folder/..", "..", "a\\b", "a\0b"])
def test_names_that_lead_out_are_rejected(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(WeightsError, match="is outside the model's directory; refer only to files in the directory"):
        inside(tmp_path / "model", name)


def test_links_are_followed_inside_the_directory_only(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "a").touch()
    (model / "b").touch()
    (model / "out").symlink_to(tmp_path / "a")
    (model / "within").symlink_to(model / "b")
    assert inside(model, "within") == model / "within"
    with pytest.raises(WeightsError, match="'out' is a symbolic link to a file outside the model's directory"):
        inside(model, "out")


def test_absent_files_and_directories_are_missing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("absent", "folder"):
        with pytest.raises(WeightsError, match=f"'{name}' is missing from {tmp_path.name}; download the model again"):
            inside(tmp_path, name)


@pytest.mark.parametrize(
    ("name", "said"), [("x" * 300, "cannot be looked up"), (f"/{'x' * 300}", "is outside the model")], ids=range(2)
)
def test_errors_quote_200_characters_of_a_name(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(WeightsError, match=said) as caught:
        inside(tmp_path, name)
    assert str(caught.value).startswith(f"{name[:200]!r} ")


def test_link_that_leads_to_itself_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(WeightsError, match="'loop'"):
        inside(tmp_path, "loop")


def index(weight_map: object) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


def test_read_index_maps_tensors_to_present_files(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "index").write_bytes(index({"x": "a", "y": "a"}))
    assert read_index(tmp_path, "index") == {"x": "a", "y": "a"}
    (tmp_path / "index").write_bytes(index({"x": "a", "y": "b"}))
    with pytest.raises(WeightsError, match="'b' is missing"):
        read_index(tmp_path, "index")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "has no weight_map"),
        (b"{}", "has no weight_map"),
        (index({}), "has no weight_map"),
        (index([]), "has no weight_map"),
        (index({"x": "a", "y": 7}), "refers to a file by a value that is not a string"),
    ],
)
def test_content_that_is_no_index_is_rejected(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        weight_map_of(content)
    (tmp_path / "index").write_bytes(content)
    with pytest.raises(WeightsError, match=f"index cannot be used: it {said}.*; download the model again"):
        read_index(tmp_path, "index")


def test_index_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    path = tmp_path / "index"
    path.write_bytes(index({"x": "a"}).ljust(24_000_000))
    assert read_index(tmp_path, "index") == {"x": "a"}
    path.write_bytes(index({"x": "a"}).ljust(24_000_001))
    with pytest.raises(WeightsError, match="is too large for an index"):
        read_index(tmp_path, "index")
    assert MAX_INDEX_BYTES == 24_000_000


@pytest.mark.parametrize("held", [{}, {"a": ["y"]}, {"b": ["x"]}, {"a": []}])
def test_index_that_names_another_file_is_rejected(held: dict[str, list[str]]) -> None:
    with pytest.raises(WeightsError, match=r"index maps 'x' to a, which does not contain it\."):
        check_index("index", {"x": "a"}, held)


def test_index_that_matches_its_files_is_accepted() -> None:
    check_index("index", {"x": "a", "y": "b"}, {"a": ["x", "z"], "b": iter(["y"])})
