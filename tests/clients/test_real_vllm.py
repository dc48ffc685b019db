"""The main path of every client with the real vLLM, in whose form the scripted one must answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

import parts
from clients import system
from clients.cells import MAIN_PATH, WORKS, Cell
from clients.conftest import require_parts
from clients.engines.vllm import vllm
from clients.system import MODELS
from gateway.processes import ROOT, running, wait_until_answers
from lisa_compiler.dev.processes import free_port

pytestmark = pytest.mark.xdist_group("clients")

MODEL = MODELS["vLLM"]
_SECONDS = 600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real vLLM with a tiny model; its address."""
    require_parts()
    if not parts.pytorch().is_installed:
        pytest.skip(f"vLLM is not installed: run `{parts.pytorch().command}`")
    folder = tmp_path_factory.mktemp("vllm")
    python, environment = parts.PYTORCH / "bin" / "python", dict(parts.pytorch_environment())
    program = ROOT / "tests" / "clients" / "engines" / "tiny_model.py"
    subprocess.run([python, "-P", program, folder / "model"], env=environment, check=True, timeout=_SECONDS)
    port, log = free_port(), folder / "vllm.log"
    command = [python, "-P", parts.PYTORCH / "bin" / "vllm", "serve", folder / "model", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--served-model-name", MODEL, f"org/{MODEL}"]
    command += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "256"]
    with running(command, log=log, environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(f"{url}/health", process, log, _SECONDS)
        yield url


@pytest.fixture(scope="module")
def cells(server: str, tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    folder = tmp_path_factory.mktemp("clients")
    with system.running(folder, dict.fromkeys(MODELS.values(), server)) as targets:
        asked = [replace(target, is_real=True) for target in targets if target.model == MODEL]
        # The Responses API and messages of this route go through LiteLLM.
        return system.ask([target for target in asked if target.route == "direct"], folder)


def test_the_main_path_of_every_client_works(cells: list[Cell]) -> None:
    failed = [cell for cell in cells if cell.outcome != WORKS]
    assert not failed, "\n\n".join(f"{cell.client}, {cell.feature}, {cell.route}: {cell.detail}" for cell in failed)
    assert {cell.feature for cell in cells} == set(MAIN_PATH)
    assert len({cell.client for cell in cells}) >= 9


MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": MODEL, "messages": MESSAGES, "max_tokens": 2, "temperature": 0}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", CHAT),
    ("/v1/chat/completions", CHAT | {"logprobs": True, "top_logprobs": 1}),
    ("/v1/completions", {"model": MODEL, "prompt": "Say", "max_tokens": 2}),
    ("/v1/chat/completions", CHAT | {"model": "no-such-model"}),
    ("/v1/no-such-path", CHAT),
    ("/v1/chat/completions", CHAT | {"messages": [{"role": "user", "content": "too long" * 40}]}),
]


def test_the_scripted_vllm_answers_in_the_form_of_the_real_one(server: str) -> None:
    with vllm(MODEL) as scripted:
        for path, body in REQUESTS:
            real, ours = (requests.post(f"{url}{path}", json=body, timeout=60) for url in (server, scripted.url))
            assert ours.status_code == real.status_code, (path, real.text)
            unknown = paths(ours.json()) - paths(real.json())
            assert not unknown, (path, unknown, real.text)
        for options in ({}, {"stream_options": {"include_usage": True}}):
            body = CHAT | {"stream": True} | options
            real_form, our_form = (events(f"{url}/v1/chat/completions", body) for url in (server, scripted.url))
            assert our_form <= real_form, our_form - real_form


def paths(value: Any, at: str = "") -> set[str]:
    """The paths of the members, and of what is in lists, with the kinds of the values."""
    if isinstance(value, dict):
        return {path for name, inner in value.items() for path in paths(inner, f"{at}.{name}")}
    if isinstance(value, list):
        return {path for inner in value for path in paths(inner, f"{at}[]")}
    return {f"{at}: {'null' if value is None else 'number' if isinstance(value, float | int) else 'text'}"}


def events(url: str, body: dict[str, Any]) -> set[str]:
    """The paths in the events of a stream, and its end."""
    lines = requests.post(url, json=body, timeout=60).text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    return {path for line in lines[:-1] for path in paths(json.loads(line.removeprefix("data: ")))}
