"""A load balancer that pools connections to its targets, as an Application Load Balancer does.

nginx keeps them for the emitted idle timeout and repeats no request. A distance of tens of milliseconds lies between it
and the targets: on a real network a target may close a connection while a request is on its way; on the loopback
interface such a race would be too short to be seen.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from lisa_compiler.dev.processes import free_port

DISTANCE_SECONDS = 0.1
_DISCARD_PORT = 9

_CONFIGURATION = """
daemon off;
master_process on;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;
  proxy_next_upstream off;
  proxy_read_timeout {idle}s;
  server {{
    listen 127.0.0.1:{control} backlog=4096;
    location / {{ return 200 "{generation}"; }}
  }}
{nodes}
}}
"""
_NODE = """
  upstream node{number} {{
    {servers}
    keepalive 4096;
    keepalive_timeout {idle}s;
    keepalive_requests 1000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://node{number}; }}
  }}
"""


class PoolingBalancer:
    """nginx in front of the copies of a service.

    Attributes:
        urls: addresses of its nodes, each with connections of its own.
    """

    def __init__(self, folder: Path, *, nodes: int, idle_seconds: int) -> None:
        self._folder = folder
        self._idle = idle_seconds
        self._ports = [free_port() for _ in range(nodes)]
        self._targets: Sequence[int] = [_DISCARD_PORT]
        self._control = free_port()
        self._generation = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]

    async def register(self, ports: Sequence[int]) -> None:
        """Set the targets to these ports of this machine, and wait until no new request goes to another."""
        self._targets = ports
        self._generation += 1
        self._write()
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)
        await self._wait_for_generation()

    async def _wait_for_generation(self) -> None:
        deadline = time.monotonic() + 60
        agreed = 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            while agreed < 10:
                assert time.monotonic() < deadline, (self._folder / "nginx.log").read_text()
                with suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self._control}") as answer:
                        agreed = agreed + 1 if await answer.text() == str(self._generation) else 0
                await asyncio.sleep(0.02)

    def _write(self) -> None:
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self._targets)
        nodes = "".join(
            _NODE.format(number=number, port=port, idle=self._idle, servers=servers)
            for number, port in enumerate(self._ports)
        )
        text = _CONFIGURATION.format(
            folder=self._folder, idle=self._idle, control=self._control, generation=self._generation, nodes=nodes
        )
        (self._folder / "nginx.conf").write_text(text)

    async def __aenter__(self) -> PoolingBalancer:
        self._folder.mkdir()
        self._write()
        self._process = subprocess.Popen(["nginx", "-c", self._folder / "nginx.conf", "-e", self._folder / "nginx.log"])
        await self._wait_for_generation()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)


class Distance:
    """A target at a distance: everything, the end of a connection too, arrives later by `DISTANCE_SECONDS`.

    Attributes:
        port: where the load balancer reaches it.
        waiting: connections with a request whose answer has not begun or goes on.
    """

    def __init__(self, address: str, port: int) -> None:
        self._target = (address, port)
        self.port = 0
        self.waiting: set[_End] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Distance]:
        """Accept connections while the block runs."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Near(self), "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def drained(self) -> None:
        """Wait until nothing has been in flight for a while, as ECS waits for a deregistered target."""
        quiet = 0
        while quiet < 10:
            await asyncio.sleep(DISTANCE_SECONDS / 2)
            quiet = 0 if self.waiting else quiet + 1

    async def connect(self, near: _Near) -> None:
        """Connect a new connection with the target; it ends when the target accepts none."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(DISTANCE_SECONDS)
        try:
            await loop.create_connection(lambda: _Far(self, near), *self._target)
        except OSError:
            near.end()


class _End(asyncio.Protocol):
    """One end of a connection; what arrives goes on at the other one."""

    def __init__(self, distance: Distance) -> None:
        self.distance = distance
        self.other: _End | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early.append(data)
        else:
            asyncio.get_running_loop().call_later(DISTANCE_SECONDS, self.other.send, data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.distance.waiting.discard(self)
        if self.other is not None:
            asyncio.get_running_loop().call_later(DISTANCE_SECONDS, self.other.end)

    def join(self, other: _End) -> None:
        """Name the other end, and pass on what came before it was there."""
        self.other = other
        for data in self._early:
            other.send(data)

    def send(self, data: bytes) -> None:
        """Write to this end."""
        if self._transport is not None:
            self._transport.write(data)

    def end(self) -> None:
        """Close this end."""
        if self._transport is not None:
            self._transport.close()


class _Near(_End):
    """The load balancer's end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.ensure_future(self.distance.connect(self))

    def data_received(self, data: bytes) -> None:
        self.distance.waiting.add(self)
        super().data_received(data)


class _Far(_End):
    """The target's end."""

    def __init__(self, distance: Distance, near: _Near) -> None:
        super().__init__(distance)
        self.other = near

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.other is not None
        self.other.join(self)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.distance.waiting.discard(self.other)
        super().data_received(data)
