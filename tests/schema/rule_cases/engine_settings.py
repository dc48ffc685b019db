"""Cases of the rules about arguments and variables of inference servers."""

from __future__ import annotations

from .changes import EMBEDDING, ENVIRONMENT, MODEL_IMAGE, SECRET, Failing, Passing
from .images import INSTRUCTOR, TEI, on

ARGUMENTS = "ecsModels[mistral7b].serverArgs"
VARIABLES = "ecsModels[mistral7b].containerConfig.environment"
AT = "ecsModels[0].serverArgs"
OF_MODEL = "ecsModels[0].containerConfig.environment"
VLLM = ["ecsModels[mistral7b].inferenceContainer=vllm", on("vllm/vllm-openai:v0.32.0")]
OLD_VLLM = ["ecsModels[mistral7b].inferenceContainer=vllm", on("vllm/vllm-openai:v0.9.2")]
UNKNOWN_VLLM = "ecsModels[mistral7b].inferenceContainer=vllm"
SGLANG = ["ecsModels[mistral7b].inferenceContainer=sglang", on("lmsysorg/sglang:v0.5.23")]
OWN_CONTEXT = f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.32.0', path: docker/mine}}"

PASSING: Passing = {
    "server-arguments": [
        [*VLLM, f"{ARGUMENTS}=['--speculative-config', '{{\"method\": \"mtp\"}}', --seed, 1, '']"],
        [*VLLM, f"{ARGUMENTS}=['--hf-overrides={{\"a\": \"b c\"}}', '--chat-template', '{{{{ messages }}}} end']"],
        [*VLLM, f"{VARIABLES}.SERVER_ARGS='--hf-overrides ''{{\"a\": 1}}'' --seed 1'"],
        [*VLLM, f'{VARIABLES}.SERVER_ARGS=--hf-overrides {{"a":1}}'],
        [*VLLM, f"{ARGUMENTS}=[--max-num-batched-tokens, 4096]", f"{VARIABLES}={{MAX_TOTAL_TOKENS: 4096}}"],
        [*INSTRUCTOR, f"{MODEL_IMAGE}={{baseImage: 'python:3.12', path: docker/mine}}", f"{ARGUMENTS}=[serve]"],
        # A value may begin like an option.
        [
            *VLLM,
            f"{ARGUMENTS}=[--chat-template, '-- {{{{ messages }}}}', --reasoning-config, '-x y', '--host-note=a: b']",
        ],
    ],
    "unknown-option": [
        [*VLLM, f"{ARGUMENTS}=[--enable-auto-tool-choice, --tool-call-parser, hermes, --max_num_seqs=8, -tp, 1]"],
        [*VLLM, f"{ARGUMENTS}=[--no-enable-prefix-caching, -O3, '--compilation-config.mode', 3, --max-num-seq, 1]"],
        [*VLLM, f"{ARGUMENTS}=[--temperature-shift, -0.5, -1]".replace("--temperature-shift", "--seed")],
        [*SGLANG, f"{ARGUMENTS}=[--mem-fraction-static, 0.8, --reasoning-parser, qwen3, --tensor-parallel-size, 1]"],
        [f"{ARGUMENTS}=[--max-batch-prefill-tokens, 4096]"],
        [*EMBEDDING, on("ghcr.io/huggingface/text-embeddings-inference:86-1.8"), f"{ARGUMENTS}=[--pooling, cls]"],
        [
            "ecsModels[mistral7b].inferenceContainer=vllm",
            on("vllm/vllm-openai:nightly"),
            f"{ARGUMENTS}=[--task, embed]",
        ],
        [*INSTRUCTOR, f"{VARIABLES}.SERVER_ARGS=--anything"],
    ],
    "unread-variable": [
        [],
        [*VLLM, f"{VARIABLES}={{MAX_TOTAL_TOKENS: 8, VLLM_LOGGING_LEVEL: DEBUG, NCCL_DEBUG: INFO, DRAIN_TIMEOUT: 9}}"],
        [
            *VLLM,
            f"{VARIABLES}={{https_proxy: 'http://p:1', TZ: UTC, PYTORCH_CUDA_ALLOC_CONF: x, OTEL_SERVICE_NAME: a}}",
        ],
        [*OLD_VLLM, f"{VARIABLES}={{VLLM_USE_V1: 1}}"],
        [*SGLANG, f"{VARIABLES}={{SGLANG_TIMEOUT_KEEP_ALIVE: 700, MAX_TOTAL_TOKENS: 4096}}"],
        [f"{VARIABLES}={{MAX_INPUT_LENGTH: 1024, MAX_BATCH_PREFILL_TOKENS: 4096, NUM_SHARD: 1, RUST_LOG: debug}}"],
        [*EMBEDDING, f"{VARIABLES}={{MAX_TOTAL_TOKENS: null, POOLING: cls, AUTO_TRUNCATE: 'true'}}"],
        [
            "ecsModels[mistral7b].inferenceContainer=vllm",
            OWN_CONTEXT,
            f"{VARIABLES}={{OUR_FLAG: 1, HF_TOKEN: '{SECRET}'}}",
        ],
        [f"{MODEL_IMAGE}={{type: registry, registry: 'registry.example.com/ours:1'}}", f"{VARIABLES}.OUR_FLAG=1"],
        ["ecsModels[mistral7b].inferenceContainer=vllm", on("vllm/vllm-openai:nightly"), f"{VARIABLES}.VLLM_USE_V1=1"],
        [f"{ENVIRONMENT}.OUR_FLAG=1"],
        [
            "ecsModels[mistral7b].inferenceContainer=vllm",
            f"{MODEL_IMAGE}={{type: registry, registry: 'registry.example.com/lisa-vllm:v0.32.0'}}",
            f"{VARIABLES}={{MAX_TOTAL_TOKENS: 4096, DTYPE: half, HF_TOKEN: '{SECRET}'}}",
        ],
    ],
    "engine-value": [
        [*VLLM, f"{VARIABLES}={{TRUST_REMOTE_CODE: 'true', VLLM_USE_DEEP_GEMM: 1, COPY_ATTEMPTS: 3}}"],
        [*SGLANG, f"{VARIABLES}={{TRUST_REMOTE_CODE: 0, SGLANG_TIMEOUT_KEEP_ALIVE: 700}}"],
        [f"{VARIABLES}={{SHARDED: 'true', TRUST_REMOTE_CODE: 'false', ROPE_SCALING: dynamic, CUDA_GRAPHS: '1,2'}}"],
        [
            *EMBEDDING,
            on(f"{TEI}:86-1.8"),
            f"{VARIABLES}={{POOLING: last-token, AUTO_TRUNCATE: 'true', DTYPE: float16}}",
        ],
        [*EMBEDDING, on(f"{TEI}:hpu-1.8"), f"{VARIABLES}={{DTYPE: bfloat16}}"],
        [f"{ENVIRONMENT}={{MAX_REQUESTS: 4096, connect_timeout: 2.5, LOG_LEVEL: debug, OUR_TIMEOUT: 5s}}"],
        [*VLLM, f"{VARIABLES}={{QUANTIZE: fp8, DTYPE: half}}"],
        [*OLD_VLLM, f"{VARIABLES}={{QUANTIZE: bitsandbytes-nf4, DTYPE: auto}}"],
        [f"{VARIABLES}={{QUANTIZE: eetq, DTYPE: bfloat16}}"],
        [*VLLM, f"{ARGUMENTS}=[--quantization, compressed-tensors, --dtype=bfloat16]"],
        [*SGLANG, f"{VARIABLES}={{QUANTIZE: w8a8_int8}}"],
        [*EMBEDDING, f"{VARIABLES}={{DTYPE: float32}}"],
        ["ecsModels[mistral7b].inferenceContainer=vllm", OWN_CONTEXT, f"{VARIABLES}.QUANTIZE=eetq"],
        [f"{VARIABLES}.QUANTIZE={SECRET}"],
        [*VLLM, f"{VARIABLES}={{GPU_MEMORY_UTILIZATION: 0.9, TENSOR_PARALLEL_SIZE: 1, MAX_TOTAL_TOKENS: 8k}}"],
        [*VLLM, f"{VARIABLES}={{GPU_MEMORY_UTILIZATION: 1, MAX_CONCURRENT_REQUESTS: 64, MAX_TOTAL_TOKENS: auto}}"],
        ["ecsModels[mistral7b].inferenceContainer=vllm", OWN_CONTEXT, f"{VARIABLES}.TENSOR_PARALLEL_SIZE=auto"],
    ],
    "argument-value": [
        [*VLLM, f"{ARGUMENTS}=[--gpu-memory-utilization, 0.95, --kv-cache-dtype=fp8, --max-model-len, 32k, -tp, 1]"],
        [*VLLM, f"{ARGUMENTS}=[--tool-call-parser, hermes, --reasoning-parser, qwen3, --max-num-seqs, 64]"],
        [*VLLM, f"{ARGUMENTS}=[--compilation-config, '{{\"mode\": 3}}', -cc.cudagraph_mode, FULL, --hf-overrides, x]"],
        [*VLLM, f'{ARGUMENTS}=[--kv-transfer-config, \'{{"kv_connector": "X", "kv_role": "kv_both"}}\']'],
        [*VLLM, f'{ARGUMENTS}=[--speculative-config, \'{{"method": "mtp"}}\', --speculative-config.method, mtp]'],
        [*VLLM, f"{ARGUMENTS}=['--limit-mm-per-prompt={{\"image\": 2}}', --max-model-len, -1, --seed, None]"],
        [*VLLM, f"{ARGUMENTS}=[--tool-call-parser, ours, --tool-parser-plugin, /opt/ours.py]"],
        [*VLLM, f"{ARGUMENTS}=[--load-format, our_loader, --served-by, 1, --chat-template, '{{{{ a }}}}']"],
        [*SGLANG, f"{ARGUMENTS}=[--mem-fraction-static, 0.8, --tool-call-parser, qwen25, --kv-cache-dtype, fp8_e5m2]"],
        [*SGLANG, f"{ARGUMENTS}=[--reasoning-parser, auto, --context-length, 8192, --tp, 1]"],
        # What another release has is not reported without a version, nor what the table may not have yet.
        [UNKNOWN_VLLM, on("vllm/vllm-openai:nightly"), f"{ARGUMENTS}=[--kv-cache-dtype, nvfp4]"],
        [UNKNOWN_VLLM, on("vllm/vllm-openai:v0.22.3"), f"{ARGUMENTS}=[--kv-cache-dtype, nvfp4]"],
        [f"{ARGUMENTS}=[--kv-cache-dtype, fp8_e5m2]"],
    ],
    "argument-count": [
        [*VLLM, f"{ARGUMENTS}=[--enforce-eager, --enable-prefix-caching, --max-num-seqs, 8, --no-enable-log-requests]"],
        [*VLLM, f"{ARGUMENTS}=[--seed, -1, --hf-overrides, '{{}}', --stop-tokens-of-ours, a, b]"],
        [*SGLANG, f"{ARGUMENTS}=[--enable-torch-compile, --schedule-policy, lpm]"],
        [*VLLM, f"{ARGUMENTS}=[--middleware, a.b, --middleware, c.d, -O3]"],
    ],
    "tgi-token-limits": [
        [f"{VARIABLES}={{MAX_INPUT_LENGTH: 3072, MAX_TOTAL_TOKENS: 4096, MAX_BATCH_PREFILL_TOKENS: 3072}}"],
        [f"{VARIABLES}={{MAX_INPUT_TOKENS: 8192, MAX_TOTAL_TOKENS: 2048}}", f"{ARGUMENTS}=[--max-input-tokens, 1024]"],
        [f"{VARIABLES}.MAX_TOTAL_TOKENS=4096"],
        [*VLLM, f"{VARIABLES}={{MAX_TOTAL_TOKENS: 2048}}", f"{ARGUMENTS}=[--seed, 9999]"],
    ],
    "unexpanded-reference": [
        [],
        [f"{VARIABLES}={{RUST_LOG: 'a$b', OTEL_SERVICE_NAME: 'price-5$'}}", f"{ENVIRONMENT}.NOTE=costs $5"],
        [*VLLM, f"{ARGUMENTS}=[--chat-template, '{{{{ messages }}}}', --seed, '$5']"],
    ],
}

FAILING: Failing = {
    "server-arguments": [
        ([*VLLM, f"{ARGUMENTS}=[--seed, 1]", f"{VARIABLES}.SERVER_ARGS=--seed 2"], AT),
        ([*VLLM, f"{ARGUMENTS}=['--max-model-len 4096']"], f"{AT}[0]"),
        ([*VLLM, f'{ARGUMENTS}=[\'--speculative-config {{"method": "mtp"}}\']'], f"{AT}[0]"),
        ([*SGLANG, f"{ARGUMENTS}=[--seed, 1, '--tp-size 2']"], f"{AT}[2]"),
        ([*VLLM, f"{ARGUMENTS}=[mistralai/Mistral-7B, --seed, 1]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--hf-token, '{SECRET}']"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--hf-overrides, \"'{{}}'\"]"], f"{AT}[1]"),
        ([*VLLM, f"{VARIABLES}.SERVER_ARGS='--hf-overrides ''{{\"a\": 1}}x'"], f"{OF_MODEL}.SERVER_ARGS"),
        (
            [*VLLM, f"{ARGUMENTS}=[--max-model-len, 8]", f"{VARIABLES}={{MAX_TOTAL_TOKENS: 4}}"],
            f"{OF_MODEL}.MAX_TOTAL_TOKENS",
        ),
        ([*INSTRUCTOR, f"{ARGUMENTS}=[--workers, 2]"], AT),
        ([*VLLM, f"{ARGUMENTS}=['--enable-auto-tool-choice --tool-call-parser hermes']"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=['--seed: 1']"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=['--max-num-seqs:', 8]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=['\u2013enforce-eager']"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--seed, 1, ' --enforce-eager']"], f"{AT}[2]"),
    ],
    "unknown-option": [
        ([*VLLM, f"{ARGUMENTS}=[--enable-auto-tool-choise]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--seed, 1, --task, embed]"], f"{AT}[2]"),
        ([*OLD_VLLM, f"{ARGUMENTS}=[--shutdown-timeout-of-mine, 5]"], f"{AT}[0]"),
        ([*VLLM, f"{VARIABLES}.SERVER_ARGS=--max-total-tokens 8"], f"{OF_MODEL}.SERVER_ARGS"),
        ([*SGLANG, f"{ARGUMENTS}=[--gpu-memory-utilization, 0.9]"], f"{AT}[0]"),
        ([f"{ARGUMENTS}=[--max-model-len, 8]"], f"{AT}[0]"),
        ([*EMBEDDING, f"{ARGUMENTS}=[--poolings, cls]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[-tp4]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--device, cuda]"], f"{AT}[0]"),
        ([*SGLANG, f"{ARGUMENTS}=[--pp, 2]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--rope-scaling, '{{}}']"], f"{AT}[0]"),
    ],
    "unread-variable": [
        *(
            ([*changes, f"{VARIABLES}={{{name}: x}}"], f"{OF_MODEL}.{name}")
            for changes, name in (
                *((VLLM, name) for name in ("MAX_MODEL_LEN", "VLLM_ARGS", "VLLM_USE_V1", "max_total_tokens", "A")),
                *(
                    (VLLM, name)
                    for name in ("MAX_INPUT_LENGTH", "NUM_SHARD", "VLLM_LOGING_LEVEL", "model_name", "MODEL_ID")
                ),
                (VLLM, "HF_TOKEN"),
                (OLD_VLLM, "DRAIN_TIMEOUT"),
                *((SGLANG, name) for name in ("VLLM_LOGGING_LEVEL", "MAX_MODEL_LEN", "SGLANG_ARGS")),
                *(([], name) for name in ("MAX_MODEL_LEN", "QUANTISE", "TENSOR_PARALLEL_SIZE")),
                *((EMBEDDING, name) for name in ("MAX_BATCH_TOKEN", "QUANTIZE")),
                (INSTRUCTOR, "MAX_BATCH_TOKENS"),
            )
        ),
        (
            [
                "ecsModels[mistral7b].inferenceContainer=vllm",
                f"{MODEL_IMAGE}={{type: registry, registry: 'vllm/vllm-openai:v0.32.0'}}",
                f"{VARIABLES}={{VLLM_LOGING_LEVEL: x}}",
            ],
            f"{OF_MODEL}.VLLM_LOGING_LEVEL",
        ),
    ],
    "engine-value": [
        *(
            ([*changes, f"{VARIABLES}.{name}={value}"], f"{OF_MODEL}.{name}")
            for changes, name, value in (
                *((VLLM, "TRUST_REMOTE_CODE", value) for value in ("'yes'", "'on'", "'y'", "'tRUE'", "'2'")),
                (SGLANG, "TRUST_REMOTE_CODE", "'yes'"),
                (VLLM, "VLLM_USE_DEEP_GEMM", "'true'"),
                (VLLM, "VLLM_HTTP_TIMEOUT_KEEP_ALIVE", "10m"),
                (VLLM, "VLLM_WORKER_MULTIPROC_METHOD", "forkserver"),
                (VLLM, "COPY_ATTEMPTS", "many"),
                (VLLM, "DRAIN_TIMEOUT", "90s"),
                *(([], name, "'yes'") for name in ("SHARDED", "TRUST_REMOTE_CODE", "JSON_OUTPUT")),
                ([], "ROPE_SCALING", "yarn"),
                ([], "KV_CACHE_DTYPE", "fp8"),
                ([], "CUDA_MEMORY_FRACTION", "'90%'"),
                ([], "MAX_CONCURRENT_REQUESTS", "0"),
                ([], "QUANTIZE", "int8"),
                (INSTRUCTOR, "TRUST_REMOTE_CODE", "'yes'"),
                (INSTRUCTOR, "BATCH_SIZE", "auto"),
                *(
                    ([*EMBEDDING, on(f"{TEI}:86-1.8")], name, value)
                    for name, value in (
                        ("MAX_BATCH_TOKENS", "16k"),
                        ("MAX_BATCH_TOKENS", "16_384"),
                        ("POOLING", "mean_pool"),
                        ("AUTO_TRUNCATE", "'yes'"),
                        ("DTYPE", "bfloat16"),
                        ("MAX_CLIENT_BATCH_SIZE", "0"),
                    )
                ),
            )
        ),
        ([f"{ENVIRONMENT}.MAX_REQUESTS=many"], f"{ENVIRONMENT}.MAX_REQUESTS"),
        ([f"{ENVIRONMENT}.CONNECT_TIMEOUT=5s"], f"{ENVIRONMENT}.CONNECT_TIMEOUT"),
        ([f"{ENVIRONMENT}.log_level=verbose"], f"{ENVIRONMENT}.log_level"),
        ([*VLLM, f"{VARIABLES}.QUANTIZE=eetq"], f"{OF_MODEL}.QUANTIZE"),
        ([*VLLM, f"{VARIABLES}.QUANTIZE=exl2"], f"{OF_MODEL}.QUANTIZE"),
        ([*VLLM, f"{VARIABLES}.QUANTIZE=AWQ"], f"{OF_MODEL}.QUANTIZE"),
        ([*VLLM, f"{VARIABLES}.QUANTIZE=gguf"], f"{OF_MODEL}.QUANTIZE"),
        ([*VLLM, f"{VARIABLES}.QUANTIZE=int3"], f"{OF_MODEL}.QUANTIZE"),
        ([*VLLM, f"{VARIABLES}.DTYPE=fp16"], f"{OF_MODEL}.DTYPE"),
        ([*VLLM, f"{VARIABLES}.GPU_MEMORY_UTILIZATION=90"], f"{OF_MODEL}.GPU_MEMORY_UTILIZATION"),
        ([*SGLANG, f"{VARIABLES}.GPU_MEMORY_UTILIZATION='90%'"], f"{OF_MODEL}.GPU_MEMORY_UTILIZATION"),
        ([*VLLM, f"{VARIABLES}.TENSOR_PARALLEL_SIZE=0"], f"{OF_MODEL}.TENSOR_PARALLEL_SIZE"),
        ([*VLLM, f"{VARIABLES}.TENSOR_PARALLEL_SIZE=auto"], f"{OF_MODEL}.TENSOR_PARALLEL_SIZE"),
        ([*VLLM, f"{VARIABLES}.MAX_TOTAL_TOKENS=-5"], f"{OF_MODEL}.MAX_TOTAL_TOKENS"),
        ([*SGLANG, f"{VARIABLES}.MAX_CONCURRENT_REQUESTS=many"], f"{OF_MODEL}.MAX_CONCURRENT_REQUESTS"),
        ([*VLLM, f"{ARGUMENTS}=[--quantization, eetq]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[-q, exl2]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--quantization=eetq]"], f"{AT}[0]"),
        ([*VLLM, f"{VARIABLES}.SERVER_ARGS=--quantization eetq"], f"{OF_MODEL}.SERVER_ARGS"),
        ([*SGLANG, f"{VARIABLES}.QUANTIZE=eetq"], f"{OF_MODEL}.QUANTIZE"),
        ([f"{VARIABLES}.QUANTIZE=modelopt"], f"{OF_MODEL}.QUANTIZE"),
        ([f"{VARIABLES}.DTYPE=auto"], f"{OF_MODEL}.DTYPE"),
        ([*EMBEDDING, f"{VARIABLES}.DTYPE=half"], f"{OF_MODEL}.DTYPE"),
    ],
    "argument-value": [
        *(
            ([*VLLM, f"{ARGUMENTS}=[{option}, '{value}']"], f"{AT}[1]")
            for option, value in (
                ("--gpu-memory-utilization", "1.5"),
                ("--gpu-memory-utilization", "90%"),
                ("--kv-cache-dtype", "fp9"),
                ("--tool-call-parser", "hermess"),
                ("--reasoning-parser", "deepseek"),
                ("--max-model-len", "0"),
                ("--max-model-len", "8kb"),
                ("--max-num-seqs", "many"),
                ("--max-num-seqs", "-4"),
                ("-tp", "two"),
                ("--speculative-config", "{method: mtp}"),
                ("--block-size", "16.5"),
                ("--scheduling-policy", "fifo"),
                ("--limit-mm-per-prompt", "image=2"),
                ("--hf-overrides", "{bad json}"),
                ("--compilation-config", "3"),
                ("--additional-config", "{a}"),
            )
        ),
        ([*VLLM, f"{ARGUMENTS}=[--compilation-config, '{{\"levle\": 3}}']"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--compilation-config.levle, 3]"], f"{AT}[0]"),
        ([f"{ARGUMENTS}=[--max-batch-size, 4k]"], f"{AT}[1]"),
        ([f"{ARGUMENTS}=[--rope-scaling=yarn]"], f"{AT}[0]"),
        ([f"{ARGUMENTS}=[--trust-remote-code=true]"], f"{AT}[0]"),
        ([*EMBEDDING, on(f"{TEI}:86-1.8"), f"{ARGUMENTS}=[--max-client-batch-size, 0]"], f"{AT}[1]"),
        ([*EMBEDDING, on(f"{TEI}:86-1.8"), f"{ARGUMENTS}=[--pooling, mean_pool]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--kv-cache-dtype=fp9]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--enforce-eager=false]"], f"{AT}[0]"),
        ([*VLLM, f"{VARIABLES}.SERVER_ARGS=--kv-cache-dtype fp9"], f"{OF_MODEL}.SERVER_ARGS"),
        ([*OLD_VLLM, f"{ARGUMENTS}=[--kv-cache-dtype, nvfp4]"], f"{AT}[1]"),
        ([*SGLANG, f"{ARGUMENTS}=[--mem-fraction-static, 1.2]"], f"{AT}[1]"),
        ([*SGLANG, f"{ARGUMENTS}=[--schedule-policy, shortest]"], f"{AT}[1]"),
        ([*SGLANG, f"{ARGUMENTS}=[--tp, zero]"], f"{AT}[1]"),
        ([*SGLANG, f"{ARGUMENTS}=[--tool-call-parser, hermess]"], f"{AT}[1]"),
        ([UNKNOWN_VLLM, on("vllm/vllm-openai:nightly"), f"{ARGUMENTS}=[--kv-cache-dtype, fp9]"], f"{AT}[1]"),
    ],
    "argument-count": [
        ([*VLLM, f"{ARGUMENTS}=[--enforce-eager, 'true']"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--no-enable-prefix-caching, 'false', --seed, 1]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--seed, 1, --max-num-seqs]"], f"{AT}[2]"),
        ([*VLLM, f"{ARGUMENTS}=[--kv-cache-dtype, --seed, 1]"], f"{AT}[0]"),
        ([*SGLANG, f"{ARGUMENTS}=[--enable-torch-compile, 'yes']"], f"{AT}[1]"),
        ([f"{ARGUMENTS}=[--trust-remote-code, 'true']"], f"{AT}[1]"),
        ([f"{ARGUMENTS}=[--num-shard]"], f"{AT}[0]"),
    ],
    "tgi-token-limits": [
        ([f"{VARIABLES}={{MAX_INPUT_LENGTH: 4096, MAX_TOTAL_TOKENS: 2048}}"], f"{OF_MODEL}.MAX_INPUT_LENGTH"),
        ([f"{VARIABLES}={{MAX_INPUT_TOKENS: 4096, MAX_TOTAL_TOKENS: 4096}}"], f"{OF_MODEL}.MAX_INPUT_TOKENS"),
        (
            [f"{VARIABLES}={{MAX_TOTAL_TOKENS: 2048}}", f"{ARGUMENTS}=[--max-input-tokens=4096]"],
            f"{AT}[0]",
        ),
        ([f"{VARIABLES}={{MAX_INPUT_LENGTH: 4096, MAX_BATCH_PREFILL_TOKENS: 2048}}"], f"{OF_MODEL}.MAX_INPUT_LENGTH"),
        ([f"{VARIABLES}={{MAX_INPUT_LENGTH: 10, MAX_INPUT_TOKENS: 10}}"], f"{OF_MODEL}.MAX_INPUT_LENGTH"),
        ([f"{VARIABLES}={{MAX_TOTAL_TOKENS: 4k}}"], f"{OF_MODEL}.MAX_TOTAL_TOKENS"),
        (
            [f"{VARIABLES}={{MAX_TOTAL_TOKENS: 4096, MAX_BATCH_TOTAL_TOKENS: 2048}}"],
            f"{OF_MODEL}.MAX_TOTAL_TOKENS",
        ),
    ],
    "unexpanded-reference": [
        ([f"{VARIABLES}.RUST_LOG='${{LEVEL}}'"], f"{OF_MODEL}.RUST_LOG"),
        ([f"{VARIABLES}.RUST_LOG=$LEVEL"], f"{OF_MODEL}.RUST_LOG"),
        ([f"{ENVIRONMENT}.OPENAI_ORGANIZATION='${{ORGANIZATION}}'"], f"{ENVIRONMENT}.OPENAI_ORGANIZATION"),
        ([*VLLM, f"{ARGUMENTS}=[--chat-template, '${{HOME}}/template.jinja']"], f"{AT}[1]"),
    ],
}
