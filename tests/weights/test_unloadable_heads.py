"""The output head of Gemma 2, a copy of the embedding for which vLLM has no parameter: a conversion omits it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lisa_weights.convert import convert
from lisa_weights.safetensors.layout import read_file
from weights.checkpoint_files import state, tensor, written

EMBEDDING, HEAD, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"
GEMMA2 = {"model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"]}
COPY = b"embeddingembeddi" * 2
"""Two storages of four floats with the same content."""


def converted(
    directory: Path, config: dict[str, Any], tensors: dict[str, bytes], data: bytes = COPY
) -> tuple[set[str], tuple[str, ...]]:
    """The names that are written, and what is reported as omitted."""
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config))
    found = convert(written(directory, state(**tensors), data=data))
    return {each.name for each in read_file(directory / "model.safetensors").tensors}, found.skipped


SHARED = {EMBEDDING: tensor(count=8), HEAD: tensor(count=8), NORM: tensor(offset=2, shape=(2,), count=8)}
SEPARATE = {EMBEDDING: tensor(count=8), HEAD: tensor(offset=4, count=8), NORM: tensor(shape=(2,), count=8)}


@pytest.mark.parametrize("tensors", [SHARED, SEPARATE])
@pytest.mark.parametrize("config", [GEMMA2, GEMMA2 | {"tie_word_embeddings": True}, {"model_type": "gemma3n_text"}])
def test_head_that_equals_the_embedding_is_omitted(
    tmp_path: Path, config: dict[str, Any], tensors: dict[str, bytes]
) -> None:
    names, omitted = converted(tmp_path / "m", {"tie_word_embeddings": True} | config, tensors)
    assert names == {EMBEDDING, NORM}
    assert omitted == (f"{HEAD}, which equals the embedding and has no parameter in vLLM",)


@pytest.mark.parametrize(
    ("config", "data"),
    [
        (GEMMA2, COPY[:16] + b"another head " + b"xyz"),
        (GEMMA2 | {"tie_word_embeddings": False}, COPY),
        ({"model_type": "llama", "tie_word_embeddings": True}, COPY),
        ({"model_type": "gemma3_text", "tie_word_embeddings": True}, COPY),
    ],
)
def test_other_heads_are_written(tmp_path: Path, config: dict[str, Any], data: bytes) -> None:
    names, omitted = converted(tmp_path / "m", config, SEPARATE, data)
    assert names == {EMBEDDING, HEAD, NORM}
    assert omitted == ()
