"""What the scripted engines have in common: a server in a thread, the answers that they give, and events."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WORDS = ("Hello", " there")
PICTURE = "A red square."
WEATHER = "It is sunny."
CITY = {"city": "Paris"}
TOOL = "get_weather"
BREAK, CUT, TOO_LONG = "break the stream", "cut the stream", "too long"
"""Prompts that make an engine report an error in the middle of a stream, lose its connection, or reject the prompt."""
PROMPT_TOKENS, COMPLETION_TOKENS = 5, 2
LOGPROB = -0.25
CREATED = 1764432000

Json = dict[str, Any]


@dataclass
class Seen:
    """A request that reached an engine."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Engine:
    """A scripted engine that runs.

    Attributes:
        name: as the table of the documentation calls it.
        url: its address.
        seen: requests that reached it, in their order.
    """

    name: str
    url: str = ""
    seen: list[Seen] = field(default_factory=list)


Handler = Callable[[web.Request, Json], Awaitable[web.StreamResponse]]


@contextmanager
def serving(name: str, routes: Mapping[str, Handler], not_found: Callable[[], web.Response]) -> Iterator[Engine]:
    """Run an engine.

    Args:
        name: as the table of the documentation calls it.
        routes: what answers a path; `GET` routes get an empty body.
        not_found: the engine's answer to any other path.
    """
    engine = Engine(name)
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        engine.seen.append(Seen(request.path, request.headers.copy(), body))
        handler = routes.get(f"{request.method} {request.path}")
        return not_found() if handler is None else await handler(request, json.loads(body or b"{}"))

    async def serve() -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        engine.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield engine
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def send_events(
    request: web.Request, events: AsyncIterator[Json | str], headers: Mapping[str, str] = {}
) -> web.StreamResponse:
    """Answer with server-sent events; a text goes out as it is, and the text `CUT` ends the connection."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
    await answer.prepare(request)
    async for event in events:
        if event == CUT:
            assert request.transport is not None
            request.transport.close()
            return answer
        text = event if isinstance(event, str) else json.dumps(event)
        await answer.write(f"data: {text}\n\n".encode())
    return answer


def last_text(messages: list[Json]) -> str:
    """The text of the last message."""
    content = messages[-1].get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def has_picture(messages: list[Json]) -> bool:
    """Whether a message has a picture in it, as a data URL."""
    parts = [part for message in messages if isinstance(message.get("content"), list) for part in message["content"]]
    return any(part.get("image_url", {}).get("url", "").startswith("data:image/png;base64,iVBOR") for part in parts)


def words(body: Json, *, schema: bool) -> tuple[str, ...]:
    """What a model says to a conversation."""
    if schema:
        return ('{"city":', ' "Paris"}')
    messages = body["messages"]
    if messages[-1]["role"] == "tool":
        return (WEATHER,)
    return (PICTURE,) if has_picture(messages) else WORDS


def calls_tool(body: Json) -> bool:
    """Whether a model calls the tool: it has one, and no answer of it yet."""
    return bool(body.get("tools")) and body.get("tool_choice") != "none" and body["messages"][-1]["role"] != "tool"
