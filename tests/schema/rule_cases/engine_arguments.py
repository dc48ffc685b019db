"""Cases of the rules about arguments that do not go together, that name files, and about GPUs that are hidden."""

from __future__ import annotations

from .changes import EMBEDDING, MODEL_IMAGE, SECRET, Failing, Passing
from .engine_settings import ARGUMENTS, AT, OF_MODEL, OLD_VLLM, SGLANG, VARIABLES, VLLM
from .images import INSTRUCTOR, TEI, on

HOST = "ecsModels[mistral7b].instanceType=g5.12xlarge"
VISIBLE = f"{VARIABLES}.CUDA_VISIBLE_DEVICES"
AT_VISIBLE = f"{OF_MODEL}.CUDA_VISIBLE_DEVICES"
OWN_BASE = [VLLM[0], on("registry.example.com/our/vllm:v0.32.0")]
OWN_CONTEXT = [VLLM[0], f"{MODEL_IMAGE}={{baseImage: 'vllm/vllm-openai:v0.32.0', path: docker/mine}}"]
TGI_3 = on("ghcr.io/huggingface/text-generation-inference:3.3.4")
EMBEDDER = [*EMBEDDING, on(f"{TEI}:86-1.8")]


def transfer(content: str) -> str:
    """Arguments with a KV transfer of vLLM."""
    return f"{ARGUMENTS}=[--kv-transfer-config, '{content}']"


PASSING: Passing = {
    "argument-combination": [
        [*VLLM, f"{ARGUMENTS}=[--enable-auto-tool-choice, --tool-call-parser, hermes]"],
        [*VLLM, f"{ARGUMENTS}=[--tool-call-parser=hermes]"],
        [*VLLM, f"{ARGUMENTS}=[--enable-log-outputs, --enable-log-requests]"],
        [*VLLM, f"{ARGUMENTS}=[--max-num-batched-tokens, 128, --max-num-seqs, 128]"],
        [*VLLM, f"{ARGUMENTS}=[--max-num-batched-tokens, 2k]", f"{VARIABLES}={{MAX_TOTAL_TOKENS: 8192}}"],
        [*VLLM, transfer('{"kv_connector": "OffloadingConnector", "kv_role": "kv_both"}')],
        [*VLLM, transfer('{"cpu_bytes_to_use": 1000}')],
        [*OLD_VLLM, f"{ARGUMENTS}=[--enable-reasoning, --reasoning-parser, deepseek_r1]"],
        [*SGLANG, f"{ARGUMENTS}=[--enable-lora, --max-lora-rank, 16, --lora-target-modules, all]"],
        [*EMBEDDER, f"{VARIABLES}.DEFAULT_PROMPT='query: '"],
    ],
    "argument-file": [
        [*VLLM, f"{ARGUMENTS}=[--chat-template, examples/tool_chat_template_mistral.jinja]"],
        [*VLLM, f"{ARGUMENTS}=[--chat-template, '{{{{ messages }}}}']"],
        [*VLLM, f"{ARGUMENTS}=[--chat-template, /vllm-workspace/examples/template_chatml.jinja]"],
        [
            *VLLM,
            f"{ARGUMENTS}=[--chat-template, /nvme/mistralai/Mistral-7B-Instruct-v0.2/t.jinja]",
            "nvmeContainerMountPath=/nvme",
        ],
        [*VLLM, f"{ARGUMENTS}=[--tokenizer-mode, mistral, --download-dir, /x]"],
        [*VLLM, f'{ARGUMENTS}=[--speculative-config, \'{{"method": "ngram", "num_speculative_tokens": 3}}\']'],
        [*OWN_CONTEXT, f"{ARGUMENTS}=[--chat-template, /opt/templates/mistral.jinja]"],
        [*SGLANG, f"{ARGUMENTS}=[--chat-template, llama-2]"],
        [f"{VARIABLES}.TOKENIZER_CONFIG_PATH={SECRET}"],
    ],
    "visible-gpus": [
        [*VLLM, HOST],
        [*VLLM, HOST, f"{VISIBLE}='0,1'", f"{VARIABLES}.TENSOR_PARALLEL_SIZE=2"],
        [*VLLM, HOST, f"{VISIBLE}='0,1,2,3'"],
        [*VLLM, f"{VISIBLE}='0'"],
        [*SGLANG, HOST, f"{VISIBLE}='2, 3'", f"{ARGUMENTS}=[--tp, 2]"],
        [TGI_3, HOST, f"{VISIBLE}='0,1'", f"{ARGUMENTS}=[--num-shard, 2]"],
        [TGI_3, HOST, f"{VISIBLE}='1'", f"{VARIABLES}.SHARDED='false'"],
        [*EMBEDDER, HOST, f"{VISIBLE}='1'"],
        [*VLLM, HOST, f"{VISIBLE}={SECRET}"],
        [*VLLM, HOST, f"{VISIBLE}='GPU-1b2c,GPU-3d4e'", f"{VARIABLES}.TENSOR_PARALLEL_SIZE=2"],
    ],
}

FAILING: Failing = {
    "argument-combination": [
        ([*VLLM, f"{ARGUMENTS}=[--enable-auto-tool-choice]"], f"{AT}[0]"),
        ([*VLLM, f"{VARIABLES}.SERVER_ARGS=--seed 1 --enable-auto-tool-choice"], f"{OF_MODEL}.SERVER_ARGS"),
        ([*VLLM, f"{ARGUMENTS}=[--enable-log-outputs]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--sse-keep-alive-interval, -1]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--disable-log-stats, --enable-per-request-metrics]"], f"{AT}[0]"),
        ([*VLLM, f"{ARGUMENTS}=[--max-num-batched-tokens, 64, --max-num-seqs, 128]"], f"{AT}[1]"),
        (
            [*VLLM, f"{ARGUMENTS}=[--max-num-batched-tokens, 64]", f"{VARIABLES}={{MAX_CONCURRENT_REQUESTS: 128}}"],
            f"{AT}[1]",
        ),
        (
            [
                *VLLM,
                f"{ARGUMENTS}=[--max-num-batched-tokens, 4096, --no-enable-chunked-prefill]",
                f"{VARIABLES}={{MAX_TOTAL_TOKENS: 8192}}",
            ],
            f"{AT}[1]",
        ),
        ([*VLLM, transfer('{"kv_connector": "X"}')], f"{AT}[1]"),
        ([*VLLM, transfer('{"kv_connector": "X", "kv_role": "both"}')], f"{AT}[1]"),
        ([*OLD_VLLM, f"{ARGUMENTS}=[--enable-reasoning]"], f"{AT}[0]"),
        ([*SGLANG, f"{ARGUMENTS}=[--enable-lora]"], f"{AT}[0]"),
        (
            [*EMBEDDER, f"{VARIABLES}={{DEFAULT_PROMPT: 'query: ', DEFAULT_PROMPT_NAME: query}}"],
            f"{OF_MODEL}.DEFAULT_PROMPT_NAME",
        ),
    ],
    "argument-file": [
        ([*VLLM, f"{ARGUMENTS}=[--chat-template, /opt/templates/mistral.jinja]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--chat-template=templates/mistral.jinja]"], f"{AT}[0]"),
        ([*OWN_BASE, f"{ARGUMENTS}=[--chat-template, /opt/templates/mistral.jinja]"], f"{AT}[1]"),
        ([*VLLM, f"{ARGUMENTS}=[--enable-lora, --lora-modules, sql=/models/sql]"], f"{AT}[2]"),
        ([*VLLM, f"{ARGUMENTS}=[--tokenizer, mistralai/Mistral-7B-Instruct-v0.3]"], f"{AT}[1]"),
        ([*VLLM, f'{ARGUMENTS}=[--speculative-config, \'{{"method": "eagle3", "model": "a/b"}}\']'], f"{AT}[1]"),
        ([*VLLM, f"{VARIABLES}.VLLM_LOGGING_CONFIG_PATH=/opt/log.json"], f"{OF_MODEL}.VLLM_LOGGING_CONFIG_PATH"),
        ([*SGLANG, f"{ARGUMENTS}=[--chat-template, /opt/x.jinja]"], f"{AT}[1]"),
        ([*SGLANG, f"{ARGUMENTS}=[--lora-paths, sql=org/sql]"], f"{AT}[1]"),
        ([TGI_3, f"{VARIABLES}.TOKENIZER_CONFIG_PATH=/opt/tokenizer.json"], f"{OF_MODEL}.TOKENIZER_CONFIG_PATH"),
    ],
    "visible-gpus": [
        ([*VLLM, HOST, f"{VISIBLE}='0,1'"], AT_VISIBLE),
        ([*VLLM, HOST, f"{VISIBLE}='0'"], AT_VISIBLE),
        ([*VLLM, f"{VISIBLE}='-1'"], AT_VISIBLE),
        ([*VLLM, f"{VISIBLE}='all'"], AT_VISIBLE),
        ([*VLLM, HOST, f"{VISIBLE}='2,3,4,5'"], AT_VISIBLE),
        ([*SGLANG, HOST, f"{VISIBLE}='0,1'"], AT_VISIBLE),
        ([TGI_3, HOST, f"{VISIBLE}='0,1'"], AT_VISIBLE),
        ([*EMBEDDER, f"{VISIBLE}=none"], AT_VISIBLE),
        ([*INSTRUCTOR, on("python:3.12"), f"{VISIBLE}='-1'"], AT_VISIBLE),
    ],
}
