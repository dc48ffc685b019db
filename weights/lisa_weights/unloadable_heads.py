"""Output heads that a conversion omits: a copy of the embedding, in models whose server has no parameter for it.

A conversion writes every name (docs/decisions/0022-every-name.md), and loaders ignore a tied head that they do not
need. vLLM's classes for Gemma 2 and Gemma 3n are the exception: they compute the logits from the embedding, have no
parameter named `lm_head`, and end with an error where a file has one. `save_pretrained` omits it; `torch.save` of a
state dict, as trainers write it, does not.

Source: vllm/model_executor/models/gemma2.py and gemma3n.py, versions up to 0.32.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from lisa_weights.output_tensors import OutputTensor
from lisa_weights.safetensors.dropped_names import ties_output_head

MODEL_TYPES = frozenset({"gemma2", "gemma3n", "gemma3n_text"})
"""Values of `model_type` of models whose server has no output head."""

_HEAD = "lm_head.weight"
_EMBEDDING = "embed_tokens.weight"
_BLOCK_BYTES = 4 << 20


def unloadable_heads(parts: Mapping[str, OutputTensor], config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the tensors that must not be written, because the server has no parameter for them.

    A head whose content differs from the embedding is not among them.

    Args:
        parts: the tensors of the checkpoint, by name.
        config: content of config.json.
    """
    if config.get("model_type") not in MODEL_TYPES or not ties_output_head(config):
        return ()
    heads = [name for name in parts if name == _HEAD or name.endswith(f".{_HEAD}")]
    embeddings = [part for name, part in parts.items() if name.endswith(f".{_EMBEDDING}")]
    return tuple(head for head in heads if any(_is_equal(parts[head], embedding) for embedding in embeddings))


def _is_equal(first: OutputTensor, second: OutputTensor) -> bool:
    if (first.info.dtype, first.info.shape) != (second.info.dtype, second.info.shape):
        return False
    if (first.place, first.view) == (second.place, second.view):
        return True
    if not (first.view.is_contiguous and second.view.is_contiguous):
        return False
    blocks = range(0, first.info.nbytes, _BLOCK_BYTES)
    return all(_block(first, start) == _block(second, start) for start in blocks)


def _block(part: OutputTensor, start: int) -> bytes:
    first = part.place.start + part.view.offset * part.info.dtype.size
    return os.pread(part.place.descriptor, min(_BLOCK_BYTES, part.info.nbytes - start), first + start)
