"""The container of a model with LoRA adapters: each is copied and verified like the model, then the server starts."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from containers.context import BUCKET, MODEL, Container, container, described, stop_group, wait_for
from lisa_compiler.emit.containers import ContextSpec, ServedAdapter, emit_context
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.service_plans import AdapterPlan

WEIGHTS = {"config.json": b"{}", "model.safetensors": b"w"}
FILES = {"adapter_config.json": b'{"r": 4}', "adapter_model.safetensors": b"lora"}
ADAPTERS = {"support": "acme/support-lora", "legal": "legal"}


def with_adapters(folder: Path, *, staged: bool = True) -> Container:
    """A laid out context of vLLM with two adapters, whose files are in the bucket."""
    made = container(folder, "vllm", WEIGHTS)
    made.stage(WEIGHTS)
    plans = [
        AdapterPlan(
            name=name,
            weights=weights,
            list_path=f"adapters/{weights.replace('/', '+')}.tsv",
            directory=weights.replace("/", "+"),
        )
        for name, weights in ADAPTERS.items()
    ]
    facts = described(FILES, "staged") if staged else described({}, "unstaged")
    spec = ContextSpec(
        image=BuiltImage(
            name="model",
            kind="vllm",
            context="containers/model",
            base_image="example/server:1",
            tools_image="python:3.13-slim",
            build_args=(),
            custom_path=None,
        ),
        model=MODEL,
        weights=described(WEIGHTS, "staged"),
        adapters=tuple(
            ServedAdapter(plan=plan, weights={**facts, "model": plan.weights, "prefix": plan.weights, "rank": 64})
            for plan in plans
        ),
    )
    for name, content in emit_context(spec, project=folder).items():
        (folder / "context" / name).parent.mkdir(exist_ok=True)
        (folder / "context" / name).write_bytes(content)
    for weights in ADAPTERS.values():
        for name, content in FILES.items():
            path = folder / "s3" / BUCKET / weights / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return made


@pytest.mark.parametrize("staged", [True, False])
def test_adapters_are_next_to_the_model_and_named_to_the_server(tmp_path: Path, staged: bool) -> None:
    made = with_adapters(tmp_path, staged=staged)
    status, errors = made.run()
    assert status == 0, errors
    nvme = tmp_path / "nvme"
    for folder in ("acme+support-lora", "legal"):
        for name, content in FILES.items():
            assert (nvme / "adapters" / folder / name).read_bytes() == content
    arguments = made.out("vllm", "arguments").read_text()
    expected = ["--enable-lora", "--max-loras", "2", "--max-lora-rank", "64", "--lora-modules"]
    modules = [f"support={nvme}/adapters/acme+support-lora", f"legal={nvme}/adapters/legal"]
    assert "\n".join([*expected, *modules]) in arguments
    environment = made.out("vllm", "environment").read_text().splitlines()
    assert f"MODEL_NAME={MODEL}" in environment
    assert f"LOCAL_MODEL_PATH={nvme}/model" in environment


def test_own_arguments_come_last(tmp_path: Path) -> None:
    made = with_adapters(tmp_path)
    made.environment["SERVER_ARGS"] = "--max-loras 1"
    assert made.run()[0] == 0
    assert made.out("vllm", "arguments").read_text().endswith("--max-loras\n1\n")


def test_other_content_of_an_adapter_stops_the_start(tmp_path: Path) -> None:
    made = with_adapters(tmp_path)
    (tmp_path / "s3" / BUCKET / "legal" / "adapter_model.safetensors").write_bytes(b"evil")
    status, errors = made.run()
    assert status == 1
    assert "adapter_model.safetensors has SHA-256" in errors
    assert f"in s3://{BUCKET}/legal" in errors
    assert not made.out("vllm", "arguments").exists()


def test_restart_copies_nothing(tmp_path: Path) -> None:
    made = with_adapters(tmp_path)
    assert made.run()[0] == 0
    before = (tmp_path / "log").read_text()
    assert made.run()[0] == 0
    assert (tmp_path / "log").read_text() == before


def test_stop_while_an_adapter_is_copied_ends_the_container(tmp_path: Path) -> None:
    made = with_adapters(tmp_path)
    started = tmp_path / "out" / "adapter"
    fake = (tmp_path / "bin" / "s5cmd").read_text().splitlines()
    made.fake("s5cmd.real", "\n".join(fake))
    made.fake(
        "s5cmd",
        '#!/bin/bash\ninput=$(cat)\nif [[ $input == *legal* ]]; then echo yes >"$FAKE_OUT/adapter"; sleep 60; fi\n'
        'printf "%s\\n" "$input" | s5cmd.real "$@"\n',
    )
    process = made.start()
    try:
        wait_for(started)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 143
    finally:
        stop_group(process)
    assert not made.out("vllm", "arguments").exists()
