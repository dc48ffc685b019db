"""`lisa fit measure`: what is read from logs of vLLM, beside what is predicted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.fit.measuring import RunContext, compare_log
from lisa_compiler.fit.vllm_log import read_log
from lisa_schema.errors import LisaError

OLD = """\
INFO 11-20 10:00:01 [utils.py:253] non-default args: {'model_tag': '/mnt/models/x', 'max_model_len': 8192, \
'served_model_name': ['meta-llama/Llama-3.1-8B-Instruct'], 'dtype': torch.bfloat16, 'max_num_seqs': 1024, \
'gpu_memory_utilization': 0.95, 'max_num_batched_tokens': 8192}
INFO 11-20 10:00:09 [core.py:93] Initializing a V1 LLM engine (v0.19.0) with config: model='/mnt/models/x'
INFO 11-20 10:00:30 [gpu_model_runner.py:2602] Model loading took 14.9889 GiB memory and 4.21 seconds
DEBUG 11-20 10:00:50 [gpu_worker.py:290] Memory profiling takes 9.22 seconds. Total non KV cache memory: 17.13GiB; \
torch peak memory increase: 1.89GiB; non-torch forward increase memory: 0.25GiB; weights memory: 14.99GiB.
INFO 11-20 10:00:50 [gpu_worker.py:298] Available KV cache memory: 58.11 GiB
INFO 11-20 10:00:51 [kv_cache_utils.py:1087] GPU KV cache size: 476,016 tokens
INFO 11-20 10:00:51 [kv_cache_utils.py:1091] Maximum concurrency for 8,192 tokens per request: 58.11x
INFO 11-20 10:01:15 [gpu_model_runner.py:3480] Graph capturing finished in 22 secs, took 0.91 GiB
"""
NEW = """\
INFO 11-20 10:00:00 [api_utils.py:327] vLLM server version 0.32.0, serving model /mnt/models/x
INFO 11-20 10:00:01 [api_utils.py:286] non-default args: {'model': '/mnt/models/x', 'served_model_name': \
['meta-llama/Llama-3.1-8B-Instruct']}
INFO 11-20 10:00:30 [model_runner.py:425] Model loading took 15.0 GiB memory and 4.210000 seconds
INFO 11-20 10:00:50 [gpu_worker.py:760] Available KV cache memory: 2.73 GiB
INFO 11-20 10:00:51 [kv_cache_utils.py:2328] GPU KV cache size: 22,300 tokens, Maximum concurrency for 20,000 tokens \
per request: 1.11x
INFO 11-20 10:01:15 [gpu_worker.py:1012] Free memory on device (21.8/22.03 GiB) on startup. Desired GPU memory \
utilization is (0.92, 20.27 GiB). Actual usage is 15.35 GiB for consumed memory (weights + non-torch), 1.32 GiB for \
peak activation, and 0.24 GiB for CUDAGraph memory. Replace gpu_memory_utilization config with …
"""


def test_a_log_with_separate_lines() -> None:
    log = read_log(OLD.splitlines())
    assert (log.version, log.context, log.started, log.total_gib) == ("0.19.0", 8192, True, None)
    assert log.measured == {
        "weightsGiB": 14.9889,
        "activationGiB": 1.89,
        "nonTorchGiB": 0.25,
        "cudaGraphGiB": 0.91,
        "availableKvGiB": 58.11,
        "kvTokens": 476016,
        "maxConcurrency": 58.11,
    }
    # A value that is no literal does not hide the others.
    assert log.arguments["max_num_seqs"] == 1024
    assert log.arguments["served_model_name"] == ["meta-llama/Llama-3.1-8B-Instruct"]
    assert log.arguments["gpu_memory_utilization"] == 0.95


def test_a_log_with_the_actual_usage_in_one_line() -> None:
    log = read_log(NEW.splitlines())
    assert (log.version, log.context, log.total_gib) == ("0.32.0", 20000, 22.03)
    assert log.measured == {
        "weightsGiB": 15.0,
        "activationGiB": 1.32,
        "nonTorchGiB": 0.35,
        "cudaGraphGiB": 0.24,
        "availableKvGiB": 2.73,
        "kvTokens": 22300,
        "maxConcurrency": 1.11,
    }


def test_a_log_of_an_engine_that_did_not_start() -> None:
    lines = [
        *NEW.splitlines()[:4],
        "ValueError: To serve at least one request with the model's max seq len (131072), 16.0 GiB KV cache is needed",
    ]
    assert not read_log(lines).started


def test_the_prediction_is_shown_beside_the_measurement_and_the_run_is_kept(tmp_path: Path) -> None:
    log, runs = tmp_path / "vllm.log", tmp_path / "runs.json"
    log.write_text(OLD, encoding="utf-8")
    options = ["--instance", "p5.4xlarge", "--log", str(log), "--append", str(runs), "--date", "2026-11-20"]
    image = "vllm/vllm-openai:v0.19.0@sha256:" + "0" * 64
    for _ in range(2):
        result = CliRunner().invoke(app, ["fit", "measure", *options, "--image", image, "--driver", "580.65"])
        assert result.exit_code == 0, result.output
    rows = {line.split("  ")[0]: line.split()[-1] for line in result.stdout.splitlines()}
    assert rows["KV cache GiB"] == "58.11"
    assert rows["KV cache tokens"] == "476,016"
    assert "fits" in result.stdout
    assert "started" in result.stdout
    content = json.loads(runs.read_text("utf-8"))["runs"]
    assert [run["id"] for run in content] == ["m001", "m002"]
    assert content[0]["source"] == {
        "instance": "p5.4xlarge",
        "image": image,
        "driver": "580.65",
        "date": "2026-11-20",
    }
    assert content[0]["settings"]["dtype"] == "bfloat16"
    assert content[0]["model"] == "meta-llama/Llama-3.1-8B-Instruct"


@pytest.mark.parametrize("text", ["", "hello\n", "INFO Available KV cache memory: 5 GiB\n"])
def test_a_file_that_is_no_complete_log(tmp_path: Path, text: str) -> None:
    log = tmp_path / "vllm.log"
    log.write_text(text, encoding="utf-8")
    with pytest.raises(LisaError, match="is not a log of vLLM"):
        compare_log(log, RunContext(instance="p5.4xlarge"))


def test_measure_requires_a_log_and_an_instance(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.write_text(OLD, encoding="utf-8")
    runner = CliRunner()
    assert runner.invoke(app, ["fit", "measure"]).exit_code == 2
    assert runner.invoke(app, ["fit", "measure", "--log", str(log)]).exit_code == 2
    assert runner.invoke(app, ["fit", "org/model", "--log", str(log)]).exit_code == 2
    with pytest.raises(LisaError, match="not an instance type with an NVIDIA GPU"):
        compare_log(log, RunContext(instance="m5.large"))


def test_a_file_of_something_else_is_not_changed(tmp_path: Path) -> None:
    log, runs = tmp_path / "vllm.log", tmp_path / "runs.json"
    log.write_text(OLD, encoding="utf-8")
    runs.write_text("[]", encoding="utf-8")
    options = ["--instance", "p5.4xlarge", "--log", str(log), "--append", str(runs)]
    assert CliRunner().invoke(app, ["fit", "measure", *options]).exit_code == 1
    assert runs.read_text("utf-8") == "[]"
