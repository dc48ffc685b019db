"""Names that a header records without a tensor, by headers alone, and the configuration that may allow them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from lisa_weights.safetensors.dropped_names import FileNames, dropped_names, read_config
from lisa_weights.safetensors.header import Header
from lisa_weights.safetensors.tensors import Dtype, TensorInfo

FILE = "model.safetensors"


def names(*stored: str, **recorded: str) -> FileNames:
    return FileNames(stored, {name.replace("__", "."): kept for name, kept in recorded.items()})


def dropped(*files: FileNames, config: Mapping[str, Any] | None = None) -> list[str]:
    """The names that are reported of files with these names."""
    found = dropped_names({f"{number}-{FILE}": file for number, file in enumerate(files)}, lambda: config or {})
    return [sentence.split("'")[1] for sentence in found]


def test_names_are_those_of_the_header_without_its_format() -> None:
    tensors = (TensorInfo("pt", Dtype.U8, (1,), 1), TensorInfo("w", Dtype.U8, (1,), 1))
    header = Header(tensors, {"format": "pt", "a": "w", "z": "w"})
    assert FileNames.of(header) == FileNames(("pt", "w"), {"a": "w", "z": "w"})


def test_config_is_read_only_where_names_are_recorded() -> None:
    def unread() -> Mapping[str, Any]:
        raise AssertionError("config.json is not needed")

    assert dropped_names({FILE: names("w")}, unread) == ()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([names("w", a="w")], ["a"]),
        ([names("w", z="w")], ["z"]),
        ([names("w", w="w")], []),
        ([names("w", a="absent")], []),
        ([names("w", a="w"), names("a")], []),
        ([names("w"), names("v", a="w")], ["a"]),
        ([names("w", b="w", a="w"), names("v", c="v")], ["a", "b", "c"]),
    ],
)
def test_recorded_names_of_stored_tensors_are_reported(files: list[FileNames], expected: list[str]) -> None:
    assert dropped(*files) == expected


def test_sentence_names_the_file_and_both_tensors() -> None:
    (sentence,) = dropped_names({FILE: names("w", a="w")}, dict)
    assert sentence == "model.safetensors lacks 'a', which its header records as the same tensor as 'w'"


@pytest.mark.parametrize("head", ["lm_head.weight", "model.lm_head.weight", "output_projection.weight"])
@pytest.mark.parametrize(
    ("config", "is_reported"),
    [
        ({"tie_word_embeddings": True}, False),
        ({"tie_word_embeddings": False}, True),
        ({"tie_word_embeddings": "yes"}, True),
        ({"tie_word_embeddings": None, "model_type": "bert"}, False),
        ({"tie_word_embeddings": False, "model_type": "bert"}, True),
        ({"tie_word_embeddings": False, "text_config": {"tie_word_embeddings": True}}, True),
        ({"text_config": {"tie_word_embeddings": True}}, False),
        ({"text_config": {"tie_word_embeddings": False}, "model_type": "bert"}, True),
        ({"text_config": "x", "model_type": "bert"}, False),
        ({"text_config": {"model_type": "bert"}}, True),
        ({"model_type": "llama"}, True),
        ({}, True),
    ],
)
def test_output_head_may_be_tied(head: str, config: Mapping[str, Any], is_reported: bool) -> None:
    file = FileNames(("embedding.weight",), {head: "embedding.weight"})
    assert dropped(file, config=config) == ([head] if is_reported else [])


@pytest.mark.parametrize("name", ["xlm_head.weight", "lm_head.weight.scale", "lm_head", "embedding.weight2"])
def test_only_an_output_head_may_be_tied(name: str) -> None:
    file = FileNames(("embedding.weight",), {name: "embedding.weight"})
    assert dropped(file, config={"tie_word_embeddings": True}) == [name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b'{"a": 1', b"[" * 100_000], ids=range(7))
def test_config_that_is_no_object_counts_as_empty(content: bytes) -> None:
    assert read_config(io.BytesIO(content)) == {}


def test_config_is_read_up_to_its_limit() -> None:
    limit = 4_000_000
    assert read_config(io.BytesIO(b'{"a": 1}'.ljust(limit))) == {"a": 1}
    assert read_config(io.BytesIO(b'{"a": 1}'.ljust(limit + 1))) == {}
    endless = io.BytesIO(b" " * (limit + 1000))
    assert read_config(endless) == {}
    assert endless.tell() == limit + 1
