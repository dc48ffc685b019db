"""What a client can do with a connection before anybody knows who it is, and what it gets for it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel, open_stream

HEAD = f"POST /v2/serve/chat/completions HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\n".encode()
BODY = b'{"model": "stub", "messages": [{"role": "user", "content": "hi"}]}'
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
LIMITS = {
    "HEAD_TIMEOUT": "1",
    "BODY_PROGRESS_TIMEOUT": "1",
    "MIN_BODY_BYTES": "1000",
    "WRITE_TIMEOUT": "3",
    "MAX_CONNECTIONS": "40",
}


@pytest.fixture(scope="module")
def _limited(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url) | LIMITS
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as found:
        yield found


@pytest.fixture
def limited(_limited: Gateway, stub: StubModel) -> Gateway:
    """A gateway with short times and few connections, in front of the stub."""
    return _limited


def connect(served: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=20)


def received(connection: socket.socket) -> bytes:
    """Everything until the gateway ends the connection."""
    found = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            found += part
    return found


def exchange(served: Gateway, *parts: bytes) -> bytes:
    with connect(served) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        return received(connection)


def status_and_code(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head.lower()
    return int(head.split(b" ")[1]), json.loads(body)["error"]["code"]


def resident(served: Gateway) -> int:
    status = Path(f"/proc/{served.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def is_healthy(served: Gateway) -> bool:
    return requests.get(f"{served.url}/health", timeout=10).status_code == 200


REFUSED = {
    "a header of 70 KB": (431, HEAD + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n"),
    "many headers": (431, HEAD + b"X-A: aaaaaaaaaaaaaaaa\r\n" * 4000 + b"\r\n"),
    "a header without end": (431, HEAD + b"X-A: " + b"a" * 500_000),
    "a name without end": (431, HEAD + b"a" * 500_000),
    "a target of 20 KB": (414, b"GET /v2/serve/" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "a target without end": (414, b"GET /v2/serve/" + b"a" * 500_000),
    "length and chunks": (400, HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunks and length": (400, HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two lengths": (400, HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"),
    "the same length twice": (400, HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde"),
    "a list of lengths": (400, HEAD + b"Content-Length: 5, 5\r\n\r\nabcde"),
    "a negative length": (400, HEAD + b"Content-Length: -5\r\n\r\nabcde"),
    "a signed length": (400, HEAD + b"Content-Length: +5\r\n\r\nabcde"),
    "an encoding that is not chunked": (400, HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked is not last": (400, HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "chunked twice": (400, HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "two encodings": (400, HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    "space before the colon": (400, HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "a folded header": (400, HEAD + b"X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    "a folded encoding": (400, HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    "bare line feeds": (400, HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n"),
    "a bare carriage return": (400, HEAD + b"X-A: a\rb\r\nContent-Length: 0\r\n\r\n"),
    "a NUL in a header": (400, HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    "a space in a name": (400, HEAD + b"X A: a\r\nContent-Length: 0\r\n\r\n"),
    "an odd chunk size": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n"),
    "a huge chunk size": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nabc"),
    "a chunk extension without end": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 500_000),
    "trailers": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
    "HTTP/2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "no HTTP": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "HTTP/0.9": (400, b"GET /health\r\n\r\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_large_or_ambiguous_is_refused(limited: Gateway, stub: StubModel, name: str) -> None:
    status, request = REFUSED[name]
    codes = {400: "invalid_request", 414: "uri_too_long", 431: "headers_too_large"}
    assert status_and_code(exchange(limited, request)) == (status, codes[status])
    assert not stub.seen


def test_200_mb_of_headers_take_no_memory(limited: Gateway, stub: StubModel) -> None:
    before = resident(limited)
    for line in (b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 25_000, b"a" * 1_000_000):
        answer = exchange(limited, HEAD, *([line] * 200))
        # The connection may have been reset while it was still written to.
        assert not answer or status_and_code(answer)[0] == 431
    assert resident(limited) - before < 30
    assert not stub.seen


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X-A: a"])
def test_a_head_that_does_not_come_ends_the_connection(limited: Gateway, sent: bytes) -> None:
    began = time.monotonic()
    answer = exchange(limited, sent)
    assert 0.9 < time.monotonic() - began < 8
    assert (status_and_code(answer) == (408, "request_timeout")) if sent else answer == b""


def test_a_head_that_drips_ends_the_connection(limited: Gateway) -> None:
    with connect(limited) as connection:
        connection.sendall(HEAD)
        connection.settimeout(0.1)
        answer, began = b"", time.monotonic()
        while not answer and time.monotonic() - began < 10:
            connection.sendall(b"X-A: a\r\n")
            with suppress(TimeoutError):
                answer = connection.recv(65536)
    assert status_and_code(answer) == (408, "request_timeout")


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_drips_is_refused(limited: Gateway, stub: StubModel, is_chunked: bool) -> None:
    framing = b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"Content-Length: 100000\r\n\r\n"
    with connect(limited) as connection:
        connection.sendall(HEAD + framing)
        connection.settimeout(0.1)
        answer, began = b"", time.monotonic()
        while not answer and time.monotonic() - began < 10:
            connection.sendall(b"1\r\na\r\n" if is_chunked else b"a")
            with suppress(TimeoutError):
                answer = connection.recv(65536)
        assert status_and_code(answer) == (408, "request_timeout")
    assert not any(seen.body for seen in stub.seen)


def test_a_body_that_comes_steadily_is_not_dripping(limited: Gateway, stub: StubModel) -> None:
    with connect(limited) as connection:
        connection.sendall(HEAD + b"Connection: close\r\nContent-Length: 40000\r\n\r\n")
        for part in (*(b" " * 1000 for _ in range(39)), b"[]".rjust(1000)):
            connection.sendall(part)
            time.sleep(0.1)
        assert received(connection).startswith(b"HTTP/1.1 400")  # The stub's: it is no request.
    assert len(stub.last.body) == 40_000


def test_a_request_before_the_answer_to_another_is_refused(limited: Gateway, stub: StubModel) -> None:
    async def slowly(_: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.json_response({"number": len(stub.seen)})

    stub.behaviours["/chat/completions"] = slowly
    answer = exchange(limited, WHOLE + WHOLE + WHOLE)
    first, second = answer.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ")
    assert first.endswith(b'{"number": 1}')
    assert second.startswith(b"400 ")
    time.sleep(0.2)
    assert len(stub.seen) == 1


def test_requests_one_after_the_other_share_a_connection(limited: Gateway, stub: StubModel) -> None:
    with connect(limited) as connection:
        for number in range(3):
            time.sleep(1.5 if number else 0)  # Longer than a head may take.
            connection.sendall(WHOLE)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert len(stub.seen) == 3


def test_half_open_connections_do_not_keep_others_out(limited: Gateway) -> None:
    with ExitStack() as stack:
        for number in range(400):
            connection = stack.enter_context(connect(limited))
            with suppress(ConnectionError):
                connection.sendall(HEAD if number % 2 else b"")
        assert is_healthy(limited)
        headers = {"Api-Key": TOKEN}
        assert requests.get(f"{limited.url}/v2/serve/models", headers=headers, timeout=10).status_code == 200
        assert len(list(Path(f"/proc/{limited.process.pid}/fd").iterdir())) < 200


def test_health_answers_while_every_connection_has_a_request(limited: Gateway, stub: StubModel) -> None:
    async def wait(_: web.Request) -> web.Response:
        await asyncio.sleep(4)
        return web.json_response({})

    stub.behaviours["/chat/completions"] = wait
    with ExitStack() as stack:
        busy = [stack.enter_context(connect(limited)) for _ in range(40)]
        for connection in busy:
            connection.sendall(WHOLE)
        deadline = time.monotonic() + 3
        while len(stub.seen) < 40 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert is_healthy(limited)
        assert status_and_code(exchange(limited, WHOLE)) == (503, "too_many_connections")
        assert [connection.recv(12) for connection in busy] == [b"HTTP/1.1 200"] * 40


def test_a_client_that_takes_nothing_is_dropped(limited: Gateway, stub: StubModel) -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(3000):
            await answer.write(b"data: " + b"a" * 100_000 + b"\n\n")
        return answer

    stub.behaviours["/chat/completions"] = flood
    before = resident(limited)
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", limited.port))
            connection.sendall(WHOLE)
        deadline = time.monotonic() + 20
        while len(stub.left) < 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(stub.left) == 20
    assert resident(limited) - before < 60


def test_a_client_that_takes_slowly_gets_everything(limited: Gateway, stub: StubModel) -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(80):
            await answer.write(b"a" * 100_000)
        return answer

    stub.behaviours["/chat/completions"] = flood
    size = 0
    with connect(limited) as connection:
        connection.sendall(WHOLE.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        while part := connection.recv(100_000):
            size += len(part)
            time.sleep(0.06)
    assert size > 8_000_000
