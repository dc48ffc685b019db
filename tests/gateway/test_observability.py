"""Request ids, logs, metrics, health, and how the gateway starts and stops."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import ROOT, Gateway, gateway
from gateway.stub_model import StubModel, chunk, open_stream, serving

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "stub", "messages": [{"role": "user", "content": "a very private prompt"}]}


def chat(served: Gateway, **headers: str) -> requests.Response:
    url = f"{served.url}/v2/serve/chat/completions"
    return requests.post(url, json=CHAT, headers=AUTHORIZED | headers, timeout=15)


def lines(served: Gateway) -> list[dict[str, object]]:
    return [json.loads(line) for line in served.log.read_text().splitlines()]


def until_told(served: Gateway) -> None:
    """Wait until the gateway has told of all requests so far; it tells of them in turn, some times a second."""
    marker = os.urandom(8).hex()
    requests.get(f"{served.url}/health", headers={"X-Request-ID": marker}, timeout=10)
    deadline = time.monotonic() + 20
    while marker not in served.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("given", ["abc", "A-1_b.2", "x" * 128])
def test_a_valid_request_id_is_kept(served: Gateway, stub: StubModel, given: str) -> None:
    assert chat(served, **{"X-Request-ID": given}).headers["X-Request-ID"] == given
    assert stub.last.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "<script>"])
def test_another_is_replaced(served: Gateway, given: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", chat(served, **{"X-Request-ID": given}).headers["X-Request-ID"])


@pytest.mark.parametrize("path", ["/health", "/nothing", "/v2/serve/models", "/v1/generate"])
def test_every_answer_has_one_request_id(served: Gateway, path: str) -> None:
    answer = requests.get(f"{served.url}{path}", timeout=10)
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_a_line_for_each_request(served: Gateway) -> None:
    chat(served, **{"X-Request-ID": "the-one"})
    until_told(served)
    (line,) = [line for line in lines(served) if line.get("requestId") == "the-one"]
    known = {"method": "POST", "route": "/v2/serve/chat/completions", "status": 200, "caller": "token"}
    assert known.items() <= line.items()
    assert float(str(line["milliseconds"])) > 0


def test_logs_hold_no_token_no_prompt_and_no_key(served: Gateway) -> None:
    chat(served)
    requests.get(f"{served.url}/v2/serve/models?api_key={TOKEN}", headers={"Api-Key": "a-wrong-token"}, timeout=10)
    requests.post(f"{served.url}/v1/generate", json={"text": "a very private prompt"}, headers=AUTHORIZED, timeout=10)
    until_told(served)
    written = served.log.read_text()
    assert lines(served)
    for secret in (TOKEN, "a-wrong-token", "very private", "sk-for-inference", "sk-for-administrators", "Hello"):
        assert secret not in written


def test_metrics(served: Gateway) -> None:
    def value(name: str) -> float:
        until_told(served)
        found = re.search(rf"^{re.escape(name)} (\S+)$", requests.get(served.metrics_url, timeout=5).text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    route = 'route="/v2/serve/chat/completions"'
    names = (
        f'lisa_gateway_requests_total{{method="POST",{route},status="200"}}',
        f"lisa_gateway_request_seconds_count{{{route}}}",
        f"lisa_gateway_first_byte_seconds_count{{{route}}}",
        f'lisa_gateway_tokens_total{{kind="prompt",{route}}}',
        f'lisa_gateway_tokens_total{{kind="completion",{route}}}',
    )
    before = [value(name) for name in names]
    chat(served)
    assert [value(name) - was for name, was in zip(names, before, strict=True)] == [1, 1, 1, 5, 2]


def test_metrics_of_faults_and_streams(served: Gateway, stub: StubModel) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    stub.behaviours["/embeddings"] = hang_up
    requests.post(f"{served.url}/v2/serve/embeddings", json={}, headers=AUTHORIZED, timeout=10)
    url = f"{served.url}/v2/serve/completions"
    requests.post(url, json={"prompt": "a", "stream": True}, headers=AUTHORIZED, timeout=10)
    until_told(served)
    metrics = requests.get(served.metrics_url, timeout=5).text
    assert 'lisa_gateway_faults_total{fault="upstream_unreachable",route="/v2/serve/embeddings"}' in metrics
    assert 'lisa_gateway_tokens_total{kind="completion",route="/v2/serve/completions"}' in metrics


def test_what_callers_write_is_no_label(served: Gateway) -> None:
    requests.get(f"{served.url}/v2/serve/made/up", headers=AUTHORIZED, timeout=10)
    requests.request("BREW", f"{served.url}/made-up", headers=AUTHORIZED, timeout=10)
    until_told(served)
    metrics = requests.get(served.metrics_url, timeout=5).text
    assert "made" not in metrics
    assert "BREW" not in metrics


def test_metrics_are_not_on_the_public_port(served: Gateway) -> None:
    assert requests.get(f"{served.url}/metrics", headers=AUTHORIZED, timeout=10).status_code == 404


def test_health_follows_litellm(aws: Aws, tmp_path: Path) -> None:
    with serving() as own:
        environment = settings(aws, "http://127.0.0.1:1", own.url)
        with gateway(tmp_path, environment) as found:
            assert requests.get(f"{found.url}/health", timeout=5).status_code == 200
            port = int(own.url.rpartition(":")[2])
    with gateway(tmp_path, environment | {"LITELLM_URL": f"http://127.0.0.1:{port}"}) as found:
        assert requests.get(f"{found.url}/health", timeout=5).status_code == 503
        assert chat(found).status_code == 502
        assert chat(found).json()["error"]["code"] == "upstream_unreachable"


def test_requests_end_before_the_gateway_does(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(10):
            await answer.write(chunk("a", chat=True))
            await asyncio.sleep(0.1)
        return answer

    stub.behaviours["/chat/completions"] = slow
    with gateway(tmp_path, settings(aws, "http://127.0.0.1:1", stub.url) | {"THREADS": "2"}) as found:
        answers: list[requests.Response] = []
        asking = threading.Thread(target=lambda: answers.append(chat(found)))
        asking.start()
        time.sleep(0.4)
        found.process.send_signal(signal.SIGTERM)
        asking.join(10)
        assert answers[0].text.count("data:") == 10
        found.process.wait(10)


def test_workers_are_summed_up(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    with gateway(tmp_path, settings(aws, "http://127.0.0.1:1", stub.url) | {"THREADS": "2"}) as found:
        for _ in range(20):
            assert chat(found).status_code == 200
        name = 'lisa_gateway_requests_total{method="POST",route="/v2/serve/chat/completions",status="200"}'
        deadline = time.monotonic() + 20
        while f"{name} 20.0" not in requests.get(found.metrics_url, timeout=5).text:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "TOKEN_TABLE_NAME"),
        ({"AUTHORITY": ""}, "AUTHORITY and CLIENT_ID are required"),
        ({"THREADS": "many", "LITELLM_URL": "nowhere"}, "THREADS"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ],
)
def test_settings_that_are_wrong_are_named(aws: Aws, variables: dict[str, str], said: str) -> None:
    given = settings(aws, "http://127.0.0.1:1", "http://127.0.0.1:1") if variables else {}
    environment = {"PYTHONPATH": "runtime/gateway:runtime/oidc", **given, **variables}
    command = [sys.executable, "-m", "lisa_gateway"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr
