"""Serves the chat application's files, and passes the API's routes on. Its settings are JSON in WEB."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
_OF_THE_CONNECTION = {"connection", "content-encoding", "content-length", "date", "host", "server", "transfer-encoding"}
_LONGEST_BODY = 10 * 1024 * 1024
_SESSION = web.AppKey("session", aiohttp.ClientSession)


class Website:
    """What is behind one address: the API's routes, and files for all the rest."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._prefix: str = settings["prefix"]
        self._api: str = settings["api"]
        self._routes = frozenset(settings["routes"])
        self._folder = Path(settings["folder"])
        self._files = {
            path.relative_to(self._folder).as_posix(): path for path in self._folder.rglob("*") if path.is_file()
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        if request.path in ("/", self._prefix):
            raise web.HTTPFound(f"{self._prefix}/")
        if not request.path.startswith(f"{self._prefix}/"):
            return web.json_response({"message": "Missing Authentication Token"}, status=403)
        path = request.path.removeprefix(f"{self._prefix}/")
        if path.split("/")[0] in self._routes:
            return await self._pass_on(request)
        found = self._files.get(path or "index.html")
        if found is None:
            return web.Response(status=404)
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        return web.Response(body=found.read_bytes(), headers=_HEADERS | {"Content-Type": kind})

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        # As it came over the wire: names in paths are encoded.
        target = f"{self._api}{request.raw_path.removeprefix(self._prefix)}"
        sent = {name: value for name, value in request.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        session = request.app[_SESSION]
        async with session.request(request.method, target, headers=sent, data=await request.read()) as answer:
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _OF_THE_CONNECTION]
            response = web.Response(status=answer.status, body=await answer.read())
            for name, value in kept:
                response.headers[name] = value
            return response


async def _session(application: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as session:
        application[_SESSION] = session
        yield


def main() -> None:
    """Serve on the loopback interface."""
    settings = json.loads(os.environ["WEB"])
    application = web.Application(client_max_size=_LONGEST_BODY)
    application.cleanup_ctx.append(_session)
    application.router.add_route("*", "/{path:.*}", Website(settings).answer)
    web.run_app(application, host="127.0.0.1", port=settings["port"], print=None)


if __name__ == "__main__":
    main()
