"""An OpenAI-compatible server that answers as a test wants; it stands for a model, or for LiteLLM itself."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
WORDS = ("Hello", " there")


@dataclass
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class StubModel:
    """The server: what came, who left before the end, and what it does on a path instead of answering as a model,
    and whether it is too busy to answer the liveness probe."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    is_busy: bool = False

    def reset(self) -> None:
        """Forget what came and what it was told."""
        self.seen.clear()
        self.left.clear()
        self.behaviours.clear()

    @property
    def last(self) -> Seen:
        """The request that came last."""
        return self.seen[-1]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        if request.path == "/health/liveliness":
            while self.is_busy:
                await asyncio.sleep(0.1)
            return web.json_response("I'm alive!")
        body = await request.read()
        self.seen.append(Seen(request.method, request.raw_path, request.headers.copy(), body))
        try:
            if behaviour := self.behaviours.get(request.path.removeprefix("/v1")):
                return await behaviour(request)
            return await _as_model(request, body)
        except (asyncio.CancelledError, ConnectionError):
            self.left.append(request.path)
            raise


async def _as_model(request: web.Request, body: bytes) -> web.StreamResponse:
    path = request.path.removeprefix("/v1")
    if path == "/models":
        return web.json_response({"object": "list", "data": [{"id": "stub", "object": "model"}]})
    if path == "/audio/transcriptions":
        return web.json_response({"text": f"{len(body)} bytes"})
    if path not in ("/chat/completions", "/completions", "/embeddings"):
        return web.json_response({"echo": request.raw_path, "method": request.method, "length": len(body)})
    try:
        asked = json.loads(body)
        if path == "/embeddings":
            return _embed(asked["input"])
        return await _generate(request, asked.get("stream"), chat=path == "/chat/completions")
    except (ValueError, KeyError, TypeError, AttributeError):
        return web.json_response({"error": {"message": "the body is not valid"}}, status=400)


def _embed(given: str | list[str]) -> web.Response:
    texts = given if isinstance(given, list) else [given]
    data = [{"object": "embedding", "index": n, "embedding": [float(n), 0.5]} for n in range(len(texts))]
    return web.json_response({"object": "list", "model": "stub", "data": data, "usage": USAGE})


async def _generate(request: web.Request, stream: bool | None, *, chat: bool) -> web.StreamResponse:
    if stream:
        return await _stream(request, chat)
    text = "".join(WORDS)
    choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    return web.json_response(
        {
            "id": "c-1",
            "object": "chat.completion" if chat else "text_completion",
            "created": 1,
            "model": "stub",
            "choices": [{"index": 0, "finish_reason": "stop", **choice}],
            "usage": USAGE,
        }
    )


def chunk(text: str | None, *, chat: bool, finish: str | None = None, usage: bool = False) -> bytes:
    """An event of a stream."""
    piece = {"delta": {"content": text} if text else {}} if chat else {"text": text or ""}
    content = {
        "id": "c-1",
        "object": "chat.completion.chunk" if chat else "text_completion",
        "created": 1,
        "model": "stub",
        "choices": [] if usage else [{"index": 0, "finish_reason": finish, **piece}],
    } | ({"usage": USAGE} if usage else {})
    return b"data: " + json.dumps(content).encode() + b"\n\n"


async def open_stream(request: web.Request) -> web.StreamResponse:
    """Begin to answer with events."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    return answer


async def _stream(request: web.Request, chat: bool) -> web.StreamResponse:
    answer = await open_stream(request)
    for word in WORDS:
        await answer.write(chunk(word, chat=chat))
        await asyncio.sleep(0.01)
    await answer.write(chunk(None, chat=chat, finish="stop"))
    await answer.write(chunk(None, chat=chat, usage=True))
    await answer.write(b"data: [DONE]\n\n")
    return answer


@contextmanager
def serving(stub: StubModel | None = None) -> Iterator[StubModel]:
    """Run a stub in a thread."""
    stub = stub or StubModel()
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application(client_max_size=1024**3)
        app.router.add_route("*", "/{path:.*}", stub.answer)
        # A request whose client leaves is cancelled, so that tests see that it left.
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield stub
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
