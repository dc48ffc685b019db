"""What the largest accepted bodies cost the real LiteLLM, and that larger ones cost it nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
import requests

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import LITELLM_PYTHON, Gateway, gateway
from gateway.stub_model import StubModel

pytestmark = pytest.mark.xdist_group("litellm")

if not LITELLM_PYTHON.exists():
    pytest.skip("LiteLLM is not installed: `make gateway-parts`", allow_module_level=True)

from gateway.litellm_proxy import KEY, compiled, litellm  # noqa: E402 - LiteLLM may be missing

MOST_SECONDS = 5.0
"""Of processor time: one to two on an idle machine; one request took 170 before there were limits."""


@dataclass(frozen=True)
class Way:
    """A gateway, and LiteLLM's process behind it."""

    gateway: Gateway
    litellm: psutil.Process

    def cost(self, path: str, body: Any) -> tuple[int, float]:
        """Status of a request, and the seconds of processor time that LiteLLM spent on it."""
        before = self._seconds()
        url = f"{self.gateway.url}/v2/serve/{path}"
        answer = requests.post(url, json=body, headers={"Api-Key": TOKEN}, timeout=120)
        return answer.status_code, self._seconds() - before

    def _seconds(self) -> float:
        times = self.litellm.cpu_times()
        return float(times.user + times.system)


@pytest.fixture(scope="module")
def way(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("litellm-limits")
    config = compiled(folder, dict.fromkeys(("stub", "embedder"), _shared_stub.url))
    with (
        litellm(folder, config) as url,
        gateway(folder, settings(aws, "http://127.0.0.1:1", url) | {"LITELLM_KEY": KEY}) as found,
    ):
        (process,) = (each for each in psutil.process_iter() if str(config) in _command(each))
        result = Way(found, process)
        # The first requests import what LiteLLM needs for them.
        result.cost("chat/completions", chat("x"))
        result.cost("embeddings", {"model": "embedder", "input": "x"})
        result.cost("completions", {"model": "stub", "prompt": "x"})
        yield result


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def chat(*contents: Any, **others: Any) -> dict[str, Any]:
    return {"model": "stub", "messages": [{"role": "user", "content": content} for content in contents], **others}


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgoAAAAN" * 900_000}}
ACCEPTED = {
    "messages": ("chat/completions", chat(*["x"] * 3_300)),
    "streamed messages": ("chat/completions", chat(*["x"] * 3_300, stream=True)),
    "content parts": ("chat/completions", chat([{"type": "text", "text": "x"}] * 3_300)),
    "tools": ("chat/completions", chat("x", tools=[TOOL] * 900)),
    "texts": ("chat/completions", chat(*["word " * 1_600] * 500, stream=True)),
    "a text": ("chat/completions", chat("word " * 800_000)),
    "an image": ("chat/completions", chat([{"type": "text", "text": "x"}, IMAGE])),
    "inputs": ("embeddings", {"model": "embedder", "input": ["x"] * 9_990}),
    "numbers": ("completions", {"model": "stub", "prompt": [5] * 49_000}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_largest_accepted_bodies_cost_litellm_little(way: Way, stub: StubModel, name: str) -> None:
    status, seconds = way.cost(*ACCEPTED[name])
    print(f"{name}: {seconds:.2f} s")  # noqa: T201 - figures for the decision page, shown with `pytest -s`
    assert status == 200
    assert seconds < MOST_SECONDS


REFUSED = {
    "messages": ("chat/completions", chat(*["x"] * 700_000)),
    "model": ("chat/completions", {"model": "x" * 5_000_000, "messages": []}),
    "provider": ("chat/completions", chat("x", custom_llm_provider="x" * 1_000_000)),
    "prompt": ("completions", {"model": "stub", "prompt": {"a": "x" * 1_000_000}}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_larger_bodies_cost_litellm_nothing(way: Way, stub: StubModel, name: str) -> None:
    status, seconds = way.cost(*REFUSED[name])
    assert status == 413
    assert seconds < 0.5
    assert not stub.seen
