"""A server in LiteLLM's or a model's place that answers as no server should.

Each attack is asked for in a header, or in the body, since a model's server gets few headers of a caller."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

MARKER = re.compile(rb"marker-[0-9a-z-]+")
FOREIGN = b"foreign-to-everybody"
RESET = -1.0
"""Among what an attack writes: to reset the connection."""


def plain(body: bytes, *headers: bytes) -> bytes:
    """An answer with its length."""
    lines = b"".join(header + b"\r\n" for header in (b"content-length: %d" % len(body), *headers))
    return b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n" + body


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """An answer in chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailers + b"\r\n"


def _foreign(marker: bytes) -> bytes:
    return plain(FOREIGN + b" " + marker)


def _raw(head: bytes, body: bytes = b"") -> Callable[[bytes], list[bytes | float]]:
    return lambda marker: [head.replace(b"MARKER", marker) + b"\r\n\r\n" + (body or marker)]


def _until_memory_would_end(part: bytes) -> Callable[[bytes], list[bytes | float]]:
    return lambda _marker: [b"HTTP/1.1 200 OK\r\n", *([part * (300_000 // len(part))] * 100), b"\r\n\r\n"]


Steps = Callable[[bytes], "list[bytes | float]"]

# What an attack writes, in order; a number is a pause in seconds. The marker is of the request that it answers.
ANSWERED: dict[str, Steps] = {
    "two-answers": lambda marker: [plain(marker) + _foreign(marker)],
    "two-answers-second-packet": lambda marker: [plain(marker)[:-3], 0.02, marker[-3:] + _foreign(marker)],
    "two-chunked-answers": lambda marker: [chunked(marker)[:-5], 0.02, b"0\r\n\r\n" + chunked(FOREIGN)],
    "answer-and-part-of-a-head": lambda marker: [plain(marker) + b"HTTP/1.1 200 OK\r\nset-coo", 0.05, _foreign(marker)],
    "extra-line": lambda marker: [plain(marker) + b"\r\n\r\n"],
    "cookie-trailer": lambda marker: [chunked(marker, trailers=b"set-cookie: %b=1\r\n" % FOREIGN)],
    "body-after-204": lambda marker: [b"HTTP/1.1 204 No Content\r\nx-own: %b\r\n\r\n" % marker + _foreign(marker)],
    "continue": lambda marker: [b"HTTP/1.1 100 Continue\r\n\r\n" + plain(marker)],
    "processing": lambda marker: [b"HTTP/1.1 102 Processing\r\n\r\n" * 20 + plain(marker)],
    "early-hints": lambda marker: [b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + plain(marker)],
    "interim-after": lambda marker: [plain(marker) + b"HTTP/1.1 100 Continue\r\n\r\n"],
    "drips-its-body": lambda marker: [
        plain(marker)[:-9],
        *(part for byte in marker[-9:] for part in (0.05, bytes([byte]))),
    ],
    "chunk-extensions": lambda marker: [chunked(marker).replace(b"\r\nmarker", b";x=y;z\r\nmarker", 1)],
}
"""Attacks after which the caller has its answer, and nothing else."""

REFUSED: dict[str, Steps] = {
    "two-lengths": _raw(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 40"),
    "length-and-chunks": _raw(
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"
    ),
    "chunks-and-length": _raw(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3", b"3\r\nabc\r\n0\r\n\r\n"
    ),
    "negative-length": _raw(b"HTTP/1.1 200 OK\r\ncontent-length: -5"),
    "length-is-a-list": _raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5, 5"),
    "length-is-huge": _raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999"),
    "switching-protocols": _raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x"),
    "status-of-no-class": _raw(b"HTTP/1.1 999 Odd\r\ncontent-length: 10"),
    "nul-in-a-header": _raw(b"HTTP/1.1 200 OK\r\nx-odd: a\x00b\r\ncontent-length: 10"),
    "control-in-a-header": _raw(b"HTTP/1.1 200 OK\r\nx-odd: a\x07b\r\ncontent-length: 10"),
    "odd-header-name": _raw(b"HTTP/1.1 200 OK\r\nx odd: a\r\ncontent-length: 10"),
    "http-0.9": lambda marker: [marker],
    "other-protocol": lambda _marker: [b"SSH-2.0-x\r\n\r\n"],
    "closes-without-an-answer": lambda _marker: [],
    "resets-without-an-answer": lambda _marker: [RESET],
    "closes-in-the-head": lambda _marker: [b"HTTP/1.1 200 OK\r\nx-a: "],
    "one-header-of-30-mb": lambda _marker: [b"HTTP/1.1 200 OK\r\nx-a: ", *([b"a" * 300_000] * 100), b"\r\n\r\n"],
    "30-mb-of-headers": _until_memory_would_end(b"x-a: aaaaaaaaaaaaaaaaaaaaaa\r\n"),
    "long-headers": _raw(b"HTTP/1.1 200 OK\r\n" + b"\r\n".join([b"x-a: " + b"a" * 15_000] * 10)),
    "long-status-line": lambda _marker: [b"HTTP/1.1 200 ", *([b"a" * 300_000] * 100)],
    "no-chunk-size": lambda marker: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno size\r\n" + marker],
    "negative-chunk-size": lambda marker: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n" + marker],
    "huge-chunk-size": lambda marker: [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + marker
    ],
}
"""Attacks after which the caller gets an error in JSON."""

BROKEN: dict[str, Steps] = {
    "reset-in-the-body": lambda marker: [plain(marker)[:-3], 0.05, RESET],
    "short-body": lambda marker: [plain(marker)[:-3]],
    "short-chunks": lambda marker: [chunked(marker)[:-5]],
    "bad-chunk-later": lambda marker: [chunked(marker)[:-5], 0.05, b"no size\r\n"],
    "huge-chunk-later": lambda marker: [chunked(marker)[:-5], 0.05, b"fffffffffffffff\r\n"],
}
"""Attacks after which the caller gets a broken connection, because its answer had begun, or an error."""

SLOW: dict[str, Steps] = {
    "drips-its-head": lambda _marker: [b"HTTP/1.1 200 OK\r\n", *[0.1, b"x-a: b\r\n"] * 60],
    "interim-answers-without-end": lambda _marker: [*[b"HTTP/1.1 102 Processing\r\n\r\n", 0.1] * 60],
    "silent": lambda _marker: [6.0],
}
"""Attacks after which the caller gets 504, with a limit of 2 seconds."""

LATE: dict[str, Steps] = {
    "answer-soon-after": lambda marker: [plain(marker), 0.01, _foreign(marker)],
    "answer-later": lambda marker: [plain(marker), 0.2, _foreign(marker), 0.2, _foreign(marker)],
}
"""Attacks that come while the next request of the same caller may be under way: its own alone can be disturbed."""

LENIENT: dict[str, Steps] = {
    "length-trailer": lambda marker: [chunked(marker, trailers=b"content-length: 999\r\n")],
    "extra-bytes": lambda marker: [plain(marker) + FOREIGN],
    "extra-bytes-after-chunks": lambda marker: [chunked(marker) + FOREIGN],
    "extra-bytes-after-trailers": lambda marker: [chunked(marker, trailers=b"content-length: 999\r\n") + FOREIGN],
    "bare-line-feeds": lambda marker: [plain(marker).replace(b"\r\n", b"\n")],
    "folded-header": lambda marker: [plain(marker, b"x-odd: a\r\n b")],
}
"""What some client might take for an answer and another not: the caller's own or an error, as long as it is clear."""

ALL = ANSWERED | LATE | REFUSED | BROKEN | SLOW | LENIENT


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, bytes]]:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: ([0-9]+)", head.lower())
        body = await reader.readexactly(int(length[1])) if length else b""
        attack = re.search(rb"attack=([a-z0-9.-]*)", head + body)
        marker = MARKER.search(body)
        yield attack[1].decode() if attack else "", marker[0] if marker else b"marker-none"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async for attack, marker in _requests(reader):
            for step in ALL[attack](marker) if attack else [plain(marker)]:
                if step == RESET:
                    writer.transport.abort()
                elif isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    writer.write(step)
                    await writer.drain()
            # Whoever closes after a whole answer, races with the caller's next request on the same connection.
            if attack in REFUSED | BROKEN | SLOW:
                return
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a thread, and give its address."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        server = runner.run(_listening())
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            server.close()


async def _listening() -> asyncio.Server:
    return await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024)
