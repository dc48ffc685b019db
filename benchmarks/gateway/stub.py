"""A model that costs nothing: `python stub.py PORT [LEAST MOST [EVENTS]]` answers after LEAST to MOST milliseconds.

The header `x-took` of an answer is how many microseconds the stub had the request. A request with `"stream":true` in
its body gets EVENTS server-sent events (20), the first at once, and one every 100 ms.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import cast

import uvloop

_ANSWER = json.dumps(
    {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello there"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
).encode()
_WHOLE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nx-took: %d\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'
_CHUNK = f"{len(_EVENT):x}\r\n".encode() + _EVENT + b"\r\n"
_EVENT_SECONDS = 0.1


class Stub(asyncio.Protocol):
    """A connection: one request after the other."""

    def __init__(self, least: float, most: float, events: int) -> None:
        self._least = least
        self._most = most
        self._events = events
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, _, after = head.partition(b"content-length:")
            length = int(after.split(b"\r\n", 1)[0]) if after else 0
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            self._answer(is_stream=b'"stream":true' in body)

    def _answer(self, *, is_stream: bool) -> None:
        loop = asyncio.get_running_loop()
        if is_stream:
            self._transport.write(_HEAD + _CHUNK)
            self._write_event(loop, loop.time(), 1)
        elif self._most:
            loop.call_later(random.uniform(self._least, self._most), self._write_whole, time.perf_counter())
        else:
            self._write_whole(time.perf_counter())

    def _write_event(self, loop: asyncio.AbstractEventLoop, began: float, number: int) -> None:
        """Write event `number` when its time has come, and those after it."""
        if number == self._events:
            self._transport.write(b"0\r\n\r\n")
            return

        def write() -> None:
            self._transport.write(_CHUNK)
            self._write_event(loop, began, number + 1)

        loop.call_at(began + _EVENT_SECONDS * number, write)

    def _write_whole(self, began: float) -> None:
        took = (time.perf_counter() - began) * 1e6
        self._transport.write(_WHOLE_HEAD % (len(_ANSWER), took) + _ANSWER)


async def main(port: int, least: float, most: float, events: int) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Stub(least / 1000, most / 1000, events), "127.0.0.1", port, backlog=2048
    )
    await server.serve_forever()


if __name__ == "__main__":
    _port, _least, _most, _events = (sys.argv[1:] + ["0", "0", "20"][len(sys.argv) - 2 :])[:4]
    uvloop.run(main(int(_port), float(_least), float(_most), int(_events)))
