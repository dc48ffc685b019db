"""The documents of an issuer, fetched from a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from lisa_compiler.dev.processes import free_port
from lisa_gateway import issuer
from lisa_oidc import UnreachableIssuerError, UnusableIssuerError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


LIMIT = 1024 * 1024


@asynccontextmanager
async def served(respond: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """The address of a server that responds so."""

    async def handle(request: web.Request) -> web.Response:
        response = respond(request)
        return await response if asyncio.iscoroutine(response) else response

    application = web.Application()
    application.router.add_get("/", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fetched(respond: Callable[[web.Request], Any]) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Fetches the document of a server that responds so."""
    documents = issuer.Documents()
    try:
        async with served(respond) as url:
            yield lambda: documents.fetch(url)
    finally:
        await documents.close()


async def test_documents_are_json_of_any_content_type() -> None:
    seen: list[web.Request] = []

    def respond(request: web.Request) -> web.Response:
        seen.append(request)
        response = web.Response(text='{"a": 1}', content_type="text/plain")
        response.set_cookie("session", "s")
        return response

    async with fetched(respond) as fetch:
        assert [await fetch(), await fetch()] == [{"a": 1}] * 2
    assert {request.headers["Accept"] for request in seen} == {"application/json"}
    assert all("Cookie" not in request.headers for request in seen)


@pytest.mark.parametrize("status", [201, 204, 400, 404, 500])
async def test_other_statuses_are_errors(status: int) -> None:
    async with fetched(lambda _: web.Response(text="{}" if status != 204 else None, status=status)) as fetch:
        with pytest.raises(UnreachableIssuerError, match=f"answers with {status}"):
            await fetch()


async def test_documents_are_limited() -> None:
    async with fetched(lambda _: web.Response(text="7".rjust(LIMIT))) as fetch:
        assert await fetch() == 7
    async with fetched(lambda _: web.Response(text="7".rjust(LIMIT + 1))) as fetch:
        with pytest.raises(UnusableIssuerError, match=f"returned more than {LIMIT} bytes"):
            await fetch()


@pytest.mark.parametrize("text", ["<html>", "{", "[" * 100_000], ids=["html", "cut off", "nested"])
async def test_documents_that_are_not_json_are_unusable(text: str) -> None:
    async with fetched(lambda _: web.Response(text=text)) as fetch:
        with pytest.raises(UnusableIssuerError, match="did not return JSON"):
            await fetch()


async def test_issuer_that_does_not_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer, "FETCH_SECONDS", 0.1)
    async with fetched(lambda _: asyncio.sleep(5)) as fetch:
        with pytest.raises(UnreachableIssuerError, match="does not respond: TimeoutError"):
            await fetch()
    documents = issuer.Documents()
    with pytest.raises(UnreachableIssuerError, match="does not respond: ClientConnectorError"):
        await documents.fetch(f"http://127.0.0.1:{free_port()}/")
    await documents.close()
