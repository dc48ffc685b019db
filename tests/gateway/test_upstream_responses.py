"""Responses of LiteLLM in each form, interrupted, silent and slow."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from gateway.scripted_upstream import HELLO, Server, answering, forever, get, request, run
from lisa_gateway.answer import whole
from lisa_gateway.errors import (
    UpstreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from lisa_gateway.upstream import Upstream


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", (200, b"until the end")),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", (200, b"ok")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok", (201, b"ok")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", (304, b"")),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nt: r\r\n\r\n",
            (200, b"abc"),
        ),
    ],
)
def test_forms_of_answers(answer: bytes, expected: tuple[int, bytes]) -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        assert await get(upstream) == expected

    run(lambda: Server(answering(answer)), talk)


@pytest.mark.parametrize("size", [1, 7])
def test_an_answer_that_comes_in_pieces(size: int) -> None:
    content = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for at in range(0, len(content), size):
            writer.write(content[at : at + size])
            await asyncio.sleep(0)

    async def talk(upstream: Upstream, _server: Server) -> None:
        assert await get(upstream) == (200, b"hello world")

    run(lambda: Server(script), talk)


def test_the_answer_to_head_has_no_body() -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        with closing(await upstream.send("HEAD", b"/x", headers=[])) as answer:
            assert (b"content-length", b"5") in answer.headers
            assert await whole(answer) == b""
        assert await get(upstream) == (200, b"hello")

    run(lambda: Server(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"), forever), talk)


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nbroken", b""])
def test_what_is_no_answer(answer: bytes) -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        with pytest.raises(UpstreamUnavailableError):
            await get(upstream)

    run(lambda: Server(answering(answer)), talk)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
def test_a_part_is_not_taken_for_the_whole(answer: bytes) -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        with closing(await upstream.send("GET", b"/x", headers=[])) as broken:
            assert await broken.next_part() == b"half"
            with pytest.raises(UpstreamInterruptedError):
                await broken.next_part()

    run(lambda: Server(answering(answer)), talk)


def test_silence_before_an_answer_and_within_it() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.read()

    async def stops(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(HELLO[:-1])
        await reader.read()

    async def talk(upstream: Upstream, _server: Server) -> None:
        with pytest.raises(UpstreamTimeoutError):
            await get(upstream)
        with closing(await upstream.send("GET", b"/x", headers=[])) as answer:
            assert await answer.next_part() == b"hell"
            with pytest.raises(UpstreamInterruptedError):
                await answer.next_part()

    run(lambda: Server(silent, stops), talk, answer_timeout=0.2)


def test_an_answer_that_keeps_coming_is_not_silent() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n")
        for _ in range(30):
            writer.write(b"a")
            await asyncio.sleep(0.03)

    async def talk(upstream: Upstream, _server: Server) -> None:
        assert await get(upstream) == (200, b"a" * 30)

    run(lambda: Server(slow), talk, answer_timeout=0.6)


def test_an_answer_that_is_not_read_to_its_end_breaks_the_connection() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n")
        await reader.read()

    async def talk(upstream: Upstream, server: Server) -> None:
        with closing(await upstream.send("GET", b"/x", headers=[])) as answer:
            assert await answer.next_part() == b"ab"
        await server.ended.wait()

    run(lambda: Server(endless), talk)


def test_a_slow_reader_makes_the_server_wait() -> None:
    sent = 0
    total = 40_000_000

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        while sent < total:
            writer.write(bytes(100_000))
            sent += 100_000
            await writer.drain()

    async def talk(upstream: Upstream, _server: Server) -> None:
        with closing(await upstream.send("GET", b"/x", headers=[])) as answer:
            await asyncio.sleep(0.5)
            assert sent < total
            assert len(await whole(answer)) == total

    run(lambda: Server(flood), talk)
