"""What inference servers read, by version: options of the command line, variables, quantization methods.

Those of vLLM and SGLang are data/engine_settings.json, made by tools/refresh_engine_settings.py. Those of
text-generation-inference and text-embeddings-inference are the options that their command-line references list, each of
which is also a variable; the lists hold those of all versions.
"""

from __future__ import annotations

import difflib
import json
from bisect import bisect_left, bisect_right
from enum import Enum
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final, Literal, cast

from lisa_schema.engine_versions import EngineVersion, version

Kind = Literal["options", "variables", "quantization"]

TITLES: Final = {
    "vllm": "vLLM",
    "sglang": "SGLang",
    "tgi": "text-generation-inference",
    "tei": "text-embeddings-inference",
}
"""How messages name an engine, by its inference container."""

_TGI: Final = (
    "api-key cors-allow-origin cuda-graphs cuda-memory-fraction disable-custom-kernels "
    "disable-grammar-support disable-usage-stats dtype enable-cuda-graphs enable-prefill-logprobs env "
    "graceful-shutdown hostname huggingface-hub-cache json-output kv-cache-dtype lora-adapters master-addr "
    "master-port max-batch-prefill-tokens max-batch-size max-batch-total-tokens max-best-of "
    "max-client-batch-size max-concurrent-requests max-image-fetch-size max-input-length max-input-tokens "
    "max-stop-sequences max-top-n-tokens max-total-tokens max-waiting-tokens messages-api-enabled model-id "
    "ngrok ngrok-authtoken ngrok-edge num-shard otlp-endpoint otlp-service-name payload-limit port "
    "prometheus-port quantize revision rope-factor rope-scaling sharded shard-uds-path speculate "
    "tokenizer-config-path tokenizer-name trust-remote-code usage-stats validation-workers "
    "waiting-served-ratio watermark-delta watermark-gamma weights-cache-override help version"
)
_TEI: Final = (
    "api-key auto-truncate cors-allow-origin default-prompt default-prompt-name dense-path device-id "
    "disable-spans dtype hf-api-token hf-token hostname huggingface-hub-cache json-output max-batch-requests "
    "max-batch-tokens max-client-batch-size max-concurrent-requests model-id otlp-endpoint otlp-service-name "
    "payload-limit pooling port prometheus-port revision served-model-name tokenization-workers uds-path help "
    "version"
)
_TGI_VARIABLES: Final = (
    "ATTENTION BLOCK_SIZE DISABLE_EXLLAMA EXLLAMA_VERSION FLASH_DECODING FLASH_INFER IDEFICS_MAX_TEXT_LENGTH "
    "LOG_COLORIZE LOG_FORMAT LOG_LEVEL PREFILL_CHUNKING PREFIX_CACHING SAFETENSORS_FAST_GPU SUPPORT_CHUNKING "
    "USE_CUSTOM_MODELING USE_FLASH_ATTENTION USE_PREFIX_CACHING USE_TRITON_W4A16"
)
_TEI_VARIABLES: Final = "LOG_COLORIZE LOG_FORMAT LOG_LEVEL ONNX_THREADS USE_FLASH_ATTENTION"

_TGI_QUANTIZATION: Final = (
    "awq bitsandbytes bitsandbytes-fp4 bitsandbytes-nf4 compressed-tensors eetq exl2 fp8 gptq marlin"
)
DTYPES: Final = {
    "vllm": ("auto", "half", "float16", "bfloat16", "float", "float32"),
    "sglang": ("auto", "half", "float16", "bfloat16", "float", "float32"),
    "tgi": ("float16", "bfloat16"),
    "tei": ("float16", "float32", "bfloat16"),
}
"""What `--dtype` may be, by container."""

_DOCUMENTED: Final = {
    "tgi": {
        "options": frozenset(_TGI.split()),
        "variables": frozenset(_TGI.upper().replace("-", "_").split()) | frozenset(_TGI_VARIABLES.split()),
        "quantization": frozenset(_TGI_QUANTIZATION.split()),
    },
    "tei": {
        "options": frozenset(_TEI.split()),
        "variables": frozenset(_TEI.upper().replace("-", "_").split()) | frozenset(_TEI_VARIABLES.split()),
        "quantization": frozenset[str](),
    },
}


class Support(Enum):
    """Whether a version of an engine has a setting."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def support(engine: str, kind: Kind, name: str, installed: EngineVersion | None) -> Support:
    """Return whether a version has a setting.

    Between two releases of the table, either may have it. A version after the last one may have more, and one before
    the first may have others: unknown, unless the table has the setting there.

    Args:
        engine: an inference container, other than instructor.
        kind: what the setting is.
        name: its name; of an option without dashes.
        installed: None if it is unknown: then any version counts.
    """
    if engine in _DOCUMENTED:
        return Support.YES if name in _DOCUMENTED[engine][kind] else Support.NO
    spans = _spans(engine, kind).get(name, ())
    if installed is None:
        return Support.YES if spans else Support.NO
    releases = _releases(engine)
    before = releases[max(bisect_right(releases, installed) - 1, 0)]
    after = releases[min(bisect_left(releases, installed), len(releases) - 1)]
    if any(first <= before <= last or first <= after <= last for first, last in spans):
        return Support.YES
    if installed < releases[0] or (installed > releases[-1] and not spans):
        return Support.UNKNOWN
    return Support.NO


@cache
def names(engine: str, kind: Kind) -> frozenset[str]:
    """Return the settings of an engine in any version."""
    return _DOCUMENTED[engine][kind] if engine in _DOCUMENTED else frozenset(_spans(engine, kind))


def other_versions(engine: str, kind: Kind, name: str) -> str:
    """Name the versions that have a setting, as `0.8.5 to 0.10.2`; empty without one."""
    if engine in _DOCUMENTED:
        return ""
    spans = _spans(engine, kind).get(name, ())
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in spans)


def nearest(name: str, choices: frozenset[str]) -> str | None:
    """Return the choice that a name most likely means, or None."""
    found = difflib.get_close_matches(name, sorted(choices), 1, cutoff=0.8)
    return found[0] if found else None


def table_date() -> str:
    """The day of the table, as `2026-11-29`."""
    return str(_table()["date"])


@cache
def _spans(engine: str, kind: Kind) -> dict[str, tuple[tuple[EngineVersion, EngineVersion], ...]]:
    read: dict[str, EngineVersion] = {text: version(text) for text in _table()["engines"][engine]["versions"]}
    found = {}
    for name, text in _table()["engines"][engine][kind].items():
        ends = [read[word] for word in text.split()]
        found[name] = tuple(zip(ends[::2], ends[1::2], strict=True))
    return found


@cache
def _releases(engine: str) -> tuple[EngineVersion, ...]:
    return tuple(sorted(version(text) for text in _table()["engines"][engine]["versions"]))


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "engine_settings.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
