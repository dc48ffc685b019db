"""A model is added while requests are served: with the pinned LiteLLM, as the image runs it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from gateway.conftest import Aws
from gateway.litellm_proxy import MASTER_KEY, compiled
from gateway.processes import LITELLM_PYTHON
from gateway.stub_model import StubModel
from gateway.supervised import Published, container, object_store, routes

pytestmark = pytest.mark.skipif(not LITELLM_PYTHON.exists(), reason="LiteLLM is not installed: `make gateway-parts`")

START_SECONDS = 300
"""LiteLLM takes ten seconds of a processor, which other tests may have."""


def test_models_change_under_load(aws: Aws, stub: StubModel, tmp_path: Path) -> None:
    def config(*names: str) -> bytes:
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        return compiled(folder, {}, [(name, stub.url) for name in names]).read_bytes()

    async def load(url: str, change: asyncio.Event, is_over: asyncio.Event) -> Counter[int]:
        statuses: Counter[int] = Counter()

        async def call() -> None:
            while not is_over.is_set():
                body = {"model": "first", "messages": [{"role": "user", "content": "hi"}], "stream": len(statuses) > 9}
                async with session.post(f"{url}/v2/serve/chat/completions", json=body) as answer:
                    text = await answer.text()
                    statuses[answer.status if "there" in text else 0] += 1
                await asyncio.sleep(0.05)

        async with aiohttp.ClientSession(headers={"Authorization": "Bearer a-long-lived-token"}) as session:
            callers = [asyncio.create_task(call()) for _ in range(4)]
            change.set()
            await asyncio.gather(*callers)
        return statuses

    async def scenario() -> Counter[int]:
        change, is_over = asyncio.Event(), asyncio.Event()
        requests = asyncio.create_task(load(made.url, change, is_over))
        await change.wait()
        await asyncio.to_thread(published.put, routes("first", "second"), config("first", "second"))
        await asyncio.to_thread(made.wait, lambda: made.ask("second")[0] == 200, START_SECONDS)
        await asyncio.to_thread(made.wait, lambda: before not in made.litellms(), START_SECONDS)
        is_over.set()
        return await requests

    keys = {"PROXY_KEY": MASTER_KEY}
    with object_store(tmp_path) as store:
        published = Published(aws, store, "/lisa/real/gateway/configuration")
        published.put(routes("first"), config("first"))
        with container(tmp_path / "container", published, litellm=LITELLM_PYTHON, **keys) as made:
            made.wait(lambda: made.get("/health")[0] == 200, START_SECONDS)
            (before,) = made.litellms()
            assert made.ask("second")[0] == 400
            statuses = asyncio.run(scenario())
            assert set(statuses) == {200}
            assert statuses[200] > 20
