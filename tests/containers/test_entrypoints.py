"""What the entrypoints of inference containers start, and what becomes of signals; run under bash with fake servers."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from containers.context import MODEL, SERVERS, Container, container, stop_group, variables, wait_for

WEIGHTS = {"config.json": b"{}", "model.safetensors": b"w"}


def started(folder: Path, kind: str, **environment: str) -> list[str]:
    """The arguments that a model's server was started with."""
    made = container(folder, kind, WEIGHTS)  # type: ignore[arg-type]
    made.stage(WEIGHTS)
    made.environment |= environment
    status, errors = made.run()
    assert status == 0, errors
    return made.out(SERVERS[kind], "arguments").read_text().splitlines()


@pytest.mark.parametrize("kind", SERVERS)
def test_the_server_takes_the_place_of_the_entrypoint_and_gets_its_signals(tmp_path: Path, kind: str) -> None:
    made = container(tmp_path, kind, WEIGHTS)  # type: ignore[arg-type]
    made.stage(WEIGHTS)
    del made.environment["FAKE_SERVER_EXITS"]
    process = made.start()
    try:
        assert int(wait_for(made.out(SERVERS[kind], "pid"))) == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert made.out(SERVERS[kind], "terminated").exists()
    finally:
        stop_group(process)


@pytest.mark.parametrize("kind", SERVERS)
def test_the_exit_status_is_the_servers(tmp_path: Path, kind: str) -> None:
    made = container(tmp_path, kind, WEIGHTS)  # type: ignore[arg-type]
    made.stage(WEIGHTS)
    made.environment["FAKE_SERVER_EXITS"] = "7"
    assert made.run()[0] == 7


def test_tgi(tmp_path: Path) -> None:
    arguments = started(tmp_path, "tgi", QUANTIZE="awq", MAX_TOTAL_TOKENS="2048")
    model = str(tmp_path / "nvme" / "model")
    assert arguments == ["--model-id", model, "--hostname", "0.0.0.0", "--port", "8080"]
    environment = variables(tmp_path, "text-generation-launcher")
    assert (environment["QUANTIZE"], environment["MAX_TOTAL_TOKENS"]) == ("awq", "2048")
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert "NUM_SHARD" not in environment


def with_gpus(made: Container, count: int) -> None:
    made.fake("nvidia-smi", "#!/bin/sh\n" + "echo 'GPU: fake'\n" * count)


@pytest.mark.parametrize(("own", "expected"), [({}, "4"), ({"NUM_SHARD": "2"}, "2")])
def test_tgi_shards_over_all_gpus_unless_told_otherwise(tmp_path: Path, own: dict[str, str], expected: str) -> None:
    made = container(tmp_path, "tgi", WEIGHTS)
    made.stage(WEIGHTS)
    with_gpus(made, 4)
    made.environment |= own
    made.run()
    assert variables(tmp_path, "text-generation-launcher")["NUM_SHARD"] == expected


def test_tei(tmp_path: Path) -> None:
    arguments = started(tmp_path, "tei", SERVER_ARGS="--pooling cls")
    model = str(tmp_path / "nvme" / "model")
    assert arguments == ["--model-id", model, "--hostname", "0.0.0.0", "--port", "8080", "--pooling", "cls"]
    assert variables(tmp_path, "text-embeddings-router")["TOKENIZATION_WORKERS"] == "4"


def test_vllm_without_settings(tmp_path: Path) -> None:
    assert started(tmp_path, "vllm") == [
        *("serve", str(tmp_path / "nvme" / "model")),
        *("--served-model-name", MODEL),
        *("--host", "0.0.0.0", "--port", "8080"),
    ]


def test_vllm_without_its_command(tmp_path: Path) -> None:
    made = container(tmp_path, "vllm", WEIGHTS)
    made.stage(WEIGHTS)
    (tmp_path / "bin" / "vllm").unlink()
    assert made.run()[0] == 0
    assert made.out("python3", "arguments").read_text().splitlines()[:4] == [
        *("-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(tmp_path / "nvme" / "model")),
    ]


def test_vllm_settings_become_arguments(tmp_path: Path) -> None:
    arguments = started(
        tmp_path,
        "vllm",
        MAX_TOTAL_TOKENS="4096",
        MAX_CONCURRENT_REQUESTS="64",
        QUANTIZE="bitsandbytes-nf4",
        DTYPE="bfloat16",
        TENSOR_PARALLEL_SIZE="2",
        GPU_MEMORY_UTILIZATION="0.8",
        TRUST_REMOTE_CODE="true",
        SERVER_ARGS="--seed 1",
    )
    assert arguments[8:] == [
        *("--max-model-len", "4096"),
        *("--max-num-seqs", "64"),
        *("--quantization", "bitsandbytes"),
        *("--dtype", "bfloat16"),
        *("--tensor-parallel-size", "2"),
        *("--gpu-memory-utilization", "0.8"),
        "--trust-remote-code",
        *("--seed", "1"),
    ]


def test_vllm_drains_where_its_version_can(tmp_path: Path) -> None:
    for options, expected in (("--shutdown-timeout", ["--shutdown-timeout", "45"]), ("--seed", [])):
        folder = tmp_path / options.strip("-")
        engine = folder / "packages" / "vllm" / "engine"
        engine.mkdir(parents=True)
        (engine.parent / "__init__.py").write_text("raise SystemExit('importing vLLM takes a minute')")
        (engine / "arg_utils.py").write_text(f'parser.add_argument("{options}")\n')
        arguments = started(folder, "vllm", DRAIN_TIMEOUT="45", PYTHONPATH=str(engine.parents[1]))
        assert arguments[8:] == expected


def test_vllm_uses_all_gpus(tmp_path: Path) -> None:
    made = container(tmp_path, "vllm", WEIGHTS)
    made.stage(WEIGHTS)
    with_gpus(made, 8)
    made.run()
    assert made.out("vllm", "arguments").read_text().splitlines()[-2:] == ["--tensor-parallel-size", "8"]


def test_sglang_without_settings(tmp_path: Path) -> None:
    assert started(tmp_path, "sglang") == [
        *("serve", "--model-path", str(tmp_path / "nvme" / "model")),
        *("--served-model-name", MODEL),
        *("--host", "0.0.0.0", "--port", "8080", "--enable-metrics"),
    ]


def test_sglang_settings_become_arguments(tmp_path: Path) -> None:
    arguments = started(
        tmp_path,
        "sglang",
        MAX_TOTAL_TOKENS="4096",
        MAX_CONCURRENT_REQUESTS="64",
        QUANTIZE="bitsandbytes-nf4",
        DTYPE="half",
        TENSOR_PARALLEL_SIZE="2",
        GPU_MEMORY_UTILIZATION="0.8",
        TRUST_REMOTE_CODE="true",
        MODEL_TYPE="embedding",
        SERVER_ARGS="--random-seed 1",
    )
    assert arguments[10:] == [
        *("--context-length", "4096"),
        *("--max-running-requests", "64"),
        *("--quantization", "bitsandbytes"),
        *("--dtype", "half"),
        *("--tp-size", "2"),
        *("--mem-fraction-static", "0.8"),
        "--trust-remote-code",
        "--is-embedding",
        *("--random-seed", "1"),
    ]


def test_sglang_without_its_command(tmp_path: Path) -> None:
    made = container(tmp_path, "sglang", WEIGHTS)
    made.stage(WEIGHTS)
    (tmp_path / "bin" / "sglang").unlink()
    with_gpus(made, 4)
    assert made.run()[0] == 0
    arguments = made.out("python3", "arguments").read_text().splitlines()
    assert arguments[:4] == ["-m", "sglang.launch_server", "--model-path", str(tmp_path / "nvme" / "model")]
    assert arguments[-2:] == ["--tp-size", "4"]


def test_instructor(tmp_path: Path) -> None:
    arguments = started(tmp_path, "instructor")
    assert arguments == [
        *("lisa_instructor.app:create_app", "--factory", "--host", "0.0.0.0", "--port", "8080"),
        *("--timeout-keep-alive", "620", "--timeout-graceful-shutdown", "90"),
    ]


@pytest.mark.parametrize(
    ("kind", "variable"),
    [("vllm", "VLLM_API_KEY"), ("tgi", "API_KEY"), ("tei", "API_KEY"), ("instructor", "LISA_MODEL_KEY")],
)
def test_the_key_reaches_the_server_as_a_variable(tmp_path: Path, kind: str, variable: str) -> None:
    arguments = started(tmp_path, kind, LISA_MODEL_KEY="key-of-the-model")
    assert "key-of-the-model" not in " ".join(arguments)
    environment = variables(tmp_path, SERVERS[kind])
    assert {name for name, value in environment.items() if value == "key-of-the-model"} == {variable}


def test_sglang_takes_the_key_as_an_argument(tmp_path: Path) -> None:
    arguments = started(tmp_path, "sglang", LISA_MODEL_KEY="key-of-the-model")
    assert arguments[arguments.index("--api-key") + 1] == "key-of-the-model"
    assert "key-of-the-model" not in variables(tmp_path, "sglang").values()


@pytest.mark.parametrize("kind", SERVERS)
def test_without_a_key_no_server_requires_one(tmp_path: Path, kind: str) -> None:
    assert "--api-key" not in started(tmp_path, kind)
    assert not {"API_KEY", "VLLM_API_KEY", "LISA_MODEL_KEY"} & set(variables(tmp_path, SERVERS[kind]))
