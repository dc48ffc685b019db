"""A rolling update of the services behind pooling load balancers, while requests go on."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from aws_fidelity import fleet
from aws_fidelity.emitted_task import PORT, RunningTask, Stop
from aws_fidelity.pooling_balancer import Distance, PoolingBalancer
from gateway.stub_model import chunk, open_stream
from lisa_schema.connection_times import LOAD_BALANCER_IDLE_SECONDS

START_SECONDS = 400
NODES = 8
_WITH_KEY = {"authorization": f"Bearer {fleet.MODEL_KEY}"}
"""What the gateway sends to models; it has no authentication itself here."""
BURSTS = 6
BURST = {"rest-api": 80, "vllm": 50, "instructor": 80}
"""Requests at once through a node of the load balancer; 10,080 in all. Each uses a connection that then rests."""
SHORTEST_PAUSE, LONGEST_PAUSE = 4.0, 8.0
COPIES = {"rest-api": 2, "vllm": 1, "instructor": 2}
"""Copies that are replaced one after the other. A copy of vLLM takes half a minute to start, so that one has to do."""
STREAM_EVENTS = 80
IDLE_SECONDS = 7.0
"""Longer than uvicorn keeps an idle connection by default, 5 seconds."""


@dataclass
class Outcome:
    """What happened to a service.

    Attributes:
        statuses: of the answers through the load balancer; 0 for a connection that ended without one.
        bodies: examples of answers that are not 200.
        streams: what was in flight when a copy was stopped, and how it ended.
        stops: how each copy stopped.
        without_key: statuses of the answers to requests without the key of the model, and with another.
        isolation: lines of /proc/PID/status of each copy, of what the container cannot do.
        idle_seconds: how long an idle connection to a copy has been open; it still was.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: dict[int, str] = field(default_factory=dict)
    streams: list[str] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    without_key: list[int] = field(default_factory=list)
    isolation: set[tuple[str, ...]] = field(default_factory=set)
    idle_seconds: list[float] = field(default_factory=list)


def _request(service: str, number: int) -> tuple[str, dict[str, Any]]:
    """Path and body of a request. Few of them reach LiteLLM and the engine, whose speed is not what this is about."""
    if service == "instructor":
        return "/v1/embeddings", {"input": "w1"}
    if service == "vllm":
        if number % 10:
            return "/tokenize", {"model": fleet.WRITER, "prompt": "w1 w2"}
        return "/v1/completions", {"model": fleet.WRITER, "prompt": "w1 w2", "max_tokens": 1}
    if number % 20:
        return "/v2/serve/model/new", {"model": "x"}
    return "/v2/serve/chat/completions", {"model": "remote", "messages": [{"role": "user", "content": "hi"}]}


# On a machine that has other work, an answer can be complete before this process has seen its beginning.
_STREAMS_TRIED = 5
_REFUSED = {"/v2/serve/model/new": 403}


def _stream(service: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a request that takes seconds."""
    if service == "instructor":
        return "/v1/embeddings", {"input": "slowly"}
    if service == "vllm":
        body = {"prompt": "w1", "max_tokens": 1000, "ignore_eos": True, "stream": True}
        return "/v1/completions", {"model": fleet.WRITER, **body, "stream_options": {"include_usage": True}}
    messages = [{"role": "user", "content": "hi"}]
    return "/v2/serve/chat/completions", {"model": "remote", "messages": messages, "stream": True}


def _is_complete(service: str, text: str) -> bool:
    if service == "instructor":
        return '"embedding":[0.0,1.0]' in text
    if service == "vllm":
        return '"completion_tokens":1000' in text and text.rstrip().endswith("data: [DONE]")
    return text.count('"content":"word"') == STREAM_EVENTS and text.rstrip().endswith("data: [DONE]")


@asynccontextmanager
async def _model(listening: socket.socket) -> AsyncIterator[None]:
    """The external model that the gateway's LiteLLM calls."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if not (await request.json()).get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            common = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
            return web.json_response({**common, "choices": [choice], "usage": usage})
        events = await open_stream(request)
        for _ in range(STREAM_EVENTS):
            await events.write(chunk("word", chat=True))
            await asyncio.sleep(0.1)
        await events.write(chunk(None, chat=True, finish="stop"))
        await events.write(b"data: [DONE]\n\n")
        return events

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening, backlog=1024).start()
    try:
        yield
    finally:
        await runner.cleanup()


class _Update:
    """A rolling update of one service while requests go on."""

    def __init__(self, name: str, service: fleet.Service, balancer: PoolingBalancer, outcome: Outcome) -> None:
        self.name = name
        self._service = service
        self.urls = balancer.urls
        self._balancer = balancer
        self._outcome = outcome
        self._old: list[tuple[RunningTask, Distance]] = []
        self._new: list[tuple[RunningTask, Distance]] = []

    async def start(self, tasks: ExitStack, distances: AsyncExitStack) -> None:
        """Start every copy, old and new, and register the old ones."""
        for age, copies in (("old", self._old), ("new", self._new)):
            for number in range(COPIES[self.name]):
                task = tasks.enter_context(self._service.start(f"{age}-{number}"))
                distance = await distances.enter_async_context(Distance(task.address, PORT).open())
                copies.append((task, distance))
        for task, _ in (*self._old, *self._new):
            await _healthy(task)
        await self._register(self._old)

    async def replace(self) -> None:
        """Replace one copy after the other."""
        idle = [await _open_idle(task) for task, _ in self._old]
        await asyncio.sleep(IDLE_SECONDS)
        for number, (task, distance) in enumerate(self._old):
            await self._register([*self._new[: number + 1], *self._old[number + 1 :]])
            await distance.drained()
            self._outcome.idle_seconds.append(await idle[number].close())
            await self._stop(task)

    async def _register(self, copies: list[tuple[RunningTask, Distance]]) -> None:
        await self._balancer.register([distance.port for _, distance in copies])

    async def _stop(self, task: RunningTask) -> None:
        self._outcome.isolation.add(_isolation(task))
        if self.name != "rest-api":
            self._outcome.without_key += await _statuses_without_key(task, self.name)
        path, body = _stream(self.name)
        async with aiohttp.ClientSession(headers=_WITH_KEY) as session:
            for _ in range(_STREAMS_TRIED):
                began = asyncio.Event()
                request = asyncio.create_task(_post(session, f"http://{task.address}:{PORT}{path}", body, began))
                with suppress(TimeoutError):  # The instructor server sends nothing before its answer is complete.
                    await asyncio.wait_for(began.wait(), 60 if body.get("stream") else 1)
                if not request.done():
                    break
            assert not request.done(), f"{self.name} answered before the copy was stopped: {request.result()[-500:]}"
            stop = await asyncio.to_thread(task.stop)
            text = await request
        self._outcome.streams.append("complete" if _is_complete(self.name, text) else text[-500:])
        self._outcome.stops.append(stop)


def _isolation(task: RunningTask) -> tuple[str, ...]:
    """User, capabilities and privileges of the first process, as the kernel has them."""
    lines = Path(f"/proc/{task.process.pid}/status").read_text().splitlines()
    kept = ("Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:")
    return tuple(" ".join(line.split()) for line in lines if line.startswith(kept))


async def _statuses_without_key(task: RunningTask, service: str) -> list[int]:
    # Of all requests, those with the number 0 reach the API that requires the key.
    path, body = _request(service, 0)
    statuses = []
    for headers in ({}, {"authorization": "Bearer another"}, {"authorization": fleet.MODEL_KEY}):
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(f"http://{task.address}:{PORT}{path}", json=body) as answer,
        ):
            statuses.append(answer.status)
    return statuses


async def _post(session: aiohttp.ClientSession, url: str, body: Any, began: asyncio.Event) -> str:
    """What is answered, as far as it comes; `began` is set when something has."""
    received = []
    try:
        async with session.post(url, json=body) as answer:
            async for part in answer.content.iter_any():
                received.append(part)
                began.set()
    except aiohttp.ClientError as error:
        received.append(repr(error).encode())
    return b"".join(received).decode()


async def _healthy(task: RunningTask) -> None:
    deadline = time.monotonic() + START_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        while True:
            assert task.process.poll() is None, task.tail()
            assert time.monotonic() < deadline, task.tail()
            try:
                async with session.get(f"http://{task.address}:{PORT}/health") as answer:
                    if answer.status == 200:
                        return
            except (OSError, aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.2)


@dataclass
class _Idle:
    """A connection that has had one answer and rests."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    began: float

    async def close(self) -> float:
        """Close it, and return how long it has been open; 0 when the server has closed it before."""
        is_open = not self.reader.at_eof()
        self.writer.close()
        return time.monotonic() - self.began if is_open else 0.0


async def _open_idle(task: RunningTask) -> _Idle:
    reader, writer = await asyncio.open_connection(task.address, PORT)
    writer.write(b"GET /health HTTP/1.1\r\nHost: target\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 200 " in head, head
    await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
    return _Idle(reader, writer, time.monotonic())


async def _burst(session: aiohttp.ClientSession, url: str, service: str, outcome: Outcome) -> None:
    async def one(number: int) -> None:
        path, body = _request(service, number)
        try:
            async with session.post(url + path, json=body) as answer:
                text = await answer.text()
                expected = answer.status == _REFUSED.get(path, 200)
                outcome.statuses[200 if expected else answer.status] += 1
                if not expected:
                    outcome.bodies.setdefault(answer.status, f"{path}: {text[:300]}")
        except aiohttp.ClientError as error:
            outcome.statuses[0] += 1
            outcome.bodies.setdefault(0, repr(error))

    await asyncio.gather(*(one(number) for number in range(BURST[service])))


def _pauses() -> list[list[float]]:
    """For each node the seconds between its bursts, which together leave no gap in which a connection could end."""
    count = NODES * (BURSTS - 1)
    steps = [SHORTEST_PAUSE + (LONGEST_PAUSE - SHORTEST_PAUSE) * step / count for step in range(count)]
    random.Random(0).shuffle(steps)
    return [steps[node::NODES] for node in range(NODES)]


async def observe(folder: Path, services: Mapping[str, fleet.Service], listening: socket.socket) -> dict[str, Outcome]:
    outcomes = {name: Outcome() for name in services}
    async with AsyncExitStack() as stack:
        tasks = stack.enter_context(ExitStack())
        await stack.enter_async_context(_model(listening))
        updates = []
        for name, service in services.items():
            nginx = PoolingBalancer(folder / f"nginx-{name}", nodes=NODES, idle_seconds=LOAD_BALANCER_IDLE_SECONDS)
            updates.append(_Update(name, service, await stack.enter_async_context(nginx), outcomes[name]))
        await asyncio.gather(*(update.start(tasks, stack) for update in updates))
        # A connection to the load balancer for each request: what it does with those of clients is not the matter.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, headers=_WITH_KEY))

        async def send(update: _Update, url: str, pauses: list[float]) -> None:
            for pause in (*pauses, 0.0):
                await _burst(session, url, update.name, outcomes[update.name])
                await asyncio.sleep(pause)

        async def replace(update: _Update) -> None:
            await asyncio.sleep(LONGEST_PAUSE)
            await update.replace()

        loads = (
            send(update, url, pauses) for update in updates for url, pauses in zip(update.urls, _pauses(), strict=True)
        )
        await asyncio.gather(*loads, *map(replace, updates))
    return outcomes
