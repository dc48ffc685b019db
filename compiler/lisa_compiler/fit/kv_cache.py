"""The KV cache of vLLM's V1 engine: blocks, tokens and concurrency, by groups of layers of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.memory import dtype_bytes, runtime_dtype
from lisa_compiler.fit.quantity import GIB
from lisa_weights.shape.transformer import CHUNKED, PAGED_KINDS, SLIDING

if TYPE_CHECKING:
    from lisa_schema.vllm_options import VllmOptions
    from lisa_weights.shape.transformer import AttentionLayers, TransformerShape

_FP8_MLA_BYTES: Final = 656
"""Bytes of a token and layer with DeepSeek's `fp8_ds_mla` cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLayout:
    """How a KV cache is laid out.

    Attributes:
        layers: the layers by kind.
        group: layers of a group.
        token_bytes: bytes of a token in one layer, per GPU.
        block: tokens of a block.
        batched_tokens: most tokens of a step.
    """

    layers: tuple[AttentionLayers, ...]
    group: int
    token_bytes: float
    block: int
    batched_tokens: int

    @property
    def groups(self) -> int:
        """Groups of all kinds together."""
        return sum(ceil(kind.layers / self.group) for kind in self.layers)

    @property
    def bytes_per_block(self) -> float:
        """Bytes of a block of all layers of a group."""
        return self.group * self.token_bytes * self.block

    def blocks(self, gib: float) -> int:
        """Blocks that a memory of so many GiB holds."""
        return max(0, int(gib * GIB // self.bytes_per_block))

    def blocks_of_sequence(self, length: int) -> int:
        """Blocks that one sequence of a length needs in all groups."""
        return sum(ceil(kind.layers / self.group) * self._blocks(kind, length) for kind in self.layers)

    def concurrency(self, gib: float, length: int) -> float:
        """Sequences of a length that a memory of so many GiB holds."""
        return self.blocks(gib) / self.blocks_of_sequence(length)

    def tokens(self, gib: float, length: int, *, by_concurrency: bool) -> int:
        """Tokens as vLLM prints them: by concurrency from 0.21 on, by blocks before."""
        if by_concurrency:
            return int(self.concurrency(gib, length) * length)
        return self.blocks(gib) // self.groups * self.block

    def longest(self, gib: float, limit: int, sequences: int = 1) -> int:
        """The longest sequence of which so many fit, at most the limit."""
        low, high = 0, limit
        available = self.blocks(gib)
        if available < self.blocks_of_sequence(1) * sequences:
            return 0
        if self.blocks_of_sequence(limit) * sequences <= available:
            return limit
        while low < high:
            middle = (low + high + 1) // 2
            if self.blocks_of_sequence(middle) * sequences <= available:
                low = middle
            else:
                high = middle - 1
        return low

    def gib_of_sequence(self, length: int) -> float:
        """GiB that one sequence of a length needs."""
        return self.blocks_of_sequence(length) * self.bytes_per_block / GIB

    def _blocks(self, kind: AttentionLayers, length: int) -> int:
        if kind.kind == SLIDING and kind.window:
            return ceil(min(kind.window - 1 + self.batched_tokens, length) / self.block) + 1
        if kind.kind == CHUNKED and kind.window:
            return ceil(min(kind.window + self.batched_tokens, length) / self.block)
        return ceil(length / self.block)


def cache_layout(
    shape: TransformerShape, options: VllmOptions, tensor_parallel: int, batched_tokens: int, block: int
) -> CacheLayout | None:
    """Lay out the KV cache of one GPU; with a pipeline, that of the stage with most layers.

    Returns:
        None when it cannot be computed: see why_unmodeled().
    """
    if why_unmodeled(shape, options) is not None:
        return None
    layers = shape.attention
    if options.pipeline_parallel > 1:
        most = -(-shape.layers // options.pipeline_parallel)
        layers = tuple(type(kind)(kind.kind, most, kind.window) for kind in layers)
    counts = [kind.layers for kind in layers]
    group = max(counts) if max(counts) < 1.5 * min(counts) else min(counts)
    return CacheLayout(
        layers=layers,
        group=group,
        token_bytes=_token_bytes(shape, options, tensor_parallel),
        block=block,
        batched_tokens=batched_tokens,
    )


def why_unmodeled(shape: TransformerShape, options: VllmOptions) -> str | None:
    """Return why the KV cache cannot be computed, a clause; None when it can."""
    if shape.unmodeled is not None:
        return shape.unmodeled
    if any(kind.kind not in PAGED_KINDS for kind in shape.attention):
        return "its layers keep a state that is not modeled"
    if options.pipeline_parallel > 1 and len(shape.attention) > 1:
        return "its layers are of several kinds and split into stages"
    return None


def _token_bytes(shape: TransformerShape, options: VllmOptions, tensor_parallel: int) -> float:
    size = dtype_bytes(runtime_dtype(shape, options))
    if options.kv_cache_dtype.startswith("fp8"):
        size = 1
    elif options.kv_cache_dtype in ("float16", "bfloat16", "half"):
        size = 2
    elif options.kv_cache_dtype == "float32":
        size = 4
    if shape.kv_lora_rank is not None:
        if options.kv_cache_dtype == "fp8_ds_mla":
            return _FP8_MLA_BYTES
        return float((shape.kv_lora_rank + (shape.qk_rope_head_dim or 0)) * size)
    return float(2 * max(1, shape.kv_heads // tensor_parallel) * shape.head_dim * size)
