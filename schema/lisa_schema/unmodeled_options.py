"""Options of vLLM whose effect on memory LISA does not compute."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

UNMODELED: Final = MappingProxyType(
    {
        "cpu-offload-gb": "a part of the weights stays in the host's memory",
        "cpu-offload-params": "a part of the weights stays in the host's memory",
        "offload-backend": "a part of the weights stays in the host's memory",
        "offload-params": "a part of the weights stays in the host's memory",
        "offload-group-size": "a part of the weights stays in the host's memory",
        "enable-expert-parallel": "experts are placed on different GPUs",
        "speculative-config": "a second model shares the GPU",
        "speculative-model": "a second model shares the GPU",
        "spec-method": "a second model shares the GPU",
        "spec-model": "a second model shares the GPU",
        "enable-tower-connector-lora": "adapters change the encoder",
        "enable-mixed-moe-lora-format": "the layout of adapters is changed",
        "enable-moe-shared-loras": "the layout of adapters is changed",
        "default-mm-loras": "adapters change the encoder",
        "enable-eplb": "experts are replicated",
        "decode-context-parallel-size": "the KV cache is split by position",
        "prefill-context-parallel-size": "the KV cache is split by position",
        "kv-cache-dtype-skip-layers": "the layout of the KV cache is changed",
        "language-model-only": "a part of the model is not loaded",
        "mm-encoder-only": "a part of the model is not loaded",
        "mm-ipc-gpu-memory-gb": "other memory is reserved on the GPU",
        "quantization-config": "the quantization is changed",
        "nnodes": "the model is split among instances",
        "hf-overrides": "the model's configuration is changed",
        "rope-scaling": "the model's configuration is changed",
        "num-gpu-blocks-override": "the size of the KV cache is overridden",
        "disable-hybrid-kv-cache-manager": "the layout of the KV cache is changed",
        "disable-sliding-window": "the layout of the KV cache is changed",
        "config": "options are in a file",
        "kv-transfer-config": "the KV cache is shared with other servers",
    }
)
"""Options whose effect on memory is not modeled, with the reason."""
