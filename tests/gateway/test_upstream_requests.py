"""Requests to LiteLLM: bodies in parts, and what is never sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from gateway.scripted_upstream import HELLO, Server, forever, get, request, run
from lisa_gateway.answer import whole
from lisa_gateway.errors import (
    InvalidRequestError,
    UpstreamTimeoutError,
)
from lisa_gateway.upstream import Upstream


@pytest.mark.parametrize("length", [None, 6])
def test_a_body_in_parts(length: int | None) -> None:
    seen = b""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await request(reader)
        seen += await reader.readuntil(b"0\r\n\r\n" if length is None else b"def")
        writer.write(HELLO)

    async def parts() -> AsyncIterator[bytes]:
        yield b"abc"
        await asyncio.sleep(0.01)
        yield b"def"

    async def talk(upstream: Upstream, _server: Server) -> None:
        headers = [] if length is None else [(b"content-length", b"6")]
        with closing(await upstream.send("POST", b"/x?y=1", headers=headers, body=parts())) as answer:
            assert await whole(answer) == b"hello"

    run(lambda: Server(script), talk)
    head, _, body = seen.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /base/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert body == (b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" if length is None else b"abcdef")


def test_an_answer_may_come_before_the_whole_request() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await reader.read()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(10_000)
            await asyncio.sleep(0.001)

    async def talk(upstream: Upstream, server: Server) -> None:
        with closing(await upstream.send("POST", b"/x", headers=[], body=endless())) as answer:
            assert (answer.status, await whole(answer)) == (413, b"no")
        await server.ended.wait()

    run(lambda: Server(script), talk)


def test_an_answer_before_a_large_body_was_read_does_not_disturb_the_next() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(HELLO)
        await asyncio.sleep(0.3)
        while await reader.read(65536):
            pass

    async def talk(upstream: Upstream, server: Server) -> None:
        large = b"POST /x HTTP/1.1\r\n\r\n" * 500_000
        with closing(await upstream.send("POST", b"/x", headers=[], body=large, caller=b"one")) as answer:
            assert await whole(answer) == b"hello"
        assert await get(upstream, "POST") == (200, b"hello")
        assert server.connections == 2

    run(lambda: Server(script, forever), talk)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_server_that_reads_no_body_is_given_up(is_streamed: bool) -> None:
    async def deaf(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(8)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    async def talk(upstream: Upstream, _server: Server) -> None:
        body = endless() if is_streamed else bytes(50_000_000)
        with pytest.raises(UpstreamTimeoutError):
            await upstream.send("POST", b"/x", headers=[], body=body, caller=b"one")

    run(lambda: Server(deaf), talk, answer_timeout=0.5)


def test_waiting_for_the_client_is_not_waiting_for_litellm() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(HELLO)

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.5)
            yield b"abc"

    async def talk(upstream: Upstream, _server: Server) -> None:
        with closing(await upstream.send("POST", b"/x", headers=[], body=slowly())) as answer:
            assert await whole(answer) == b"hello"

    run(lambda: Server(script), talk, answer_timeout=0.4)


@pytest.mark.parametrize("target", [b"%2Fx", b"@elsewhere/x", b"", "/caf\u00e9".encode(), b"/a b", b"/a\r\nx: y"])
def test_a_target_that_would_change_the_host_is_refused(target: bytes) -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        with pytest.raises(InvalidRequestError):
            await upstream.send("GET", target, headers=[])
        assert server.connections == 0

    run(lambda: Server(forever), talk)


@pytest.mark.parametrize(
    "target", [b"/a%2Fb", b"/a//b", b"/../a/./b", b"/a;b=1", b"/a?x=%20+&y=%2B", b"/a%00b", b"/[x]|{}"]
)
def test_the_request_is_sent_as_it_was_given(target: bytes) -> None:
    seen = b""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await request(reader)
        writer.write(HELLO)

    async def talk(upstream: Upstream, _server: Server) -> None:
        headers = [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-b", "\u00e9 \u4e2d".encode()), (b"x-c", b"")]
        with closing(await upstream.send("POST", target, headers=headers, body=b"abc")) as answer:
            assert await whole(answer) == b"hello"

    run(lambda: Server(script), talk)
    line, *lines = seen.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert line == b"POST /base%b HTTP/1.1" % target
    given = [b"x-a: 1", b"x-a: 2", b"x-b: \xc3\xa9 \xe4\xb8\xad", b"x-c: "]
    assert [found for found in lines if found.startswith(b"x-")] == given
    others = sorted(found.partition(b":")[0].lower() for found in lines if not found.startswith(b"x-"))
    assert others == [b"connection", b"content-length", b"host"]


@pytest.mark.parametrize("value", [b"\xe9", b"a\r\nx-b: c", b"a\0"])
def test_a_header_that_is_not_text_is_not_sent(value: bytes) -> None:
    seen = b""

    async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = await reader.read()

    async def talk(upstream: Upstream, server: Server) -> None:
        with pytest.raises(InvalidRequestError):
            await upstream.send("GET", b"/x", headers=[(b"x-a", value)])
        await server.ended.wait()

    run(lambda: Server(script), talk)
    assert seen == b""
