"""What browsers are told: who may read answers, and that they may ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import ROOT, Gateway, gateway
from gateway.stub_model import StubModel

ORIGIN = "https://lisa.example.com"
SECOND = "http://localhost:5173"
CHAT = "/v2/serve/chat/completions"


@pytest.fixture(scope="module")
def asked(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    origins = {"WEB_ORIGINS": f"{ORIGIN}, {SECOND}", "MAX_BODY_BYTES": "1000"}
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url) | origins
    with gateway(tmp_path_factory.mktemp("cross-origin"), environment) as found:
        yield found


def preflight(asked: Gateway, origin: str, path: str = CHAT) -> requests.Response:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return requests.options(f"{asked.url}{path}", headers={"Origin": origin, **wanted}, timeout=10)


@pytest.mark.parametrize("origin", [ORIGIN, SECOND])
@pytest.mark.parametrize("path", [CHAT, "/v1/generate", "/health", "/none"])
def test_a_preflight_is_answered_without_a_token(asked: Gateway, origin: str, path: str) -> None:
    answer = preflight(asked, origin, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, X-Request-ID"
    assert int(answer.headers["Access-Control-Max-Age"]) > 600
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", f"{ORIGIN}.evil.com", "http://lisa.example.com"]
)
def test_other_origins_are_told_nothing(asked: Gateway, origin: str) -> None:
    answer = requests.get(
        f"{asked.url}/v2/serve/models", headers={"Origin": origin, "Authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    for each in (answer, preflight(asked, origin)):
        assert not [name for name in each.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/v2/serve/models", "", 401),
        ("POST", CHAT, "nonsense", 401),
        ("POST", CHAT, TOKEN, 413),
        ("POST", "/v2/serve/key/generate", TOKEN, 403),
        ("GET", "/v1/none", TOKEN, 404),
        ("OPTIONS", "/v2/serve/models", "", 401),
        ("GET", "/health", "", 200),
    ],
)
def test_errors_can_be_read_too(asked: Gateway, method: str, path: str, token: str, status: int) -> None:
    headers = {"Origin": ORIGIN, **({"Authorization": f"Bearer {token}"} if token else {})}
    body = b"x" * 1001 if status == 413 else None
    answer = requests.request(method, f"{asked.url}{path}", headers=headers, data=body, timeout=10)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Expose-Headers"] == "X-Request-ID"
    assert "Origin" in answer.headers["Vary"]


def test_what_the_proxy_allows_is_left_out(asked: Gateway, stub: StubModel) -> None:
    async def generous(_: web.Request) -> web.StreamResponse:
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"}
        return web.json_response({}, headers=allowed)

    stub.behaviours["/models"] = generous
    caller = {"Authorization": f"Bearer {TOKEN}", "Origin": ORIGIN}
    answer = requests.get(f"{asked.url}/v2/serve/models", headers=caller, timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_programs_are_told_nothing_of_origins(asked: Gateway) -> None:
    answer = requests.get(f"{asked.url}/health", timeout=10)
    assert not {"vary", "access-control-allow-origin"} & {name.lower() for name in answer.headers}


@pytest.mark.parametrize("origins", ["*", "lisa.example.com", "https://lisa.example.com/", "https://*.example.com"])
def test_what_is_no_origin_is_refused_at_start(aws: Aws, origins: str, tmp_path: Path) -> None:
    environment = settings(aws, "http://127.0.0.1:1", "http://127.0.0.1:1") | {"WEB_ORIGINS": origins}
    environment |= {"PYTHONPATH": f"{ROOT}/runtime/gateway:{ROOT}/runtime/oidc"}
    ended = subprocess.run(
        [sys.executable, "-m", "lisa_gateway"],
        check=False,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1
    assert "WEB_ORIGINS" in ended.stderr
