"""`lisa fit` as it is called: forms of the answer, exit codes, and sources of what it knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project as Written
from tests.compiler.conftest import configuration
from typer.testing import CliRunner, Result

from lisa_compiler.cli.app import app

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
IMAGE = "vllm/vllm-openai:v0.9.2"


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["fit", *arguments, "--project", str(tmp_path)])


def data(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_model_that_does_not_fit(tmp_path: Path) -> None:
    result = run(tmp_path, LLAMA, "--instance", "g6.xlarge", "--context", "131072", "--image", IMAGE)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"{LLAMA} on g6.xlarge, 0.80 USD/h (us-east-1, 2026-07-20)"
    assert lines[1].startswith("does not fit   one sequence of 131,072 tokens needs 16.0 GiB of KV cache, and 3.6 GiB")
    assert "weights 15.0" in lines[2]
    assert "facts: shipped catalogue" in lines[4]
    assert "constants: vLLM 0.9 to before 0.17" in lines[4]
    tries = [line.split()[1:4] for line in lines[5:]]
    assert tries[0] == ["MAX_TOTAL_TOKENS", "20000", "g6.xlarge"]
    assert "g6e.xlarge" in lines[6]


def test_a_model_that_fits_exits_with_0(tmp_path: Path) -> None:
    result = run(tmp_path, LLAMA, "--instance", "g6.xlarge", "--context", "8192", "--image", IMAGE)
    assert (result.exit_code, result.stdout.splitlines()[1][:4]) == (0, "fits")
    assert "try" not in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["my/model-7b", "--instance", "g6.xlarge"], [LLAMA, "--instance", "g6f.xlarge"]],
    ids=["unknown model", "slice of a GPU"],
)
def test_unknown_exits_with_0(tmp_path: Path, arguments: list[str]) -> None:
    result = run(tmp_path, *arguments)
    assert (result.exit_code, result.stdout.splitlines()[1].split()[0]) == (0, "unknown")


def test_json_has_the_budget_with_its_limits_and_the_sources(tmp_path: Path) -> None:
    options = ["--instance", "g6.xlarge", "--context", "131072", "--image", IMAGE, "--format", "json"]
    found = data(run(tmp_path, LLAMA, *options))
    assert {name: found[name] for name in ("model", "instance", "region", "version", "verdict")} == {
        "model": LLAMA,
        "instance": "g6.xlarge",
        "region": "us-east-1",
        "version": "0.9.2",
        "verdict": "does not fit",
    }
    kv = found["budget"]["kv"]
    assert kv["low"] < kv["point"] < kv["high"]
    assert found["kvTokens"]["low"] < found["kvTokens"]["high"]
    assert found["maxContext"]["low"] >= 20_000
    assert found["facts"]["bytes"]["source"] == found["facts"]["shape"]["source"] == "shipped catalogue"
    assert found["price"] == {"perHour": 0.8048, "currency": "USD", "asOf": "2026-07-20"}
    assert found["suggestions"][0]["change"] == "MAX_TOTAL_TOKENS 20000"
    assert all(suggestion["verdict"] == "fits" for suggestion in found["suggestions"])


def test_suggestions_fit_when_they_are_asked(tmp_path: Path) -> None:
    base = ["--context", "131072", "--image", IMAGE, "--format", "json"]
    for suggestion in data(run(tmp_path, LLAMA, "--instance", "g6.xlarge", *base))["suggestions"]:
        name, _, value = suggestion["change"].partition(" ")
        options = ["--context", "131072", "--image", IMAGE, "--format", "json", "--instance", suggestion["instance"]]
        if name == "MAX_TOTAL_TOKENS":
            options[1] = value
        elif name.startswith("--"):
            options += ["--set", f"SERVER_ARGS={suggestion['change']}"]
        elif name != "instanceType":
            options += ["--set", f"{name}={value}"]
        assert data(run(tmp_path, LLAMA, *options))["verdict"] == "fits"


def test_variables_and_arguments(tmp_path: Path) -> None:
    options = ["--instance", "g6.12xlarge", "--image", IMAGE, "--format", "json"]
    found = data(run(tmp_path, LLAMA, *options, "--set", "TENSOR_PARALLEL_SIZE=3"))
    assert found["verdict"] == "does not fit"
    assert "not divisible by tensor parallel size 3" in found["reason"]
    found = data(run(tmp_path, LLAMA, *options, "--set", "SERVER_ARGS=--kv-cache-dtype fp8 --max-model-len 16k"))
    assert found["context"] == 16000
    assert run(tmp_path, LLAMA, *options, "--set", "novalue").exit_code == 2


@pytest.mark.parametrize(
    "value",
    ['SERVER_ARGS=--hf-overrides \'{"a": 1}', 'SERVER_ARGS=--seed 1 --note="x', "SERVER_ARGS='--seed 1", 'DTYPE="half'],
)
def test_a_quote_that_does_not_close_is_an_error(tmp_path: Path, value: str) -> None:
    result = run(tmp_path, LLAMA, "--instance", "g6.xlarge", "--set", value)
    assert result.exit_code == 2
    assert "--set" in result.stderr
    assert "does not close" in result.stderr


def test_closed_quotes_are_read(tmp_path: Path) -> None:
    options = ["--instance", "g6.xlarge", "--image", IMAGE, "--context", "8192", "--set"]
    assert (
        run(tmp_path, LLAMA, *options, "SERVER_ARGS=--served-model-note \"a b\" --chat-template='it is'").exit_code == 0
    )


def test_fixes_name_the_argument_that_is_the_cause(tmp_path: Path) -> None:
    options = ["--instance", "g6.xlarge", "--image", IMAGE, "--format", "json", "--set"]
    found = data(run(tmp_path, LLAMA, *options, "SERVER_ARGS=--max-model-len 131072"))
    assert found["suggestions"][0]["change"] == "--max-model-len 20000"


def test_all_types_of_a_region_are_ranked_and_the_cheapest_that_fits_is_first(tmp_path: Path) -> None:
    found = data(run(tmp_path, "Qwen/Qwen3-14B", "--image", "vllm/vllm-openai:v0.22.0", "--format", "json"))["answers"]
    verdicts = [one["verdict"] for one in found]
    order = ["fits", "too close to tell", "unknown", "does not fit"]
    assert verdicts == sorted(verdicts, key=order.index)
    prices = [one["price"]["perHour"] for one in found if one["verdict"] == "fits"]
    assert prices == sorted(prices)
    assert not any(one["instance"].startswith("g5g.") for one in found)
    # V100 with CUDA 13 is not promised.
    assert all(one["verdict"] != "fits" for one in found if one["instance"].startswith("p3"))


def test_a_region_without_prices_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, LLAMA, "--region", "eu-west-1")
    assert result.exit_code == 0
    assert "unknown" in result.stdout.splitlines()[1]
    one = run(tmp_path, LLAMA, "--region", "eu-west-1", "--instance", "g5.xlarge", "--context", "4096")
    assert "price unknown in eu-west-1" in one.stdout


def test_markdown(tmp_path: Path) -> None:
    options = ["--instance", "g6.xlarge", "--instance", "g6e.xlarge", "--image", IMAGE, "--format", "markdown"]
    result = run(tmp_path, LLAMA, *options)
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[0].startswith("| Model | Instance type | Fit |")
    assert [line.split(" | ")[2] for line in lines[2:4]] == ["does not fit", "fits"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([LLAMA, "--instance", "g6.huge"], "Unknown instance type"),
        ([LLAMA, "--instance", "inf2.xlarge"], "exists, but has AWS Neuron accelerators"),
        ([LLAMA, "--region", "eu-nowhere-1"], "Unknown Region"),
    ],
)
def test_names_that_do_not_exist(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 1
    assert words in result.output


def test_an_environment(project: Written) -> None:
    model = {
        **configuration()["ecsModels"][0],
        "modelName": LLAMA,
        "instanceType": "g6.xlarge",
        "inferenceContainer": "vllm",
        "containerConfig": {"image": {"baseImage": IMAGE}, "environment": {"MAX_TOTAL_TOKENS": 131072}},
    }
    project.write(ecsModels=[model])
    result = run(project.folder, "--env", "dev", "--format", "json")
    assert result.exit_code == 1
    (found,) = data(result)["answers"]
    assert (found["model"], found["verdict"]) == (LLAMA, "does not fit")
    result = run(project.folder)
    assert "small on g6.xlarge" in result.stdout


@pytest.mark.parametrize(
    "options", [["--instance", "g5.xlarge"], ["--context", "10"], ["--image", IMAGE], ["--set", "A=1"]]
)
def test_options_of_a_question_require_a_model(project: Written, options: list[str]) -> None:
    project.write()
    assert run(project.folder, *options).exit_code == 2


def test_a_local_model_is_judged_by_its_files(tmp_path: Path) -> None:
    from tests.weights.model_files import safetensors

    config = {
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 1000,
        "max_position_embeddings": 2048,
        "torch_dtype": "bfloat16",
    }
    folder = tmp_path / "models" / "my" / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text('{"a": 1}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(safetensors({"model.layers.0.w": b"x" * 4096}))
    options = ["my/model", "--instance", "g6.xlarge", "--image", IMAGE, "--format", "json"]
    found = data(run(tmp_path, *options))
    assert found["verdict"] == "fits"
    assert found["facts"]["bytes"] == {
        "value": 4096,
        "atLeast": 4096,
        "source": "models/",
        "how": "safetensors headers",
    }
    assert found["facts"]["shape"]["source"] == "models/"
    assert found["context"] == 2048
    shutil.rmtree(folder)
    assert data(run(tmp_path, *options))["verdict"] == "unknown"


def test_no_connection_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert run(tmp_path, LLAMA).exit_code == 0


def test_all_types_are_ranked_in_time(tmp_path: Path) -> None:
    import time

    run(tmp_path, "google/gemma-3-27b-it")
    began = time.process_time()
    run(tmp_path, "google/gemma-3-27b-it")
    assert time.process_time() - began < 1


def test_an_encoder_is_asked_about_with_its_usual_server(tmp_path: Path) -> None:
    result = run(tmp_path, "BAAI/bge-large-en-v1.5", "--instance", "g4dn.xlarge")
    assert (result.exit_code, result.stdout.splitlines()[1].strip()) == (0, "fits")
    under_vllm = run(tmp_path, "BAAI/bge-large-en-v1.5", "--instance", "g4dn.xlarge", "--container", "vllm")
    assert "an encoder has no KV cache" in under_vllm.stdout
    assert "tokens" not in under_vllm.stdout


@pytest.mark.parametrize(
    ("model", "container", "words"),
    [
        (LLAMA, "tei", "which text-embeddings-inference does not serve"),
        ("BAAI/bge-large-en-v1.5", "tgi", "computes embeddings"),
    ],
)
def test_a_server_of_another_kind(tmp_path: Path, model: str, container: str, words: str) -> None:
    result = run(tmp_path, model, "--instance", "g6e.xlarge", "--container", container)
    assert result.stdout.splitlines()[1].startswith("unknown")
    assert words in result.stdout


def test_an_instance_without_a_gpu_does_not_fit(tmp_path: Path) -> None:
    result = run(tmp_path, LLAMA, "--instance", "m5.large")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].startswith(
        "does not fit   the instance type has no NVIDIA GPU, which the image"
    )
    assert "GiB" not in "".join(line for line in result.stdout.splitlines() if line.startswith("note"))
    for_cpus = run(tmp_path, LLAMA, "--instance", "m5.large", "--image", "vllm/vllm-openai-cpu:v0.32.0")
    assert (for_cpus.exit_code, for_cpus.stdout.splitlines()[1].split()[0]) == (0, "unknown")


@pytest.mark.parametrize("name", [LLAMA.lower(), "Llama-3.1-8B-Instruct"])
def test_names_that_may_be_meant(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert result.exit_code == 0
    assert f"Did you mean {LLAMA}?" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_numbers_of_tokens_with_a_unit(tmp_path: Path) -> None:
    options = ("--instance", "g6.xlarge", "--format", "json", "--image", IMAGE)
    plain = data(run(tmp_path, LLAMA, "--context", "8000", *options))
    assert data(run(tmp_path, LLAMA, "--context", "8k", *options)) == plain
    for wrong in ("8 thousand", "0", "-1", "auto"):
        refused = run(tmp_path, LLAMA, "--context", wrong, *options)
        assert refused.exit_code == 2
        assert "is no number of tokens" in " ".join(refused.stderr.split())


def test_variables_that_are_not_read_are_named(tmp_path: Path) -> None:
    result = run(tmp_path, LLAMA, "--instance", "g6.xlarge", "--set", "FOO=1", "--set", "MAX_TOTAL_TOKENS=8192")
    assert "vLLM does not read `FOO`." in result.stderr
    assert "MAX_TOTAL_TOKENS" not in result.stderr


def test_containers_that_there_are_not(tmp_path: Path) -> None:
    assert run(tmp_path, LLAMA, "--container", "ollama").exit_code == 2
