"""Environment variables that LISA's own images read and that the configuration may set, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

GATEWAY: Final = "rest-api"
MODELS: Final = ("tgi", "tei", "instructor", "vllm", "sglang")
"""The values of `inferenceContainer`; its type would bring pydantic along, which a review takes too long to import."""

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
    "HOME": "directory of caches, in a mount that the container can write to; /tmp",
    "COPY_ATTEMPTS": "attempts to copy the weights; 5",
    "COPY_PAUSE_SECONDS": "seconds between them; 5",
    "THREADS": "parallel copies; half the instance's vCPUs",
}

_WORDS: Final = "more words of the server's command line, separated by spaces; `serverArgs` takes any argument"

SETTABLE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        GATEWAY: {
            **_ALL_SERVERS,
            "ANSWER_TIMEOUT": "seconds until LiteLLM's first byte, and between parts of a stream; 590",
            "AUDIT_CONTENT_MAX_BYTES": "bytes of audited content that may wait, encrypted; 1 GiB",
            "AUDIT_CONTENT_PART_BYTES": "bytes of a request, and of a response, that are recorded; 32 MiB",
            "AUDIT_MAX_BYTES": "bytes of audit records that may wait; 256 MiB",
            "AWS_BEARER_TOKEN_BEDROCK": "API key of Bedrock, as the ARN of a secret",
            "BODY_PROGRESS_TIMEOUT": "seconds in which `MIN_BODY_BYTES` of a body must arrive; 30",
            "BODY_TIMEOUT": "seconds until a body that is not an upload must have arrived; 120",
            "CONNECT_TIMEOUT": "seconds until LiteLLM accepts a connection; 5",
            "DRAIN_TIMEOUT": "seconds that requests may take when the container stops; 90",
            "GATEWAY_CONFIGURATION_POLL": "seconds between two looks at the models and routes; 15",
            "HANG_TIMEOUT": "seconds until a LiteLLM that does not answer is started again; 300, 0 for never",
            "HEAD_TIMEOUT": "seconds until the headers of a request must have arrived; 10",
            "KEEP_ALIVE_TIMEOUT": "seconds that a connection may be idle, above the load balancer's 600; 620",
            "LARGE_BODY_SECONDS": "seconds until the next large body goes on, after the largest one; 2, 0 for none",
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
            "MAX_CALLER_LARGE_BODIES": "large bodies of one caller in flight; 8",
            "MAX_CALLER_REQUESTS": "requests of one caller in flight; 512",
            "MAX_CONNECTIONS": "connections of clients to a worker; 2560",
            "MAX_FORM_BYTES": "longest fields of a form; 64 KiB",
            "MAX_HEADER_BYTES": "longest headers of a request; 64 KiB",
            "MAX_JSON_BYTES": "longest JSON body; 20 MiB",
            "MAX_JSON_DEPTH": "nesting of a JSON body; 100",
            "MAX_JSON_ELEMENTS": "elements of a JSON body; 10,000",
            "MAX_JSON_FIELD_BYTES": "longest parameter in a JSON body; 16 KiB",
            "MAX_JSON_TEXT_BYTES": "longest text of a JSON body; 4 MiB",
            "MAX_LARGE_BODIES": "large bodies of all callers in flight; 16",
            "MAX_MODEL_REQUESTS": "requests of one hosted model in flight; 1536",
            "MAX_REQUESTS": "requests of all callers in flight; 2048",
            "MAX_TARGET_BYTES": "longest path and query of a request; 16 KiB",
            "METRICS_PORT": "port for Prometheus, which no load balancer reaches; 9090, 0 for none",
            "MIN_BODY_BYTES": "bytes of a body that must arrive in `BODY_PROGRESS_TIMEOUT`; 30 KiB",
            "MODEL_KEY_POLL": "seconds until a model's key is read again for LiteLLM; 60",
            "STREAM_IDLE_TIMEOUT": "seconds between parts of a stream of events, after the first; 120",
            "THREADS": "worker processes; the instance's vCPUs, or as many as its memory is enough for",
            "TOKEN_GRACE": "seconds that a known API token is valid while DynamoDB does not answer; 3600",
            "WEB_ORIGINS": "origins that browsers may call from; the chat application's",
            "WRITE_TIMEOUT": "seconds in which a client must accept what waits for it; 60",
        },
        "tgi": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "NUM_SHARD": "GPUs that share the model; all of them",
            "SERVER_ARGS": _WORDS,
        },
        "tei": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "SERVER_ARGS": _WORDS,
            "TOKENIZATION_WORKERS": "tokenizer threads; `THREADS`",
        },
        "vllm": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "DRAIN_TIMEOUT": "seconds that requests may take when the container stops, from vLLM 0.18 on; 90",
            "DTYPE": "`--dtype`",
            "GPU_MEMORY_UTILIZATION": "`--gpu-memory-utilization`",
            "MAX_CONCURRENT_REQUESTS": "`--max-num-seqs`",
            "MAX_TOTAL_TOKENS": "`--max-model-len`",
            "QUANTIZE": "`--quantization`",
            "SERVER_ARGS": _WORDS,
            "TENSOR_PARALLEL_SIZE": "`--tensor-parallel-size`; all GPUs",
            "TRUST_REMOTE_CODE": "`--trust-remote-code`: runs code that comes with the weights",
            "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": "seconds that a connection may be idle, above the load balancer's 600; 620",
        },
        "sglang": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "DTYPE": "`--dtype`",
            "GPU_MEMORY_UTILIZATION": "`--mem-fraction-static`",
            "MAX_CONCURRENT_REQUESTS": "`--max-running-requests`",
            "MAX_TOTAL_TOKENS": "`--context-length`",
            "QUANTIZE": "`--quantization`",
            "SERVER_ARGS": _WORDS,
            "SGLANG_TIMEOUT_KEEP_ALIVE": "seconds that a connection may be idle, above the load balancer's 600; 620",
            "TENSOR_PARALLEL_SIZE": "`--tp-size`; all GPUs",
            "TRUST_REMOTE_CODE": "`--trust-remote-code`: runs code that comes with the weights",
        },
        "instructor": {
            **_ALL_SERVERS,
            **_WEIGHTS,
            "BATCH_SIZE": "texts that are encoded at once",
            "DEFAULT_INSTRUCTION": "instruction of a request that has none",
            "DRAIN_TIMEOUT": "seconds that requests may take when the container stops; 90",
            "KEEP_ALIVE_TIMEOUT": "seconds that a connection may be idle, above the load balancer's 600; 620",
            "MAX_CLIENT_BATCH_SIZE": "texts of a request",
            "MAX_CONCURRENT_REQUESTS": "requests at once",
            "OMP_NUM_THREADS": "threads of PyTorch; `THREADS`",
            "TRUST_REMOTE_CODE": "whether code that comes with the weights runs",
        },
    }
)
"""By container, the variables, each with its meaning and default."""
