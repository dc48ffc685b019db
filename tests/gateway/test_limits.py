"""Limits on what a caller sends and has in flight: what is over them does not reach LiteLLM."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel, chunk, open_stream
from gateway.test_pass_through import AUTHORIZED, CHAT, wait_for
from lisa_gateway.bodies import BodyKind, content_type_of, kind_of
from lisa_gateway.errors import BusyError, TooManyRequestsError
from lisa_gateway.in_flight import InFlight

OTHER = "another-callers-token"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def limited(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with small limits on requests in flight, whose callers are two."""
    aws.put_token(OTHER)
    limits = {"MAX_CALLER_REQUESTS": "3", "MAX_REQUESTS": "5", "BODY_TIMEOUT": "1"}
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url) | limits
    with gateway(tmp_path_factory.mktemp("limited"), environment) as found:
        yield found


def post(gateway: Gateway, body: Any, path: str = "/v2/serve/chat/completions", **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = AUTHORIZED | {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return requests.post(f"{gateway.url}{path}", data=data, headers=named, timeout=60)


def messages(count: int, content: Any = "x") -> dict[str, Any]:
    return {"model": "stub", "messages": [{"role": "user", "content": content}] * count}


def refused(answer: requests.Response, status: int, code: str, *words: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, None)
    assert error["type"]
    for word in words:
        assert word in error["message"]


OVER = {
    "messages": (messages(700_000 // 30), "10000 elements (MAX_JSON_ELEMENTS)"),
    "content parts": (messages(1, [{"type": "text", "text": "x"}] * 6000), "10000 elements"),
    "tools": ({**CHAT, "tools": [{"type": "function", "function": {"name": "f"}}] * 4000}, "10000 elements"),
    "inputs": ({"model": "stub", "input": ["x"] * 10_001}, "10000 elements"),
    "token numbers": ({"model": "stub", "prompt": [1] * 90_000}, "10000 elements"),
    "keys": ({**CHAT, "metadata": {f"k{n}": 1 for n in range(10_001)}}, "10000 elements"),
    "depth": (b'{"a":' + b"[" * 101 + b"]" * 101 + b"}", "100 levels (MAX_JSON_DEPTH)"),
    "text": (messages(600, "word " * 1500), "4194304 bytes of text (MAX_JSON_TEXT_BYTES)"),
    "bytes": (messages(1, "x" * (20 * MIB)), "20971520 bytes (MAX_JSON_BYTES)"),
    "model": ({**CHAT, "model": "x" * 20_000}, "`model`"),
    "duplicate keys": (b"{" + b'"a":"b",' * 10_001 + b'"a":1}', "10000 elements"),
}


@pytest.mark.parametrize("name", OVER)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-protobuf", "audio/wav"])
def test_json_over_a_limit(served: Gateway, stub: StubModel, name: str, content_type: str) -> None:
    body, words = OVER[name]
    refused(post(served, body, Content_Type=content_type), 413, "request_too_large", words)
    assert not stub.seen


@pytest.mark.parametrize("path", ["/v1/generate", "/v1/openai/chat/completions", "/v1/embeddings"])
def test_the_deprecated_routes_have_the_same_limits(served: Gateway, stub: StubModel, path: str) -> None:
    refused(post(served, messages(10_000), path), 413, "request_too_large", "MAX_JSON_ELEMENTS")
    refused(post(served, b'{"text":' + b"[" * 5000, path), 413, "request_too_large", "MAX_JSON_DEPTH")


def test_a_chunked_body_over_a_limit(served: Gateway, stub: StubModel) -> None:
    body = (b'{"messages":[{"role":"user","content":"x"}' if n == 0 else b',{"role":"user"}' * 1000 for n in range(20))
    url = f"{served.url}/v2/serve/chat/completions"
    answer = requests.post(url, data=body, headers=AUTHORIZED, timeout=30)
    refused(answer, 413, "request_too_large", "MAX_JSON_ELEMENTS")
    assert not stub.seen


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgoAAAAN" * (14 * MIB // 16)}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"b": 1}}}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, 2, 3]}'}}
TURN = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [CALL]}]
ORDINARY = {
    "1 MB of text": ("chat/completions", messages(1, "word " * 200_000)),
    "an image": ("chat/completions", messages(1, [{"type": "text", "text": "x"}, IMAGE])),
    "2,048 inputs": ("embeddings", {"model": "stub", "input": ["some text, with commas [and] brackets"] * 2048}),
    "tools": ("chat/completions", {"model": "stub", "messages": TURN * 100, "tools": [TOOL] * 100}),
    "a small body": ("chat/completions", CHAT),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_requests_get_through_as_they_are(served: Gateway, stub: StubModel, name: str) -> None:
    path, body = ORDINARY[name]
    assert post(served, body, f"/v2/serve/{path}").status_code == 200
    assert json.loads(stub.last.body) == body


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_json_in_another_encoding(served: Gateway, stub: StubModel, encoding: str) -> None:
    answer = post(served, json.dumps(CHAT).encode(encoding))
    refused(answer, 400, "invalid_body", "UTF-8")
    assert not stub.seen


def test_compressed_bodies(served: Gateway, stub: StubModel) -> None:
    answer = post(served, gzip.compress(json.dumps(CHAT).encode()), Content_Encoding="gzip")
    refused(answer, 415, "unsupported_content_encoding", "Content-Encoding")
    assert post(served, CHAT, Content_Encoding="identity").status_code == 200


def test_long_json_that_is_not_valid(served: Gateway, stub: StubModel) -> None:
    refused(post(served, b'{"model": "stub", "x": "' + b"x" * 20_000), 400, "invalid_body", "not valid JSON")


def raw(gateway: Gateway, head: str, body: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(f"{head}\r\nHost: x\r\nApi-Key: {TOKEN}\r\nConnection: close\r\n\r\n".encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_two_content_types(served: Gateway, stub: StubModel) -> None:
    types = "Content-Type: application/json\r\nContent-Type: multipart/form-data; boundary=b"
    answer = raw(served, f"POST /v2/serve/chat/completions HTTP/1.1\r\n{types}\r\nContent-Length: 2", b"{}")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"more than one Content-Type" in answer
    assert not stub.seen


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"", BodyKind.JSON),
        (b"application/json; charset=utf-16", BodyKind.JSON),
        (b"Multipart/Form-Data; boundary=b", BodyKind.UPLOAD),
        (b"application/x-www-form-urlencoded;charset=x", BodyKind.FORM),
        (b"application/json, multipart/form-data", BodyKind.JSON),
        (b"multipart/form-data-x", BodyKind.JSON),
    ],
)
def test_bodies_are_read_as_litellm_reads_them(content_type: bytes, kind: BodyKind) -> None:
    assert kind_of(content_type_of([(b"content-type", content_type)])) is kind


FORM = "application/x-www-form-urlencoded"


def part(name: str, content: bytes, filename: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        (FORM, b"model=" + b"x" * 70_000, "MAX_FORM_BYTES"),
        (FORM, b"&" * 70_000, "MAX_FORM_BYTES"),
        ("multipart/form-data; boundary=b", part("model", b"x" * 70_000) + b"--b--", "MAX_FORM_BYTES"),
        ("multipart/form-data; boundary=b", part("a", b"x") * 1001 + b"--b--", "1000 parts"),
        ("multipart/form-data; boundary=b", part("f", b"x", "a.wav") * 1001 + b"--b--", "1000 parts"),
    ],
    ids=["field", "empty fields", "upload's field", "upload's fields", "files"],
)
def test_forms_over_a_limit(served: Gateway, stub: StubModel, content_type: str, body: bytes, words: str) -> None:
    answer = post(served, body, "/v2/serve/audio/transcriptions", Content_Type=content_type)
    refused(answer, 413, "request_too_large", words)
    assert not stub.seen


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=other"])
def test_uploads_that_cannot_be_read(served: Gateway, stub: StubModel, content_type: str) -> None:
    answer = post(served, part("file", b"x", "a.wav"), "/v2/serve/audio/transcriptions", Content_Type=content_type)
    refused(answer, 400, "invalid_body", "multipart/form-data")
    assert not stub.seen


def test_a_body_that_does_not_come(limited: Gateway, stub: StubModel) -> None:
    began = time.monotonic()
    answer = raw(limited, "POST /v2/serve/chat/completions HTTP/1.1\r\nContent-Length: 100", b'{"a":')
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"BODY_TIMEOUT" in answer
    assert time.monotonic() - began < 8
    assert not stub.seen


def test_requests_in_flight(limited: Gateway, stub: StubModel) -> None:
    """Streams count, a client that leaves frees its place, and another caller has places of its own."""

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(600):
            await answer.write(chunk("a", chat=True))
            await asyncio.sleep(0.1)
        return answer

    stub.behaviours["/chat/completions"] = stream
    url = f"{limited.url}/v2/serve/chat/completions"

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            mine = [await session.post(url, json=CHAT, headers=AUTHORIZED) for _ in range(3)]
            async with session.post(url, json=CHAT, headers=AUTHORIZED) as fourth:
                assert (fourth.status, fourth.headers["Retry-After"]) == (429, "2")
                error = (await fourth.json())["error"]
                assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
                assert "3 requests in flight (MAX_CALLER_REQUESTS)" in error["message"]
            other = [await session.post(url, json=CHAT, headers={"Api-Key": OTHER}) for _ in range(2)]
            assert [answer.status for answer in (*mine, *other)] == [200] * 5
            async with session.post(url, json=CHAT, headers={"Api-Key": OTHER}) as sixth:
                assert (sixth.status, sixth.headers["Retry-After"]) == (503, "2")
                assert (await sixth.json())["error"]["code"] == "overloaded"
            async with session.get(f"{limited.url}/health") as health:
                assert health.status == 200
            for answer in (*mine, *other):
                answer.close()

    asyncio.run(run())
    wait_for(lambda: len(stub.left) == 5, 15)
    stub.behaviours.clear()
    wait_for(lambda: all(post(limited, CHAT).status_code == 200 for _ in range(5)), 15)


def in_flight(**limits: int) -> InFlight:
    return InFlight(**{"caller_requests": 10, "caller_load": 2, "requests": 20, "load": 3} | limits)


def test_large_bodies_in_flight() -> None:
    subject = in_flight()
    with subject.enter(b"a") as first, subject.enter(b"a") as second, subject.enter(b"a") as third:
        first.charge(0.4)
        first.charge(1.0)
        second.charge(1.0)
        with pytest.raises(TooManyRequestsError, match="MAX_CALLER_LARGE_BODIES"):
            third.charge(0.5)
        third.charge(0.01)
        with subject.enter(b"b") as fourth, subject.enter(b"") as fifth:
            fourth.charge(0.9)
            with pytest.raises(BusyError, match="MAX_LARGE_BODIES"):
                fifth.charge(0.2)
            fifth.charge(0.1)
    with subject.enter(b"a") as place:
        place.charge(1.0)
    assert len(subject) == 0


def test_what_fails_is_not_in_flight_any_more() -> None:
    subject = in_flight(caller_requests=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="fails"), subject.enter(b"a"):
            raise ValueError("fails")
    with subject.enter(b"a"), pytest.raises(TooManyRequestsError), subject.enter(b"a"):
        pass
    assert len(subject) == 0


def test_health_does_not_depend_on_how_busy_litellm_is(served: Gateway, stub: StubModel) -> None:
    def status(path: str) -> int:
        return requests.get(f"{served.url}{path}", timeout=15).status_code

    wait_for(lambda: status("/health") == 200, 10)
    assert status("/health/readiness") == 200
    stub.is_busy = True
    try:
        wait_for(lambda: status("/health/readiness") == 503, 15)
        began = time.monotonic()
        assert [status("/health") for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 2
    finally:
        stub.is_busy = False
    wait_for(lambda: status("/health/readiness") == 200, 10)


def test_health_before_litellm_has_started(aws: Aws, tmp_path: Any) -> None:
    with gateway(tmp_path, settings(aws, "http://127.0.0.1:1", "http://127.0.0.1:1")) as found:
        for path in ("/health", "/health/readiness"):
            assert requests.get(f"{found.url}{path}", timeout=15).status_code == 503
