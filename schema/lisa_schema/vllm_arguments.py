"""Arguments of vLLM's server, and of SGLang's parallel sizes, as options with their values.

The aliases and forms are those of FlexibleArgumentParser (vLLM 0.9 to 0.33).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_ALIASES: Final = {
    "-tp": "tensor-parallel-size",
    "-pp": "pipeline-parallel-size",
    "-dp": "data-parallel-size",
    "-dcp": "decode-context-parallel-size",
    "-q": "quantization",
    "-sc": "speculative-config",
    "-ep": "enable-expert-parallel",
}
_LONG_ALIASES: Final = {
    "kv-cache-memory": "kv-cache-memory-bytes",
    # SGLang's names.
    "tp": "tensor-parallel-size",
    "tp-size": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "pp-size": "pipeline-parallel-size",
    "dp": "data-parallel-size",
    "dp-size": "data-parallel-size",
}
FLAGS: Final = frozenset(
    {
        "enable-dp-attention",
        "enable-expert-parallel",
        "enable-lora",
        "fully-sharded-loras",
        "enable-tower-connector-lora",
        "enable-mixed-moe-lora-format",
        "enable-moe-shared-loras",
        "enable-eplb",
        "enforce-eager",
        "disable-hybrid-kv-cache-manager",
        "disable-sliding-window",
        "language-model-only",
        "mm-encoder-only",
    }
)
"""Options without a value; `--no-` before the name turns one off."""


def read_arguments(words: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    """Yield each option with its value; None for a flag."""
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-") or _is_number(word):
            continue
        name, has_value, value = word.partition("=")
        option = _ALIASES.get(name) or (name[2:].replace("_", "-") if name.startswith("--") else None)
        if option is None:
            continue
        # Parts of a JSON value: --speculative-config.method.
        option = option.partition(".")[0]
        option = _LONG_ALIASES.get(option, option)
        if has_value:
            yield option, value
        elif option not in FLAGS and queue and (not queue[0].startswith("-") or _is_number(queue[0])):
            yield option, queue.pop(0)
        else:
            yield option, None


def _is_number(word: str) -> bool:
    return word[1:].replace(".", "", 1).isdecimal()
