"""Environment variables that LISA's own images read and that the configuration may set, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lisa_schema.models.choices import InferenceContainer

GATEWAY: Final = "rest-api"
MODELS: Final = tuple(str(container) for container in InferenceContainer)
EVERYWHERE: Final = (GATEWAY, *MODELS)
"""The containers that LISA runs."""

_ALL_SERVERS: Final = {
    "AWS_MAX_ATTEMPTS": "attempts of a call of AWS",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "attempts to get credentials",
    "AWS_METADATA_SERVICE_TIMEOUT": "seconds that getting credentials may take",
    "AWS_RETRY_MODE": "how calls of AWS are repeated",
    "AWS_STS_REGIONAL_ENDPOINTS": "`regional` or `legacy`",
    "AWS_USE_DUALSTACK_ENDPOINT": "whether IPv6 is used for AWS",
    "AWS_USE_FIPS_ENDPOINT": "whether AWS's FIPS endpoints are used",
    "PYTHONUNBUFFERED": "whether the log is written at once",
}
_WEIGHTS: Final = {
    "COPY_ATTEMPTS": "attempts to copy the weights; 5",
    "COPY_PAUSE_SECONDS": "seconds between them; 5",
    "THREADS": "parallel copies; half the instance's vCPUs",
}

SETTABLE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        GATEWAY: {
            **_ALL_SERVERS,
            "ANSWER_TIMEOUT": "seconds until LiteLLM's first byte, and between parts of a stream; 590",
            "AWS_BEARER_TOKEN_BEDROCK": "API key of Bedrock, as the ARN of a secret",
            "CONNECT_TIMEOUT": "seconds until LiteLLM accepts a connection; 5",
            "DRAIN_TIMEOUT": "seconds that requests may take when the container stops; 90",
            "LITELLM_ANTHROPIC_PROMPT_CACHING_TTL": "how long Anthropic keeps prompts",
            "LITELLM_API_KEY": "API key of a LiteLLM proxy as provider, as the ARN of a secret",
            "LITELLM_ASYNCIO_QUEUE_MAXSIZE": "length of LiteLLM's queues",
            "LITELLM_DETAILED_TIMING": "whether LiteLLM adds times to its answers",
            "LITELLM_DONT_SHOW_FEEDBACK_BOX": "whether LiteLLM's log begins with a banner",
            "LITELLM_ENABLE_ANTHROPIC_PROMPT_CACHING": "whether Anthropic keeps prompts",
            "LITELLM_HTTP2": "whether providers are called with HTTP/2",
            "LITELLM_LOG": "level of LiteLLM's log",
            "LITELLM_MAX_STREAMING_DURATION_SECONDS": "seconds that a stream may take",
            "LITELLM_MODE": "`PRODUCTION` or `DEV`",
            "LITELLM_MODIFY_PARAMS": "whether LiteLLM adapts requests to providers",
            "LITELLM_PROXY_API_KEY": "API key of a LiteLLM proxy as provider, as the ARN of a secret",
            "LITELLM_USER_AGENT": "how LiteLLM names itself to providers",
            "LOG_LEVEL": "level of the gateway's log; `logLevel`",
            "MAX_BODY_BYTES": "longest body of a request; 100 MiB",
            "MAX_HEADER_BYTES": "longest headers of a request; 64 KiB",
            "METRICS_PORT": "port for Prometheus, which no load balancer reaches; 9090, 0 for none",
            "THREADS": "worker processes; the instance's vCPUs",
            "WEB_ORIGINS": "origins that browsers may call from; the chat application's",
        },
        "tgi": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "NUM_SHARD": "GPUs that share the model; all of them",
            "SERVER_ARGS": "more words of the server's command line",
        },
        "tei": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "SERVER_ARGS": "more words of the server's command line",
            "TOKENIZATION_WORKERS": "tokenizer threads; `THREADS`",
        },
        "vllm": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "DTYPE": "`--dtype`",
            "GPU_MEMORY_UTILIZATION": "`--gpu-memory-utilization`",
            "MAX_CONCURRENT_REQUESTS": "`--max-num-seqs`",
            "MAX_TOTAL_TOKENS": "`--max-model-len`",
            "QUANTIZE": "`--quantization`",
            "SERVER_ARGS": "more words of the server's command line",
            "TENSOR_PARALLEL_SIZE": "`--tensor-parallel-size`; all GPUs",
            "TRUST_REMOTE_CODE": "`--trust-remote-code`: runs code that comes with the weights",
        },
        "instructor": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "BATCH_SIZE": "texts that are encoded at once",
            "DEFAULT_INSTRUCTION": "instruction of a request that has none",
            "MAX_CLIENT_BATCH_SIZE": "texts of a request",
            "MAX_CONCURRENT_REQUESTS": "requests at once",
            "OMP_NUM_THREADS": "threads of PyTorch; `THREADS`",
            "TRUST_REMOTE_CODE": "whether code that comes with the weights runs",
        },
    }
)
"""By container, the variables, each with its meaning and default."""
