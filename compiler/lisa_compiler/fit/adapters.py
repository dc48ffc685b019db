"""Memory of LoRA adapters under vLLM: the buffers that it reserves for them on each GPU when it starts.

For each module that an adapter may change, vLLM reserves both factors of each slot at the highest rank, whether the
adapters change it or not. Sources: `create_lora_weights` of the classes in vllm/lora/layers, and the modules that
LoRAModelManager wraps (vLLM 0.32); data/adapters.json has what differs between architectures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast

from lisa_compiler.fit.memory import dtype_bytes, runtime_dtype, stages
from lisa_compiler.fit.quantity import GIB, Quantity
from lisa_compiler.plan.lora import DEFAULT_RANK, lora_rank, lora_slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_schema.vllm_options import VllmOptions
    from lisa_weights.shape.transformer import TransformerShape

_EXPERTS_FROM: Final = (0, 12, 0)
"""The first release that is known to reserve buffers for experts; earlier ones may."""

_MARGIN: Final = 0.05
"""Share by which other releases than the one that was read may differ."""

_FLOAT32_BYTES: Final = 4
_SLICES: Final = 3
"""Slices of the widest module, that of queries, keys and values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """LoRA adapters of a server.

    Attributes:
        slots: adapters on the GPU at a time.
        rank: highest rank; None when it is unknown.
        dtype: of the buffers; `auto` for the model's.
        is_fully_sharded: whether tensor parallelism splits both factors.
        is_restricted: whether only some modules have buffers.
        memory_bytes: bytes of the adapters that stay in the host's memory; None when they are unknown.
    """

    slots: int
    rank: int | None
    dtype: str = "auto"
    is_fully_sharded: bool = False
    is_restricted: bool = False
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAdapter:
    """An adapter of the configuration, as the lock file has it.

    Attributes:
        rank: highest rank of its modules; None when it is not locked.
        size: bytes of its files; None when it is not locked.
    """

    rank: int | None
    size: int | None


def adapters_of(options: VllmOptions, configured: Sequence[LoadedAdapter] = ()) -> Adapters | None:
    """Gather how a server is started for adapters: as LISA's entrypoint does for those of the configuration.

    Args:
        options: options of the server, which override the entrypoint's.
        configured: the adapters of the configuration.

    Returns:
        None for a server without adapters.
    """
    lora = options.lora
    if not configured and not lora.is_enabled:
        return None
    rank: int | None = DEFAULT_RANK
    if any(adapter.rank is None for adapter in configured):
        rank = None
    elif configured:
        rank = lora_rank(max(adapter.rank or 0 for adapter in configured))
    sizes = [adapter.size for adapter in configured]
    return Adapters(
        slots=lora.slots or max(1, lora_slots(len(configured))),
        rank=lora.rank or rank,
        dtype=lora.dtype,
        is_fully_sharded=lora.is_fully_sharded,
        is_restricted=lora.is_restricted,
        memory_bytes=None if None in sizes else sum(size or 0 for size in sizes),
    )


def why_unknown(shape: TransformerShape, adapters: Adapters) -> str | None:
    """Why the memory of adapters cannot be computed, a clause; None when it can."""
    if adapters.rank is None:
        return "the rank of an adapter is unknown: stage it"
    if shape.architecture not in _architectures():
        return f"the memory of adapters of {shape.architecture} is not modeled"
    return None


def adapter_memory(
    shape: TransformerShape,
    adapters: Adapters,
    options: VllmOptions,
    *,
    tensor_parallel: int,
    tokens: int,
    version: tuple[int, ...] | None,
) -> tuple[Quantity, ...]:
    """Compute GiB of the buffers on each GPU, by stage of the pipeline, with their margin.

    Args:
        shape: of the model, of an architecture that is modeled.
        adapters: the adapters, with a known rank.
        options: options of the server.
        tensor_parallel: GPUs that share each layer.
        tokens: most tokens of a step.
        version: vLLM's release; None when it is unknown.
    """
    kind = _architectures()[shape.architecture]
    dtype = runtime_dtype(shape, options) if adapters.dtype == "auto" else adapters.dtype
    size = adapters.slots * (adapters.rank or DEFAULT_RANK) * dtype_bytes(dtype) / GIB
    sharded = tensor_parallel if adapters.is_fully_sharded else 1
    attention, feed_forward, experts = _layer(shape, kind, tensor_parallel, sharded)
    with_experts = attention + feed_forward + experts
    without = with_experts if version is not None and version >= _EXPERTS_FROM else attention + feed_forward
    # An embedding and a head: one factor has the vocabulary, the other one the hidden size.
    end = shape.vocab + shape.hidden
    ends_known = end if kind["embeddings"] else 0
    # While adapters are applied, each slice has a product of 32 bits for each token.
    products = _SLICES * tokens * (adapters.rank or DEFAULT_RANK) * _FLOAT32_BYTES / GIB
    sizes = stages(shape.layers, options.pipeline_parallel)
    found = []
    for index, layers in enumerate(sizes):
        ends = int(index == 0) + int(index == len(sizes) - 1)
        point = layers * with_experts + ends * ends_known
        low = 0.0 if adapters.is_restricted else layers * without * (1 - _MARGIN)
        high = (layers * with_experts + ends * end) * (1 + _MARGIN)
        found.append(Quantity(low * size, point * size, high * size + products))
    return tuple(found)


def _layer(
    shape: TransformerShape, kind: dict[str, Any], tensor_parallel: int, sharded: int
) -> tuple[float, float, float]:
    """Rows of both factors of one layer and GPU: of the attention, the feed-forward layer, and all experts."""
    inputs = int(kind["slices"])
    heads = shape.heads / tensor_parallel * shape.head_dim
    kv_heads = max(1.0, shape.kv_heads / tensor_parallel) * shape.head_dim
    first = (3 if inputs > 1 else 1) * shape.hidden / sharded + heads + 2 * kv_heads
    attention = first + heads + shape.hidden / sharded
    if not shape.experts:
        width = (shape.intermediate or 0) / tensor_parallel
        return attention, inputs * shape.hidden / sharded + 3 * width + shape.hidden / sharded, 0.0
    width = (shape.expert_intermediate or shape.intermediate or 0) / tensor_parallel
    expert = int(kind["expertSlices"]) * shape.hidden / sharded + 3 * width + shape.hidden / sharded
    router = shape.hidden + shape.experts if kind["router"] else 0
    return attention, router, shape.experts * expert


@cache
def _architectures() -> dict[str, dict[str, Any]]:
    text = (resources.files("lisa_compiler.fit") / "data" / "adapters.json").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, Any]]", json.loads(text)["architectures"])
