"""Connections to LiteLLM: reused for a caller, never shared, bounded; test_hostile_upstream.py has hostile servers."""

from __future__ import annotations

import asyncio

import pytest

from gateway.scripted_upstream import HELLO, Server, answering, forever, get, request, run
from lisa_gateway.errors import (
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from lisa_gateway.upstream import Upstream


def test_a_connection_is_used_again_for_the_same_caller() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        for _ in range(5):
            assert await get(upstream) == (200, b"hello")
        assert server.connections == 1

    run(lambda: Server(forever), talk)


@pytest.mark.parametrize("callers", [(b"one", b"two", b"three"), (b"", b"", b"")])
def test_callers_never_share_a_connection(callers: tuple[bytes, ...]) -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        for caller in callers:
            assert await get(upstream, caller=caller) == (200, b"hello")
        assert server.connections == len(callers)

    run(lambda: Server(forever), talk)


def test_an_idle_connection_is_closed_before_litellm_closes_it() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        await get(upstream)
        async with asyncio.timeout(4):  # uvicorn, which LiteLLM runs on, closes it after 5 seconds.
            await server.ended.wait()

    run(lambda: Server(forever), talk)


def test_one_that_was_closed_while_idle_is_replaced() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        assert await get(upstream) == (200, b"hello")
        await server.ended.wait()
        await asyncio.sleep(0.05)
        assert await get(upstream) == (200, b"hello")
        assert server.connections == 2

    run(lambda: Server(answering(HELLO), forever), talk)


async def closes_on_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(HELLO)
    await request(reader)


def test_what_may_be_repeated_never_meets_a_closing_connection() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        assert await get(upstream, "GET") == (200, b"hello")
        assert await get(upstream, "GET") == (200, b"hello")
        assert server.connections == 2

    run(lambda: Server(closes_on_the_second), talk)


def test_a_post_is_never_sent_twice() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        assert await get(upstream) == (200, b"hello")
        with pytest.raises(UpstreamUnavailableError):
            await get(upstream)
        assert server.connections == 1

    run(lambda: Server(closes_on_the_second, forever), talk)


def test_an_address_where_nobody_listens() -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        with pytest.raises(UpstreamUnavailableError):
            await get(upstream)
        assert not await upstream.is_alive()

    run(lambda: Server(forever), talk, litellm_url="http://127.0.0.1:9")


def test_waiting_for_one_of_the_connections_is_bounded() -> None:
    async def holds(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await reader.read()

    async def talk(upstream: Upstream, server: Server) -> None:
        holders = [asyncio.create_task(get(upstream, caller=b"")) for _ in range(2)]
        while server.connections < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(UpstreamTimeoutError):
            await get(upstream, caller=b"")
        assert server.connections == 2
        for holder in holders:
            holder.cancel()

    run(lambda: Server(holds), talk, max_connections=2, connect_timeout=0.2)


async def answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    await asyncio.sleep(0.3)
    writer.write(HELLO.replace(b"hello", b"first"))
    await request(reader)
    writer.write(HELLO)


def test_a_request_that_is_given_up_leaves_its_answer_to_no_other() -> None:
    async def talk(upstream: Upstream, server: Server) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await get(upstream)
        assert await get(upstream) == (200, b"hello")
        assert server.connections == 2

    run(lambda: Server(answers_late, forever), talk)
