"""Models whose tensors load and mean something else than config.json states: they are not locked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.proof import load
from lisa_weights.resolve import IssueKind, resolve

MODEL = "org/name"
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 4}
GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 4}
LAYER = "model.layers.0.mlp.up_proj.weight"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
Tensors = Mapping[str, tuple[str, list[int], bytes]]


@pytest.fixture(autouse=True)
def _without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LIBRARIES", ("a_library_that_is_absent",))


def reasons(models: Path, config: Mapping[str, Any], tensors: Tensors, **files: object) -> str:
    """Why a model is refused; an empty text when it is locked."""
    directory = models / MODEL
    directory.mkdir(parents=True)
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    (directory / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    contents = {"config": config, "tokenizer": {"version": "1.0"}, **files}
    for name, content in contents.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    resolution = resolve([MODEL], models, WeightsLock())
    assert bool(resolution.issues) != bool(resolution.lock.models)
    assert all(issue.kind is IssueKind.REFUSED for issue in resolution.issues)
    return " ".join(reason for issue in resolution.issues for reason in issue.reasons)


def matrix(dtype: str, content: bytes, rows: int = 2) -> tuple[str, list[int], bytes]:
    return dtype, [rows, 2], content


INTEGERS = {LAYER: matrix("I8", b"abcd"), "model.layers.0.mlp.up_proj.SCB": ("F32", [2], b"\0" * 8)}
FLOATS_WITH_SCALES = {LAYER: matrix("F8_E4M3", b"abcd"), f"{LAYER}_scale_inv": ("F32", [1], b"\0" * 4)}


@pytest.mark.parametrize("tensors", [INTEGERS, FLOATS_WITH_SCALES, {LAYER: matrix("U8", b"abcd")}])
def test_quantized_weights_without_a_quantization_are_refused(tmp_path: Path, tensors: Tensors) -> None:
    found = reasons(tmp_path, LLAMA, tensors)
    assert f"1 weights such as {LAYER} have the type {tensors[LAYER][0]}" in found
    assert "add the quantization_config of the quantized model, or save dequantized weights" in found


@pytest.mark.parametrize("tensors", [INTEGERS, FLOATS_WITH_SCALES])
@pytest.mark.parametrize(
    ("config", "files"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, {}),
        ({"compression_config": {"format": "int-quantized"}}, {}),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, {}),
        ({"quantization_bit": 8}, {}),
        ({}, {"hf_quant_config": {"quantization": {"quant_algo": "FP8"}}}),
        ({}, {"quantize_config": {"bits": 8}}),
    ],
)
def test_quantized_weights_with_a_quantization_are_locked(
    tmp_path: Path, tensors: Tensors, config: dict[str, Any], files: dict[str, Any]
) -> None:
    assert reasons(tmp_path, LLAMA | config, tensors, **files) == ""


@pytest.mark.parametrize(
    "tensors",
    [
        {LAYER: matrix("F8_E4M3", b"abcd")},
        {LAYER: matrix("F32", b"\0" * 16), "model.layers.0.attn.bias": ("U8", [1, 1, 2, 2], b"abcd")},
        {LAYER: matrix("F32", b"\0" * 16), "model.embeddings.position_ids": ("I64", [1, 2], b"\0" * 16)},
    ],
)
def test_eight_bit_floats_without_scales_and_integer_buffers_are_locked(tmp_path: Path, tensors: Tensors) -> None:
    assert reasons(tmp_path, LLAMA, tensors) == ""


def layers(count: int, prefix: str = "model.layers") -> Tensors:
    return {f"{prefix}.{number}.norm.weight": matrix("F32", b"\0" * 16) for number in range(count)}


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (LLAMA | {"num_hidden_layers": 2}, layers(3)),
        (GPT2 | {"n_layer": 2}, layers(3, "h")),
        (GPT2 | {"n_layer": 2}, layers(3, "transformer.h")),
        (LLAMA | {"num_hidden_layers": 2}, layers(3, "model.decoder.layers")),
    ],
)
def test_more_layers_than_the_configuration_has_are_refused(
    tmp_path: Path, config: dict[str, Any], tensors: Tensors
) -> None:
    found = reasons(tmp_path, config, tensors)
    assert "the tensors are those of 3 layers and config.json has 2" in found
    assert "replace config.json with that of this model" in found


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (LLAMA | {"num_hidden_layers": 3}, layers(3)),
        (LLAMA | {"num_hidden_layers": 2, "num_nextn_predict_layers": 1}, layers(3)),
        (LLAMA | {"num_hidden_layers": 2}, {**layers(2), **layers(3, "vision_tower.encoder.layers")}),
        (LLAMA | {"num_hidden_layers": 2, "architectures": ["T5ForConditionalGeneration"]}, layers(3)),
        (LLAMA, layers(3)),
    ],
)
def test_layers_of_other_parts_and_of_further_tokens_are_locked(
    tmp_path: Path, config: dict[str, Any], tensors: Tensors
) -> None:
    assert reasons(tmp_path, config, tensors) == ""


TRAINED_HEAD = {EMBEDDING: matrix("F32", b"\1" * 16), HEAD: matrix("F32", b"\2" * 16)}


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (LLAMA | {"tie_word_embeddings": True}, TRAINED_HEAD),
        (LLAMA | {"text_config": {"tie_word_embeddings": True}}, TRAINED_HEAD),
        (GPT2, {"wte.weight": TRAINED_HEAD[EMBEDDING], HEAD: TRAINED_HEAD[HEAD]}),
    ],
)
def test_head_that_differs_from_the_embedding_it_is_tied_to_is_refused(
    tmp_path: Path, config: dict[str, Any], tensors: Tensors
) -> None:
    found = reasons(tmp_path, config, tensors)
    assert (
        f"config.json ties {HEAD} to the embedding, but its values differ from those of {next(iter(tensors))}" in found
    )
    assert 'set "tie_word_embeddings": false in config.json if the head was trained separately' in found


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (LLAMA, TRAINED_HEAD),
        (LLAMA | {"tie_word_embeddings": False}, TRAINED_HEAD),
        (GPT2 | {"tie_word_embeddings": False}, TRAINED_HEAD),
        (LLAMA | {"tie_word_embeddings": True}, TRAINED_HEAD | {HEAD: TRAINED_HEAD[EMBEDDING]}),
        (LLAMA | {"tie_word_embeddings": True}, TRAINED_HEAD | {HEAD: matrix("F32", b"\2" * 24, rows=3)}),
        (LLAMA | {"tie_word_embeddings": True, "architectures": ["LlamaModel"]}, TRAINED_HEAD),
        (LLAMA | {"tie_word_embeddings": True}, {EMBEDDING: TRAINED_HEAD[EMBEDDING]}),
    ],
)
def test_head_of_its_own_a_copy_and_an_unused_head_are_locked(
    tmp_path: Path, config: dict[str, Any], tensors: Tensors
) -> None:
    assert reasons(tmp_path, config, tensors) == ""


@pytest.mark.parametrize("model_type", ["gemma2", "gemma3n_text"])
def test_copy_of_the_embedding_that_vllm_has_no_parameter_for_is_refused(tmp_path: Path, model_type: str) -> None:
    gemma = {"model_type": model_type, "architectures": ["Gemma2ForCausalLM"], "vocab_size": 4}
    embedding = {EMBEDDING: TRAINED_HEAD[EMBEDDING]}
    found = reasons(tmp_path / "copy", gemma, embedding | {HEAD: TRAINED_HEAD[EMBEDDING]})
    assert f"vLLM has no parameter for {HEAD} of {model_type} models" in found
    assert reasons(tmp_path / "without", gemma, embedding) == ""
