"""`/v2/serve`: what comes in goes to LiteLLM as it is, and comes back as it is."""

from __future__ import annotations

import json
import socket
import time

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "stub", "messages": [{"role": "user", "content": "hi"}]}


def wait_for(condition: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.02)
    assert condition()  # type: ignore[operator]


def send(served: Gateway, method: str, target: str) -> bytes:
    """The answer to a request whose target goes over the wire as it is written here."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        fields = ["Host: x", f"Api-Key: {TOKEN}", "Content-Length: 0", "Connection: close"]
        connection.sendall("\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        ("/v1/models/org%2Fwriter%202?include_metadata=true", None),
        ("/v1/models/writer%3A7b%C3%A9", "/v1/models/writer:7b%C3%A9"),
        ("/%6dodels?include_metadata=%74rue", "/models?include_metadata=%74rue"),
        ("/models/with%20space", "/models/with%20space"),
    ],
)
def test_what_is_matched_is_what_is_forwarded(
    served: Gateway, stub: StubModel, target: str, forwarded: str | None
) -> None:
    answer = send(served, "GET", f"/v2/serve{target}")
    assert answer.startswith(b"HTTP/1.1 200" if forwarded else b"HTTP/1.1 404")
    assert [seen.target for seen in stub.seen] == ([forwarded] if forwarded else [])


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_other_methods_are_refused(served: Gateway, stub: StubModel, method: str) -> None:
    answer = requests.request(method, f"{served.url}/v2/serve/models", headers=AUTHORIZED, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert not stub.seen


def test_multipart_upload(served: Gateway, stub: StubModel) -> None:
    audio = bytes(range(256)) * 400
    files = {"file": ("speech.wav", audio, "audio/wav"), "model": (None, "whisper")}
    url = f"{served.url}/v2/serve/audio/transcriptions"
    answer = requests.post(url, files=files, headers=AUTHORIZED, timeout=10)
    assert answer.json() == {"text": f"{len(stub.last.body)} bytes"}
    assert audio in stub.last.body
    assert stub.last.headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_an_upload_of_50_mb(served: Gateway, stub: StubModel) -> None:
    files = {"file": ("speech.wav", b"x" * (50 * 1024 * 1024), "audio/wav"), "model": (None, "whisper")}
    url = f"{served.url}/v2/serve/audio/transcriptions"
    answer = requests.post(url, files=files, headers=AUTHORIZED, timeout=60)
    assert answer.json() == {"text": f"{len(stub.last.body)} bytes"}
    assert stub.last.headers["Content-Length"] == str(len(stub.last.body))


def test_a_body_of_unknown_length(served: Gateway, stub: StubModel) -> None:
    parts = iter([b"a" * 1000, b"b" * 1000])
    answer = requests.post(f"{served.url}/v2/serve/audio/transcriptions", data=parts, headers=AUTHORIZED, timeout=10)
    assert answer.json() == {"text": "2000 bytes"}


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_over_the_limit(served: Gateway, stub: StubModel, chunked: bool) -> None:
    size = 61 * 1024 * 1024
    body = (b"x" * 65536 for _ in range(size // 65536)) if chunked else b"x" * size
    try:
        answer = requests.post(f"{served.url}/v2/serve/audio/transcriptions", data=body, headers=AUTHORIZED, timeout=60)
    except requests.ConnectionError:  # It was refused while it was still being sent.
        assert not chunked
    else:
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "request_too_large"
    assert not stub.seen


def test_headers_over_the_limit(served: Gateway, stub: StubModel) -> None:
    headers = AUTHORIZED | {f"X-{number}": "x" * 4000 for number in range(20)}
    answer = requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=10)
    assert answer.status_code == 431
    assert not stub.seen


@pytest.mark.parametrize("status", [400, 404, 422, 429])
def test_errors_of_models_keep_status_message_and_when_to_retry(served: Gateway, stub: StubModel, status: int) -> None:
    async def fail(_: web.Request) -> web.Response:
        headers = {"Retry-After": "7", "X-Own": "a", "Content-Type": "application/json"}
        return web.Response(status=status, body=b'{"error": "its own", "error_type": "odd"}', headers=headers)

    stub.behaviours["/chat/completions"] = fail
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    error = {"message": "its own", "type": "odd", "param": None, "code": "upstream_error"}
    assert (answer.status_code, answer.json()["error"]) == (
        status,
        error | {"request_id": answer.headers["X-Request-ID"]},
    )
    assert answer.headers["Retry-After"] == "7"
    assert "X-Own" not in answer.headers


@pytest.mark.parametrize("status", [405, 500, 503])
def test_errors_that_are_not_json_become_json(served: Gateway, stub: StubModel, status: int) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=status, text="Traceback: /opt/lisa/secret.py")

    stub.behaviours["/chat/completions"] = fail
    stub.behaviours["/completions"] = fail
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    assert answer.json()["error"]["code"] == "upstream_error"
    assert "secret" not in answer.text
    old = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "Say"}
    answer = requests.post(f"{served.url}/v1/generate", json=old, headers=AUTHORIZED, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "upstream_error")


def test_redirects_are_the_clients_to_follow(served: Gateway, stub: StubModel) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    stub.behaviours["/models"] = redirect
    url = f"{served.url}/v2/serve/models"
    answer = requests.get(url, headers=AUTHORIZED, timeout=10, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/elsewhere")


def test_repeated_and_encoded_headers_come_back(served: Gateway, stub: StubModel) -> None:
    async def answer(_: web.Request) -> web.Response:
        found = web.Response(body=b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"})
        found.headers.add("X-Many", "1")
        found.headers.add("X-Many", "2")
        return found

    stub.behaviours["/models"] = answer
    url = f"{served.url}/v2/serve/models"
    got = requests.get(url, headers=AUTHORIZED, timeout=10, stream=True)
    assert got.raw.headers.getlist("X-Many") == ["1", "2"]
    assert got.raw.read(decode_content=False) == b"\x1f\x8b not really"


def test_the_callers_credentials_stay_here(served: Gateway, stub: StubModel) -> None:
    secret = dict.fromkeys(("Api-Key", "X-Api-Key", "X-Litellm-Api-Key", "X-Goog-Api-Key", "Cookie"), TOKEN)
    requests.get(f"{served.url}/v2/serve/models", headers=AUTHORIZED | secret | {"X-Other": "kept"}, timeout=10)
    assert TOKEN not in json.dumps(dict(stub.last.headers))
    assert stub.last.headers["Authorization"] == "Bearer sk-for-inference"
    assert stub.last.headers["X-Other"] == "kept"


def test_headers_of_one_connection_are_not_passed_on(served: Gateway, stub: StubModel) -> None:
    headers = AUTHORIZED | {"Connection": "keep-alive, X-Hop", "X-Hop": "1", "TE": "trailers", "Upgrade": "h2c"}
    requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=10)
    assert not [name for name in ("X-Hop", "TE", "Upgrade") if name in stub.last.headers]


def test_headers_that_command_litellm_stay_here(served: Gateway, stub: StubModel) -> None:
    names = (
        "X-Litellm-Model",
        "X-Litellm-Num-Retries",
        "X-Litellm-Disable-Callbacks",
        "X-Mcp-Auth",
        "X-Goog-User-Project",
    )
    names += ("X-Pass-Authorization", "X-Http-Method-Override", "X-Forwarded-Host", "X_Litellm_Timeout", "X-Amz-Target")
    kept = {"X-Litellm-Session-Id": "s", "Anthropic-Beta": "b", "X-Forwarded-For": "10.0.0.1", "X-Amzn-Trace-Id": "t"}
    requests.get(f"{served.url}/v2/serve/models", headers=AUTHORIZED | dict.fromkeys(names, "x") | kept, timeout=10)
    assert not [name for name in names if name in stub.last.headers]
    assert {name: stub.last.headers[name] for name in kept} == kept


def test_queries_that_litellm_would_act_on_are_refused(served: Gateway, stub: StubModel) -> None:
    for query in ("api_base=http://10.0.0.1", "key=sk-1", "beta=true&model=x", "%6Bey=x", "x"):
        answer = requests.post(f"{served.url}/v2/serve/v1/messages?{query}", headers=AUTHORIZED, timeout=10)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter"), query
    assert not stub.seen
    requests.post(f"{served.url}/v2/serve/v1/messages?beta=true", json={}, headers=AUTHORIZED, timeout=10)
    assert stub.last.target == "/v1/messages?beta=true"


def test_websockets_are_refused(served: Gateway) -> None:
    headers = AUTHORIZED | {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    answer = requests.get(f"{served.url}/v2/serve/realtime", headers=headers, timeout=10)
    assert answer.status_code != 101


def test_litellm_is_not_asked_to_compress_what_the_gateway_reads(served: Gateway, stub: StubModel) -> None:
    headers = AUTHORIZED | {"Accept-Encoding": "gzip"}
    requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=headers, timeout=10)
    assert "Accept-Encoding" not in stub.last.headers
