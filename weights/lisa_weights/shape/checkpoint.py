"""The shape of a checkpoint: config.json, and the bytes of its tensors by the safetensors headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lisa_weights.safetensors.tensors import TensorInfo
from lisa_weights.shape.config_file import read_shape
from lisa_weights.shape.transformer import CheckpointShape

_EMBEDDINGS: Final = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "tok_embeddings.weight")
_HEADS: Final = ("lm_head.weight", "embed_out.weight")
_LAYER: Final = re.compile(r"model\.layers\.(\d+)\.")


def checkpoint_shape(
    config: Mapping[str, Any], tensors: Iterable[TensorInfo], file_bytes: Iterable[int]
) -> CheckpointShape:
    """Compute the shape of a checkpoint.

    Tensors that servers do not load are not counted: layers after the last one (multi-token prediction), and an output
    head that config.json ties to the input embedding.

    Args:
        config: the content of config.json.
        tensors: all tensors of its safetensors files.
        file_bytes: size of each of these files.
    """
    tensors = list(tensors)
    heads = [tensor for tensor in tensors if tensor.name.endswith(_HEADS)]
    first = read_shape(config)
    is_tied = first is not None and first.ties_embeddings is True
    transformer = read_shape(config, ties_embeddings=is_tied or not heads)
    layers = None if transformer is None else transformer.layers
    loaded = [tensor for tensor in tensors if not _is_beyond(tensor.name, layers) and not (is_tied and tensor in heads)]
    ends = (*_EMBEDDINGS, *_HEADS)
    return CheckpointShape(
        tensor_bytes=sum(tensor.nbytes for tensor in loaded),
        embedding_bytes=sum(tensor.nbytes for tensor in loaded if tensor.name.endswith(ends)),
        largest_file_bytes=max(file_bytes, default=0),
        transformer=transformer,
    )


def _is_beyond(name: str, layers: int | None) -> bool:
    match = _LAYER.match(name)
    return match is not None and layers is not None and int(match[1]) >= layers
