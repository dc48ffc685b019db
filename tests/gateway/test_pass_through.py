"""`/v2/serve`: what comes in goes to LiteLLM as it is, and comes back as it is."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import aiohttp
import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk, open_stream

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CHAT = {"model": "stub", "messages": [{"role": "user", "content": "hi"}]}


def wait_for(condition: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.02)
    assert condition()  # type: ignore[operator]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_and_path(served: Gateway, stub: StubModel, method: str) -> None:
    answer = requests.request(method, f"{served.url}/v2/serve/some/path?a=1&b=%2F", headers=AUTHORIZED, timeout=10)
    assert answer.status_code == 200
    assert (stub.last.method, stub.last.target) == (method, "/some/path?a=1&b=%2F")


def test_head_has_the_headers_and_no_body(served: Gateway, stub: StubModel) -> None:
    answer = requests.head(f"{served.url}/v2/serve/models", headers=AUTHORIZED, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0
    assert stub.last.method == "HEAD"


def test_delete_without_a_body(served: Gateway, stub: StubModel) -> None:
    answer = requests.delete(f"{served.url}/v2/serve/files/f-1", headers=AUTHORIZED, timeout=10)
    assert answer.json() == {"echo": "/files/f-1", "method": "DELETE", "length": 0}
    assert "Content-Type" not in stub.last.headers


@pytest.mark.parametrize("target", ["/a%2Fb", "/a//b", "/%C3%A9", "/a;b=1", "/a?x=%20+&y", "/a%00b"])
def test_the_target_is_not_rewritten(served: Gateway, stub: StubModel, target: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        head = f"GET /v2/serve{target} HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert stub.last.target == target


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
    answer = requests.post(f"{served.url}/v2/serve/files", data=parts, headers=AUTHORIZED, timeout=10)
    assert answer.json()["length"] == 2000


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_over_the_limit(served: Gateway, stub: StubModel, chunked: bool) -> None:
    size = 61 * 1024 * 1024
    body = (b"x" * 65536 for _ in range(size // 65536)) if chunked else b"x" * size
    try:
        answer = requests.post(f"{served.url}/v2/serve/files", data=body, headers=AUTHORIZED, timeout=60)
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


@pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
def test_errors_of_litellm_come_back_as_they_are(served: Gateway, stub: StubModel, status: int) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=status, body=b'{"error": "its own"}', headers={"Retry-After": "7", "X-Own": "a"})

    stub.behaviours["/chat/completions"] = fail
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    assert (answer.status_code, answer.content) == (status, b'{"error": "its own"}')
    assert (answer.headers["Retry-After"], answer.headers["X-Own"]) == ("7", "a")


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
    assert stub.last.headers["Authorization"] == "Bearer sk-the-proxys-own-key"
    assert stub.last.headers["X-Other"] == "kept"


def test_headers_of_one_connection_are_not_passed_on(served: Gateway, stub: StubModel) -> None:
    headers = AUTHORIZED | {"Connection": "keep-alive, X-Hop", "X-Hop": "1", "TE": "trailers", "Upgrade": "h2c"}
    requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=10)
    assert not [name for name in ("X-Hop", "TE", "Upgrade") if name in stub.last.headers]


def test_events_come_byte_for_byte_and_at_once(served: Gateway, stub: StubModel) -> None:
    events = [
        b": comment\n\n",
        chunk("a", chat=True),
        b"event: odd\r\ndata: \xf0\x9f",
        b"\x98\x80\n\n",
        b"data: [DONE]\n\n",
    ]

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for event in events:
            await answer.write(event)
            await asyncio.sleep(0.15)
        return answer

    stub.behaviours["/chat/completions"] = stream
    url = f"{served.url}/v2/serve/chat/completions"
    began, times, received = time.monotonic(), [], b""
    with requests.post(url, json=CHAT, headers=AUTHORIZED, stream=True, timeout=10) as answer:
        for part in answer.raw.stream(65536, decode_content=False):
            times.append(time.monotonic() - began)
            received += part
    assert received == b"".join(events)
    assert times[0] < 0.14
    assert times[-1] - times[0] > 0.4


def test_litellm_that_does_not_answer_in_time(served: Gateway, stub: StubModel) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    stub.behaviours["/chat/completions"] = hang
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "upstream_timeout"
    wait_for(lambda: stub.left)


@pytest.mark.parametrize("how", ["broken", "stalled"])
def test_a_stream_that_breaks_off_does_not_look_whole(served: Gateway, stub: StubModel, how: str) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("a", chat=True))
        if how == "stalled":
            await asyncio.sleep(30)
        assert request.transport is not None
        request.transport.abort()
        return answer

    stub.behaviours["/chat/completions"] = half
    url = f"{served.url}/v2/serve/chat/completions"
    with requests.post(url, json=CHAT, headers=AUTHORIZED, stream=True, timeout=10) as answer:
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(answer.iter_content(None))


def test_a_connection_that_ends_without_an_answer(served: Gateway, stub: StubModel) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    stub.behaviours["/chat/completions"] = hang_up
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_unreachable"


@pytest.mark.parametrize("when", ["before the answer", "in the answer", "in the request"])
def test_a_client_that_leaves_cancels_what_litellm_does(served: Gateway, stub: StubModel, when: str) -> None:
    begun = []

    async def slow(request: web.Request) -> web.StreamResponse:
        begun.append(True)
        if when == "before the answer":
            await asyncio.sleep(1.9)
        answer = await open_stream(request)
        for _ in range(100):
            await answer.write(chunk("a", chat=True))
            await asyncio.sleep(0.05)
        return answer

    stub.behaviours["/chat/completions"] = slow
    body = json.dumps(CHAT).encode()
    length = len(body) + (1000 if when == "in the request" else 0)
    head = (
        f"POST /v2/serve/chat/completions HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    )
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(head.encode() + body)
        if when == "in the answer":
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        elif when == "before the answer":
            wait_for(lambda: begun)
        else:
            time.sleep(0.3)
    if when == "in the request":
        wait_for(lambda: "client_left" in served.log.read_text())
        assert not begun
    else:
        wait_for(lambda: stub.left)
    assert time.monotonic() - began < 1.8


def test_only_administrators_reach_the_administration_of_litellm(served: Gateway, stub: StubModel) -> None:
    for path in ("key/generate", "v1/key/generate", "%6bey/generate", "config/update", "model/new", "a/../key/list"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
            head = f"POST /v2/serve/{path} HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 403"), path
    assert not stub.seen


def test_500_streams_at_once(served: Gateway, stub: StubModel) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(5):
            await answer.write(chunk("a", chat=True))
            await asyncio.sleep(0.3)
        return answer

    stub.behaviours["/chat/completions"] = stream

    async def one(session: aiohttp.ClientSession) -> int:
        url = f"{served.url}/v2/serve/chat/completions"
        async with session.post(url, json=CHAT, headers=AUTHORIZED) as answer:
            assert answer.status == 200
            return (await answer.read()).count(b"data:")

    async def all_of_them() -> list[int]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session) for _ in range(500)))

    assert asyncio.run(all_of_them()) == [5] * 500


def test_websockets_are_refused(served: Gateway) -> None:
    headers = AUTHORIZED | {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    answer = requests.get(f"{served.url}/v2/serve/realtime", headers=headers, timeout=10)
    assert answer.status_code != 101
