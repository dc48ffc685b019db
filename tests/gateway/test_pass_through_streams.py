"""`/v2/serve`: streams, and what ends early on either side."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import aiohttp
import openai
import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk, open_stream
from gateway.test_pass_through import AUTHORIZED, CHAT, wait_for


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
    # The first one did not wait for the last, which came 0.6 seconds later.
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
def test_a_stream_that_breaks_ends_with_an_error_that_clients_raise(served: Gateway, stub: StubModel, how: str) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("a", chat=True) + b'data: {"unfinished')
        if how == "stalled":
            await asyncio.sleep(30)
        assert request.transport is not None
        request.transport.abort()
        return answer

    stub.behaviours["/chat/completions"] = half
    client = openai.OpenAI(base_url=f"{served.url}/v2/serve", api_key=TOKEN, max_retries=0, timeout=10)
    pieces, began = [], time.monotonic()
    stream = client.chat.completions.create(model="stub", messages=[], stream=True)
    with pytest.raises(openai.APIError) as raised:
        pieces.extend(piece.choices[0].delta.content for piece in stream)
    assert pieces == ["a"]
    code = "upstream_timeout" if how == "stalled" else "upstream_interrupted"
    assert raised.value.code == code
    assert isinstance(raised.value.body, dict)
    wait_for(lambda: f'"requestId":"{raised.value.body["request_id"]}"' in served.log.read_text())
    # A stream may be idle for STREAM_IDLE_TIMEOUT, which is shorter here than the time until the first byte.
    assert time.monotonic() - began < 1.9


def test_the_first_byte_of_a_stream_may_take_longer_than_its_pauses(served: Gateway, stub: StubModel) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await asyncio.sleep(1.4)
        await answer.write(chunk("a", chat=True))
        return answer

    stub.behaviours["/chat/completions"] = slow
    answer = requests.post(f"{served.url}/v2/serve/chat/completions", json=CHAT, headers=AUTHORIZED, timeout=10)
    assert answer.content == chunk("a", chat=True)


def test_an_answer_that_is_no_stream_breaks_with_its_connection(served: Gateway, stub: StubModel) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"choices":')
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
