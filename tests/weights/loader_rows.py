"""The small checkpoints that are brought through the product, and which loader answers from each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum

PROMPT = "To be"


class Loader(StrEnum):
    """What reads the directory that a container's script made.

    `vllm-serve` is the server that the container starts, `vllm` its engine in one process for many models, and
    `transformers` is for architectures that vLLM does not serve, or not on a CPU.
    """

    SERVER = "vllm-serve"
    ENGINE = "vllm"
    TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Row:
    """A checkpoint: the container that hosts it, and its loader."""

    container: str
    loader: Loader
    embeds: bool = False


EVERY_ROW_IS_SERVED = bool(os.environ.get("LISA_EVERY_LOADER"))
"""Whether every row of vLLM starts its own `vllm serve`, at 20 to 60 seconds each: `make check-loaders`."""

_DECODERS = (
    "llama-untied", "llama-shared-layers", "llama-shared-head-declared-untied", "mistral", "qwen2", "qwen2-moe",
    "qwen3", "qwen3-moe", "gemma2", "gemma3", "phi3", "gpt2", "gpt-neox", "mixtral", "opt", "bloom", "falcon",
    "starcoder2",
)  # fmt: skip
# Tied names and 16 bits; compressed attention and experts.
_SERVED_DECODERS = ("llama-tied", "deepseek-mla")
_ENGINE = Loader.SERVER if EVERY_ROW_IS_SERVED else Loader.ENGINE

ROWS = {
    **{name: Row("vllm", Loader.SERVER) for name in _SERVED_DECODERS},
    "sentence-dense": Row("vllm", Loader.SERVER, embeds=True),
    "sentence-nested-dense": Row("vllm", _ENGINE, embeds=True),
    **{name: Row("vllm", _ENGINE) for name in _DECODERS},
    **{name: Row("tgi", Loader.TRANSFORMERS) for name in ("t5", "bart")},
    **{name: Row("tei", Loader.TRANSFORMERS, embeds=True) for name in ("bert", "roberta", "xlm-roberta")},
}
