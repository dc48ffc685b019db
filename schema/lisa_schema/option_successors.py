"""What to write instead of options that a version of an engine does not have, or that another engine has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_GONE: Final = "Remove it: newer versions have no such setting."
_SPECULATION: Final = (
    "Write `--speculative-config` with a JSON object, such as "
    '`{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4}`.'
)
_STRUCTURED: Final = 'Write `--structured-outputs-config` with a JSON object, such as `{"backend": "xgrammar"}`.'
_BALANCING: Final = "Write `--eplb-config` with a JSON object."
_PROMPTS: Final = "Remove it: newer versions have no prompt adapters."


def _use(option: str) -> str:
    return f"Write `--{option}`."


def _each(names: str, instruction: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), instruction)


_SUCCESSORS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "vllm": {
            **_each("rope-scaling rope-theta", "Set it in the JSON object of `--hf-overrides`."),
            "cuda-graph-sizes": _use("cudagraph-capture-sizes"),
            "disable-log-requests": "Remove it: requests are not logged unless `--enable-log-requests` is set.",
            "swap-space": "Remove it: newer versions have no swap space.",
            **_each(
                "guided-decoding-backend guided-decoding-disable-fallback guided-decoding-disable-any-whitespace "
                "guided-decoding-disable-additional-properties",
                _STRUCTURED,
            ),
            "task": "Write `--runner pooling` for embeddings; the rest follows from the model.",
            "override-pooler-config": _use("pooler-config"),
            **_each(
                "speculative-model num-speculative-tokens speculative-draft-tensor-parallel-size "
                "speculative-disable-by-batch-size ngram-prompt-lookup-max ngram-prompt-lookup-min "
                "spec-decoding-acceptance-method speculative-model-quantization",
                _SPECULATION,
            ),
            "max-seq-len-to-capture": "Remove it: CUDA graphs are captured by batch size, whatever the length.",
            "enable-reasoning": "Remove it: `--reasoning-parser` alone turns reasoning on.",
            **_each(
                "use-v2-block-manager num-scheduler-steps multi-step-stream-outputs preemption-mode "
                "disable-async-output-proc tokenizer-pool-size tokenizer-pool-type tokenizer-pool-extra-config "
                "scheduler-delay-factor num-lookahead-slots enable-lora-bias lora-extra-vocab-size "
                "disable-frontend-multiprocessing max-num-partial-prefills max-long-partial-prefills "
                "long-lora-scaling-factors calculate-kv-scales override-neuron-config device",
                _GONE,
            ),
            **_each("enable-prompt-adapter max-prompt-adapters max-prompt-adapter-token", _PROMPTS),
            "disable-mm-preprocessor-cache": "Write `--mm-processor-cache-gb` and `0`.",
            **_each("eplb-log-balancedness eplb-step-interval eplb-window-size num-redundant-experts", _BALANCING),
            **_each("worker-use-ray engine-use-ray", "Write `--distributed-executor-backend` and `ray`."),
            "qlora-adapter-name-or-path": "List the adapter in `adapters`.",
            **_each(
                "context-length max-total-tokens max-seq-len max-input-length max-input-tokens", _use("max-model-len")
            ),
            **_each("mem-fraction-static cuda-memory-fraction", _use("gpu-memory-utilization")),
            **_each("num-shard tp-size", _use("tensor-parallel-size")),
            "quantize": _use("quantization"),
            **_each("max-running-requests max-concurrent-requests max-batch-size", _use("max-num-seqs")),
            "max-batch-prefill-tokens": _use("max-num-batched-tokens"),
            "dp-size": _use("data-parallel-size"),
        },
        "sglang": {
            **_each("max-model-len max-seq-len", _use("context-length")),
            "gpu-memory-utilization": _use("mem-fraction-static"),
            **_each("max-num-seqs max-concurrent-requests", _use("max-running-requests")),
            "max-num-batched-tokens": _use("chunked-prefill-size"),
            "num-shard": _use("tp-size"),
            "quantize": _use("quantization"),
            **_each("enable-prefix-caching enable-chunked-prefill", "Remove it: SGLang does it unless it is disabled."),
            "no-enable-prefix-caching": _use("disable-radix-cache"),
            "enforce-eager": _use("disable-cuda-graph"),
            "enable-auto-tool-choice": "Remove it: `--tool-call-parser` alone turns tool calls on.",
            "enable-deepep-moe": "Write `--moe-a2a-backend` and `deepep`.",
            "enable-ep-moe": "Write `--ep-size` and the number of GPUs.",
            **_each(
                "enable-flashinfer-cutlass-moe enable-flashinfer-mxfp4-moe enable-flashinfer-trtllm-moe "
                "enable-triton-kernel-moe",
                "Write `--moe-runner-backend` and the name of the backend.",
            ),
        },
        "tgi": {
            **_each("max-model-len context-length max-seq-len", _use("max-total-tokens")),
            **_each("tensor-parallel-size tp tp-size", _use("num-shard")),
            "quantization": _use("quantize"),
            **_each("gpu-memory-utilization mem-fraction-static", _use("cuda-memory-fraction")),
            **_each("max-num-seqs max-running-requests", _use("max-concurrent-requests")),
            "max-num-batched-tokens": _use("max-batch-prefill-tokens"),
            "enable-lora": "Use vLLM, which serves `adapters`.",
        },
        "tei": {
            **_each("max-model-len max-seq-len max-input-length", "Write `--auto-truncate` for longer texts."),
            **_each("max-num-seqs max-running-requests", _use("max-concurrent-requests")),
            "max-num-batched-tokens": _use("max-batch-tokens"),
            "pooling-type": _use("pooling"),
        },
    }
)


def successor(engine: str, option: str) -> str | None:
    """Return what to do about an option that an engine does not have, a sentence; None when it is not in the table.

    Args:
        engine: an inference container.
        option: its name without dashes.
    """
    return _SUCCESSORS.get(engine, {}).get(option)


def successors(engine: str) -> Mapping[str, str]:
    """Return the table of an engine."""
    return _SUCCESSORS[engine]
