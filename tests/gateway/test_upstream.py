"""The way to LiteLLM, by what a server may do that means well; test_hostile_upstream.py has the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing

import pytest

from lisa_gateway.answer import whole
from lisa_gateway.errors import (
    InvalidRequestError,
    UpstreamInterruptedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from lisa_gateway.settings import Settings
from lisa_gateway.upstream import Upstream

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Server:
    """Does on its n-th connection what the n-th script says, and the last script on all further ones."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.connections = 0
        self.ended = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        try:
            await script(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended.set()


async def request(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request."""
    return await reader.readuntil(b"\r\n\r\n")


def answering(*answers: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            writer.write(answer)
            await writer.drain()

    return script


async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request(reader)
        writer.write(HELLO)


def run(
    server_of: Callable[[], Server], talk: Callable[[Upstream, Server], Awaitable[None]], **changed: float | str
) -> None:
    """Talk with a server; nothing here may take longer than ten seconds."""

    async def main() -> None:
        server = server_of()
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        names = {"token_table_name": "t", "registered_models_ps_name": "m", "aws_region": "r", "use_auth": False}
        settings = Settings.model_validate({**names, "litellm_url": f"http://127.0.0.1:{port}/base", **changed})
        async with asyncio.timeout(10), Upstream(settings) as upstream:
            await talk(upstream, server)
        listening.close()

    asyncio.run(main())


async def get(upstream: Upstream, method: str = "POST", caller: bytes = b"one") -> tuple[int, bytes]:
    with closing(await upstream.send(method, b"/x", headers=[], caller=caller)) as answer:
        return answer.status, await whole(answer)


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


def test_an_address_where_nobody_listens() -> None:
    async def talk(upstream: Upstream, _server: Server) -> None:
        with pytest.raises(UpstreamUnavailableError):
            await get(upstream)
        assert not await upstream.is_alive()

    run(lambda: Server(forever), talk, litellm_url="http://127.0.0.1:9")


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
