"""Tensors that contradict config.json in ways that loaders do not notice: they load, and the model answers garbage.

Loaders look up the names that config.json implies, and compare shapes. Three cases pass: integers or scaled numbers of
a quantized model whose configuration does not state it, which a loader converts to the type of its parameter without
their scales; an output head that was trained separately while config.json declares it tied, in whose place loaders use
the embedding; and more layers than config.json has, which a loader omits. A fourth does not load at all: an output head
for which vLLM's class has no parameter, which a conversion omits (unloadable_heads) and safetensors may arrive with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_weights.model_directory import ModelDirectory
from lisa_weights.safetensors.dropped_names import is_output_head, read_config, ties_output_head
from lisa_weights.safetensors.layout import read_file
from lisa_weights.safetensors.tensors import Dtype, TensorInfo
from lisa_weights.unloadable_heads import MODEL_TYPES

_INTEGERS = frozenset(
    {Dtype.I8, Dtype.U8, Dtype.I16, Dtype.U16, Dtype.I32, Dtype.U32, Dtype.I64, Dtype.U64}
)  # fmt: skip
_SCALED = frozenset({Dtype.F4, Dtype.F8_E4M3, Dtype.F8_E5M2, Dtype.F8_E4M3FNUZ, Dtype.F8_E5M2FNUZ})
_SCALES = ("_scale", "_scale_inv", "_scale_2", ".SCB", ".scales", ".absmax")
_EMBEDDINGS = (
    "embed_tokens.weight",
    "embed_in.weight",
    "shared.weight",
    "word_embeddings.weight",
    "wte.weight",
    ".embeddings.weight",
)
_LAYER = re.compile(
    r"(?:(?:model|transformer|gpt_neox|backbone|decoder|model\.decoder)\.)?(?:layers|h|blocks)\.(\d{1,5})\."
)
_LAYER_COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_DECODERS = ("CausalLM", "LMHeadModel")
_ANSWERS_WITH_TEXT = ("CausalLM", "ConditionalGeneration", "LMHeadModel")
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor in a file, with the offset of its first byte."""

    path: Path
    info: TensorInfo
    start: int


def contradictions(directory: ModelDirectory) -> tuple[str, ...]:
    """Describe what the tensors of a complete model and its config.json contradict.

    Returns:
        Clauses, each with the name of a tensor and a remedy.

    Raises:
        WeightsError: a file cannot be read.
    """
    config = _config(directory.path)
    tensors = _tensors(directory)
    return (
        *_unstated_quantization(directory, config, tensors),
        *_untied_head(config, tensors),
        *_unloadable_head(config, tensors),
        *_omitted_layers(config, tensors),
    )


def _unstated_quantization(
    directory: ModelDirectory, config: Mapping[str, Any], tensors: Mapping[str, _Stored]
) -> Iterator[str]:
    if any(_states_quantization(part) for part in _parts(config)) or any(
        "quant" in path and path.endswith(".json") for path in directory.files
    ):
        return
    scales = sum(1 for name in tensors if name.endswith(_SCALES))
    found = [
        name
        for name, tensor in tensors.items()
        if name.endswith(".weight") and len(tensor.info.shape) > 1
        if tensor.info.dtype in _INTEGERS or (scales and tensor.info.dtype in _SCALED)
    ]
    if found:
        first = tensors[found[0]].info
        scaled = f", next to {scales} tensors of scales" if scales else ""
        yield (
            f"{len(found)} weights such as {first.name} have the type {first.dtype}{scaled}, and config.json states no "
            "quantization, so that a server would use them without their scales: add the quantization_config of the "
            "quantized model, or save dequantized weights"
        )


def _untied_head(config: Mapping[str, Any], tensors: Mapping[str, _Stored]) -> Iterator[str]:
    if not _architecture(config).endswith(_ANSWERS_WITH_TEXT) or not ties_output_head(config):
        return
    for head in (name for name in tensors if is_output_head(name) and name.endswith(".weight")):
        same_shape = [
            name
            for name, tensor in tensors.items()
            if name.endswith(_EMBEDDINGS) and tensor.info.shape == tensors[head].info.shape
        ]
        if same_shape and not any(_is_equal(tensors[head], tensors[name]) for name in same_shape):
            yield (
                f"config.json ties {head} to the embedding, but its values differ from those of {same_shape[0]}, which "
                'a server would use instead: set "tie_word_embeddings": false in config.json if the head was trained '
                "separately, or remove it"
            )


def _unloadable_head(config: Mapping[str, Any], tensors: Mapping[str, _Stored]) -> Iterator[str]:
    if config.get("model_type") not in MODEL_TYPES or not ties_output_head(config):
        return
    for head in (name for name in tensors if is_output_head(name)):
        yield (
            f"vLLM has no parameter for {head} of {config['model_type']} models, whose head is the embedding, and does "
            "not start with a file that has it: load the model with transformers and save it with save_pretrained, "
            "which omits the copy"
        )


def _omitted_layers(config: Mapping[str, Any], tensors: Mapping[str, _Stored]) -> Iterator[str]:
    """Compare the layers of a decoder, unless it has further ones that predict more tokens."""
    stated = next((config[name] for name in _LAYER_COUNTS if isinstance(config.get(name), int)), None)
    predicts_more = any(value and ("nextn" in key or "mtp" in key) for key, value in config.items())
    if stated is None or predicts_more or not _architecture(config).endswith(_DECODERS):
        return
    count = max((int(found[1]) + 1 for name in tensors if (found := _LAYER.match(name))), default=0)
    if count > stated:
        yield (
            f"the tensors are those of {count} layers and config.json has {stated}, so that a server would omit the "
            "others: replace config.json with that of this model"
        )


def _architecture(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else ""


def _states_quantization(config: Mapping[str, Any]) -> bool:
    return any(value and ("quant" in key or key == "compression_config") for key, value in config.items())


def _parts(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The configuration, and those of the models that it is composed of."""
    return [config, *(value for value in config.values() if isinstance(value, dict))]


def _config(path: Path) -> Mapping[str, Any]:
    if not (path / "config.json").is_file():
        return {}
    with (path / "config.json").open("rb") as stream:
        return read_config(stream)


def _tensors(directory: ModelDirectory) -> Mapping[str, _Stored]:
    found: dict[str, _Stored] = {}
    for name in directory.completeness.closure.root_weights:
        path = directory.path / name
        tensors = read_file(path).tensors
        start = path.stat().st_size - sum(tensor.nbytes for tensor in tensors)
        for tensor in tensors:
            found[tensor.name] = _Stored(path, tensor, start)
            start += tensor.nbytes
    return found


def _is_equal(first: _Stored, second: _Stored) -> bool:
    """Whether two tensors have the same bytes; those of different types cannot be compared and count as equal."""
    if first.info.dtype != second.info.dtype:
        return True
    with first.path.open("rb") as one, second.path.open("rb") as other:
        one.seek(first.start)
        other.seek(second.start)
        left = first.info.nbytes
        while left:
            count = min(_BLOCK_BYTES, left)
            if one.read(count) != other.read(count):
                return False
            left -= count
    return True
