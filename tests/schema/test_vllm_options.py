"""Options of vLLM's server: variables, arguments in all their forms, and which of them wins."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_schema.vllm_options import VllmOptions, option_path, read_options


def test_variables_as_the_entrypoint_translates_them() -> None:
    found = read_options(
        {
            "MAX_TOTAL_TOKENS": "4096",
            "MAX_CONCURRENT_REQUESTS": "128",
            "QUANTIZE": "bitsandbytes-nf4",
            "DTYPE": "half",
            "TENSOR_PARALLEL_SIZE": "2",
            "GPU_MEMORY_UTILIZATION": "0.95",
            "OTHER": "x",
        }
    )
    assert found == VllmOptions(
        max_model_len=4096,
        max_num_seqs=128,
        quantization="bitsandbytes",
        dtype="float16",
        tensor_parallel=2,
        gpu_memory_utilization=0.95,
        sources={
            "max-model-len": "MAX_TOTAL_TOKENS",
            "max-num-seqs": "MAX_CONCURRENT_REQUESTS",
            "quantization": "QUANTIZE",
            "dtype": "DTYPE",
            "tensor-parallel-size": "TENSOR_PARALLEL_SIZE",
            "gpu-memory-utilization": "GPU_MEMORY_UTILIZATION",
        },
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--max-model-len 8192", {"max_model_len": 8192}),
        ("--max-model-len=8192", {"max_model_len": 8192}),
        ("--max_model_len 8192", {"max_model_len": 8192}),
        ("--max-model-len 32k", {"max_model_len": 32_000}),
        ("--max-model-len 32K", {"max_model_len": 32_768}),
        ("--max-model-len 25.6k", {"max_model_len": 25_600}),
        ("--max-model-len auto", {"max_model_len": None, "fits_context": True}),
        ("--max-model-len -1", {"max_model_len": None, "fits_context": True}),
        ("--tp 4 --pp-size 2", {"tensor_parallel": 4, "pipeline_parallel": 2}),
        ("--tp-size=4", {"tensor_parallel": 4}),
        ("-tp 4 -pp 2", {"tensor_parallel": 4, "pipeline_parallel": 2}),
        ("--enforce-eager --block-size 32", {"enforce_eager": True, "block_size": 32}),
        ("-q AWQ --kv-cache-dtype fp8_e5m2", {"quantization": "awq", "kv_cache_dtype": "fp8_e5m2"}),
        ("--kv-cache-memory-bytes 8G", {"kv_cache_memory_bytes": 8 * 2**30}),
        ("--kv-cache-memory=1000", {"kv_cache_memory_bytes": 1000}),
        ("--tool-call-parser hermes --max-num-seqs 16", {"max_num_seqs": 16}),
        ("--max-num-seqs 16 --max-num-seqs 32", {"max_num_seqs": 32}),
        ("--max-num-batched-tokens 4k --dtype float", {"max_num_batched_tokens": 4000, "dtype": "float32"}),
        ("--quantization none", {"quantization": None}),
    ],
)
def test_arguments(words: str, expected: dict[str, Any]) -> None:
    found = read_options({"SERVER_ARGS": words})
    assert found.unmodeled == ()
    assert {name: getattr(found, name) for name in expected} == expected


def test_arguments_win_over_variables_and_the_list_over_the_variable() -> None:
    found = read_options({"MAX_TOTAL_TOKENS": "1", "SERVER_ARGS": "--max-model-len 2"}, ["--max-model-len", "3"])
    assert found.max_model_len == 3
    assert found.sources == {"max-model-len": "serverArgs"}
    assert option_path(("ecsModels", 0), "serverArgs") == ("ecsModels", 0, "serverArgs")
    expected = ("ecsModels", 0, "containerConfig", "environment", "SERVER_ARGS")
    assert option_path(("ecsModels", 0), "SERVER_ARGS") == expected


@pytest.mark.parametrize(
    "words",
    [
        "--cpu-offload-gb 8",
        "--enable-expert-parallel",
        "--data-parallel-size 2",
        "-dp 2",
        '--speculative-config {"method":"ngram"}',
        "--speculative-config.method ngram",
        "--enable-lora --enable-tower-connector-lora",
        "--max-lora-rank x",
        "--max-lora 4",
        "--decode-context-parallel-size 2",
        "--hf-overrides {}",
        "--config options.yaml",
        "--max-model-len 8GB",
        "--max-num-seqs 0",
        "--max-num-seqs",
        "--gpu-memory-utilization 1.5",
        "--max-model-len 2.5K",
        "--max-num-seqs 4k",
        "--tensor-parallel 2",
        "--gpu-memory-util 0.8",
        "-ep",
        "--spec-method ngram",
        "--kv-cache-dtype nvfp4",
        "--kv-cache-dtype int8_per_token_head",
        "--language-model-only",
    ],
)
def test_options_whose_memory_is_unknown(words: str) -> None:
    assert read_options({"SERVER_ARGS": words}).unmodeled != ()


def test_the_value_of_a_secret_is_unknown() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:012345678901:secret:x-AbCdEf"
    for name in ("MAX_TOTAL_TOKENS", "DTYPE", "QUANTIZE", "GPU_MEMORY_UTILIZATION"):
        (reason,) = read_options({name: arn}).unmodeled
        assert "secret" in reason


def test_a_flag_takes_no_value() -> None:
    found = read_options({"SERVER_ARGS": "--enforce-eager --max-num-seqs 8"})
    assert (found.enforce_eager, found.max_num_seqs, found.unmodeled) == (True, 8, ())


def test_one_copy_is_no_data_parallelism() -> None:
    assert read_options({"SERVER_ARGS": "--data-parallel-size 1"}).unmodeled == ()


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({}, False),
        ({"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}, True),
        ({"SERVER_ARGS": "--hf-overrides {}"}, True),
    ],
)
def test_longer_than_the_positions_is_allowed(environment: dict[str, str], allowed: bool) -> None:
    assert read_options(environment).allows_long_context is allowed
