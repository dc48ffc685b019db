"""Formulas of a GPU's memory under vLLM: weights and activations, in GiB per GPU.

The constants are fitted to measured runs, as docs/decisions/0053-fit.md explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.constants import activation_override
from lisa_compiler.fit.quantity import GIB, Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.fit.constants import BatchDefaults, VllmConstants
    from lisa_compiler.fit.facts import TensorBytes
    from lisa_schema.vllm_options import VllmOptions
    from lisa_weights.shape.transformer import TransformerShape

_FLOAT32: Final = "float32"
_FLOAT32_SAMPLER_BYTES: Final = 2
"""More bytes of the sampler for each entry when the model computes in float32."""

_RESIDUAL_BYTES: Final = 6


def runtime_dtype(shape: TransformerShape, options: VllmOptions) -> str:
    """Return the dtype that a model computes in; `auto` makes 16 bits of a float32 checkpoint."""
    if options.dtype != "auto":
        return options.dtype
    return "float16" if shape.dtype == _FLOAT32 else shape.dtype


def dtype_bytes(dtype: str) -> int:
    """Return bytes of an element of a 16-bit or 32-bit dtype."""
    return 4 if dtype == _FLOAT32 else 2


def stages(layers: int, pipeline_parallel: int) -> tuple[int, ...]:
    """Split layers among the stages of a pipeline as vLLM does.

    What is left over goes, one each, to the stages before the last one, from back to front (vLLM's get_pp_indices).
    """
    each, rest = divmod(layers, pipeline_parallel)
    sizes = [each] * pipeline_parallel
    for index in range(rest):
        sizes[pipeline_parallel - 2 - index] += 1
    return tuple(sizes)


def loaded_bytes(tensors: TensorBytes, shape: TransformerShape, options: VllmOptions) -> tuple[Quantity, float, bool]:
    """Compute the bytes that a model has when it is loaded.

    Returns:
        The bytes; those of embedding and head among them; whether there is an upper limit.
    """
    embeddings = float(tensors.embeddings if tensors.embeddings is not None else 0)
    high = float(tensors.high if tensors.high is not None else tensors.low)
    stored = Quantity(float(tensors.low), high, high)
    is_bounded = tensors.high is not None
    if shape.quantization is not None:
        return stored, embeddings, is_bounded
    scale = dtype_bytes(runtime_dtype(shape, options)) / dtype_bytes(shape.dtype)
    stored, embeddings = stored.times(scale), embeddings * scale
    if options.quantization == "fp8":
        return _quantized(stored, embeddings, 2), embeddings, is_bounded
    if options.quantization == "bitsandbytes":
        return _quantized(stored, embeddings, 4), embeddings, False
    return stored, embeddings, is_bounded


def weights(
    loaded: Quantity,
    embeddings: float,
    shape: TransformerShape,
    options: VllmOptions,
    tensor_parallel: int,
    *,
    is_quantized: bool,
) -> tuple[Quantity, ...]:
    """Compute GiB of weights on each GPU, by stage of the pipeline, with their margin."""
    blocks = loaded.minus(Quantity.exactly(embeddings))
    replicated = _replicated_bytes(shape, options, tensor_parallel)
    one_end = embeddings if shape.ties_embeddings else embeddings / 2
    sizes = stages(shape.layers, options.pipeline_parallel)
    found = []
    for index, layers in enumerate(sizes):
        is_end = [index == 0, index == len(sizes) - 1]
        ends = embeddings if len(sizes) == 1 else one_end * sum(is_end)
        share = layers / shape.layers
        size = blocks.times(share).plus(Quantity.exactly(ends)).times(1 / tensor_parallel)
        size = size.plus(Quantity.exactly(replicated * share)).times(1 / GIB)
        found.append(Quantity(size.low * 0.99, size.point, size.high * (1.02 if is_quantized else 1.01) + 0.05))
    return tuple(found)


def activation(
    shape: TransformerShape,
    options: VllmOptions,
    row: VllmConstants,
    defaults: BatchDefaults,
    tensor_parallel: int,
) -> Quantity:
    """Compute GiB of activations that vLLM profiles: the sampler with all sequences, or the largest layer."""
    sequences = options.max_num_seqs or defaults.max_num_seqs
    tokens = options.max_num_batched_tokens or defaults.max_num_batched_tokens
    per_entry = row.sampler_bytes
    if runtime_dtype(shape, options) == _FLOAT32:
        per_entry += _FLOAT32_SAMPLER_BYTES
    sampler = per_entry * sequences * shape.vocab
    residual = _RESIDUAL_BYTES * tokens * shape.hidden
    experts = 0.0
    is_mxfp4 = shape.quantization is not None and shape.quantization.method == "mxfp4"
    if shape.experts_per_token and shape.expert_intermediate and not is_mxfp4:
        width = 2 * shape.expert_intermediate / tensor_parallel + shape.hidden
        experts = tokens * shape.experts_per_token * width * 2
    feed_forward = tokens * (2 * (shape.intermediate or 0) / tensor_parallel + 6 * shape.hidden) * 2
    point = max(sampler + residual + experts, feed_forward) / GIB
    point = activation_override(shape.architecture, row) or point
    is_wide = row.graphs_in_budget or options.pipeline_parallel > 1
    is_wide = is_wide or (shape.has_encoder and row.sampler_bytes == 39)
    low = max(point * (0.4 if is_wide else 0.85) - 0.1, 0.0)
    high = point * 1.10 + 0.25 + (0.4 if shape.experts else 0.0) + (0.3 if shape.has_encoder else 0.0)
    return Quantity(low, point, high)


def tightest(stages_left: Sequence[Quantity]) -> Quantity:
    """Return the stage with the least memory left, by each limit."""
    return Quantity(
        min(left.low for left in stages_left),
        min(left.point for left in stages_left),
        min(left.high for left in stages_left),
    )


def _quantized(stored: Quantity, embeddings: float, divisor: int) -> Quantity:
    kept = Quantity.exactly(embeddings)
    return stored.minus(kept).times(1 / divisor).plus(kept)


def _replicated_bytes(shape: TransformerShape, options: VllmOptions, tensor_parallel: int) -> float:
    """Bytes of projections of keys and values that each GPU holds more than its share."""
    if shape.kv_lora_rank is not None or shape.kv_heads >= tensor_parallel:
        return 0.0
    bits = shape.quantization.weight_bits if shape.quantization is not None else None
    size = (bits or 16) / 8 if shape.quantization is not None else dtype_bytes(runtime_dtype(shape, options))
    # All heads on every GPU would be kvHeads; each GPU has one, and its share of them is counted already.
    projections = shape.layers * 2 * shape.hidden * shape.head_dim * size
    return projections * (1 - shape.kv_heads / tensor_parallel)
