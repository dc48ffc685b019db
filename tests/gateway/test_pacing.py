"""Turns of large requests, in the order of time and of callers."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import gateway
from gateway.stub_model import StubModel
from lisa_gateway.pacing import Pacing


async def alive() -> bool:
    return True


async def order(pacing: Pacing, *requests: tuple[str, float]) -> list[tuple[str, float]]:
    """Callers in the order of their turns, with the seconds that they waited."""
    began, found = time.monotonic(), []

    async def come(caller: str, work: float) -> None:
        await pacing.turn(caller.encode(), work, alive)
        found.append((caller, time.monotonic() - began))

    await asyncio.gather(*(come(*request) for request in requests))
    return found


def test_small_requests_do_not_wait() -> None:
    found = asyncio.run(order(Pacing(10), ("a", 1), ("b", 1 / 300), ("a", 0)))
    assert [caller for caller, _ in found] == ["a", "b", "a"]
    assert found[-1][1] < 1


def test_large_requests_go_one_after_the_other() -> None:
    found = asyncio.run(order(Pacing(0.4), ("a", 0.5), ("a", 1), ("a", 0.5)))
    waits = [seconds for _, seconds in found]
    assert waits[0] < 0.1
    assert 0.2 <= waits[1] < 0.5
    assert waits[2] >= 0.6


def test_callers_take_turns() -> None:
    found = asyncio.run(order(Pacing(0.05), *[("a", 1)] * 4, ("b", 1), ("c", 1)))
    assert [caller for caller, _ in found] == ["a", "a", "b", "c", "a", "a"]


def test_a_request_that_has_ended_takes_no_turn() -> None:
    async def run() -> float:
        pacing, began = Pacing(0.3), time.monotonic()
        await pacing.turn(b"a", 1, alive)
        gone = [asyncio.create_task(pacing.turn(b"a", 1, alive)) for _ in range(5)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await pacing.turn(b"a", 1, alive)
        return time.monotonic() - began

    assert asyncio.run(run()) < 0.6


def test_the_next_one_waits_until_litellm_answers() -> None:
    answers = iter([False, False, True, True])

    async def probe() -> bool:
        await asyncio.sleep(0.1)
        return next(answers)

    async def run() -> float:
        pacing, began = Pacing(0.1), time.monotonic()
        await pacing.turn(b"a", 1, probe)
        await pacing.turn(b"b", 1, probe)
        return time.monotonic() - began

    assert asyncio.run(run()) >= 0.4


def test_others_get_through_between_large_requests(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    """With a proxy that serves one request at a time, as LiteLLM's thread does."""
    lock = asyncio.Lock()

    async def one_at_a_time(request: web.Request) -> web.Response:
        async with lock:
            await asyncio.sleep(0.3 if request.content_length and request.content_length > 10_000 else 0)
        return web.json_response({})

    stub.behaviours["/chat/completions"] = one_at_a_time

    def ask(served: Any, messages: int) -> float:
        body: Any = {"model": "stub", "messages": [{"role": "user", "content": "x"}] * messages}
        began = time.monotonic()
        url = f"{served.url}/v2/serve/chat/completions"
        assert requests.post(url, json=body, headers={"Api-Key": TOKEN}, timeout=60).status_code == 200
        return time.monotonic() - began

    environment = settings(aws, "http://127.0.0.1:1", stub.url) | {"LARGE_BODY_SECONDS": "0.5"}
    with gateway(tmp_path, environment) as served, ThreadPoolExecutor(8) as clients:
        large = [clients.submit(ask, served, 3_300) for _ in range(7)]
        time.sleep(0.2)
        waited = max(ask(served, 1) for _ in range(5))
        total = max(future.result() for future in large)
    assert waited < 1
    assert total > 2
