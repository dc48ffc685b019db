"""Load: `python load.py PORT PATH CONCURRENT REQUESTS TOKEN RAMP STREAM` keeps so many requests in flight.

The connections ask for the first time at random moments of RAMP seconds, the same in each run; requests of that time do not count, and others keep
coming until the last of the REQUESTS that count has its answer. Without RAMP, all connections open and then ask at
once, and each request counts. With 1 for STREAM, requests ask for a stream. It prints figures in JSON:
`rate` (requests a second), `p50`, `p99` (milliseconds to the whole answer), `added50`, `added99` (milliseconds beyond
what the stub says that it took), `first50`, `first99` (milliseconds to the first byte of its body), `failed`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import cast

import uvloop

_BODY = b'{"model":"stub","messages":[{"role":"user","content":"Say hello, please."}]}'
_STREAM_BODY = _BODY[:-1] + b',"stream":true}'


class Load:
    """What is to be asked, and what came of it."""

    def __init__(self, path: str, requests: int, token: str, *, counts_from: float, is_stream: bool) -> None:
        body = _STREAM_BODY if is_stream else _BODY
        self.request = (
            f"POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self.left = requests
        self.counts_from = counts_from
        self.wanted = requests
        self.whole: list[float] = []
        self.added: list[float] = []
        self.first: list[float] = []
        self.failed = 0
        self.done = asyncio.get_running_loop().create_future()


class Client(asyncio.Protocol):
    """A connection that asks again as soon as it has its answer."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport
        self._received = b""
        self._began = 0.0
        self._first = 0.0
        self._counts = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.done.done():
            self._load.done.set_exception(exc or ConnectionError("the server closed a connection"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self._first and len(self._received) > end + 4:
            self._first = time.perf_counter()
        head = self._received[:end].lower()
        _, _, after = head.partition(b"content-length:")
        whole = end + 4 + int(after.split(b"\r\n", 1)[0]) if after else 0
        if len(self._received) < whole or (not whole and not self._received.endswith(b"0\r\n\r\n")):
            return
        load = self._load
        load.failed += not head.startswith(b"http/1.1 200")
        if not self._counts:
            self.ask()
            return
        load.whole.append(time.perf_counter() - self._began)
        _, _, took = head.partition(b"x-took:")
        load.added.append(load.whole[-1] - (int(took.split(b"\r\n", 1)[0]) / 1e6 if took else 0.0))
        load.first.append((self._first or time.perf_counter()) - self._began)
        if len(load.whole) == load.wanted:
            load.done.set_result(None)
        self.ask()

    def ask(self) -> None:
        """Ask for the next answer, unless nothing is left to ask for."""
        load = self._load
        if load.done.done() or (load.left <= 0 and not load.counts_from):
            return
        self._counts = load.left > 0 and time.perf_counter() >= load.counts_from
        load.left -= self._counts
        self._received, self._first, self._began = b"", 0.0, time.perf_counter()
        self._transport.write(self._load.request)


def quantile(values: list[float], part: float) -> float:
    """A quantile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] * 1000


async def main(
    port: int, path: str, token: str, *, concurrent: int, requests: int, ramp: float, is_stream: bool
) -> None:
    """Ask, and print the figures."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    load = Load(path, requests, token, counts_from=began + ramp if ramp else 0.0, is_stream=is_stream)
    clients = []
    # At equal distances, the events of many streams would come in the same moments for as long as they last.
    moments = sorted(random.Random(1).uniform(0.0, ramp) for _ in range(concurrent))
    for moment in moments:
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        _, client = await loop.create_connection(lambda: Client(load), "127.0.0.1", port)
        clients.append(client)
        if ramp:
            client.ask()
    if not ramp:
        began = time.perf_counter()
        for client in clients:
            client.ask()
    await load.done
    took = time.perf_counter() - began - ramp
    figures = {"rate": requests / took, "failed": load.failed}
    figures |= {"p50": quantile(load.whole, 0.5), "p99": quantile(load.whole, 0.99)}
    figures |= {"added50": quantile(load.added, 0.5), "added99": quantile(load.added, 0.99)}
    figures |= {"first50": quantile(load.first, 0.5), "first99": quantile(load.first, 0.99)}
    print(json.dumps(figures))


if __name__ == "__main__":
    _, _port, _path, _concurrent, _requests, _token, _ramp, _stream = sys.argv
    _asked = main(
        int(_port),
        _path,
        _token,
        concurrent=int(_concurrent),
        requests=int(_requests),
        ramp=float(_ramp),
        is_stream=_stream == "1",
    )
    uvloop.run(_asked)
