"""How vLLM is started for the LoRA adapters of a model: slots on the GPU, and the highest rank."""

from __future__ import annotations

from typing import Final

DEFAULT_RANK: Final = 16
"""vLLM's default of `--max-lora-rank`."""

_RANKS: Final = (DEFAULT_RANK, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM accepts from its default on (vllm.config.lora.MaxLoRARanks)."""

_MOST_SLOTS: Final = 8
"""Adapters that one batch of requests uses at most; vLLM reserves GPU memory for each."""


def lora_slots(adapters: int) -> int:
    """Return `--max-loras` for a number of adapters."""
    return min(adapters, _MOST_SLOTS)


def lora_rank(highest: int) -> int | None:
    """Return `--max-lora-rank` for the highest rank of the adapters; None for a rank that vLLM does not load."""
    return next((step for step in _RANKS if step >= highest), None)
