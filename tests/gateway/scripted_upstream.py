"""A server in the place of LiteLLM that follows a script on each connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing

from lisa_gateway.answer import whole
from lisa_gateway.settings import Settings
from lisa_gateway.upstream import Upstream

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Server:
    """Does on its n-th connection what the n-th script says, and the last script on all further ones."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self.connections = 0
        self.ended = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        try:
            await script(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended.set()


async def request(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request."""
    return await reader.readuntil(b"\r\n\r\n")


def answering(*answers: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            writer.write(answer)
            await writer.drain()

    return script


async def forever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request(reader)
        writer.write(HELLO)


def run(
    server_of: Callable[[], Server], talk: Callable[[Upstream, Server], Awaitable[None]], **changed: float | str
) -> None:
    """Talk with a server; nothing here may take longer than ten seconds."""

    async def main() -> None:
        server = server_of()
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        names = {"token_table_name": "t", "registered_models_ps_name": "m", "aws_region": "r", "use_auth": False}
        settings = Settings.model_validate({**names, "litellm_url": f"http://127.0.0.1:{port}/base", **changed})
        async with asyncio.timeout(10), Upstream(settings) as upstream:
            await talk(upstream, server)
        listening.close()

    asyncio.run(main())


async def get(upstream: Upstream, method: str = "POST", caller: bytes = b"one") -> tuple[int, bytes]:
    with closing(await upstream.send(method, b"/x", headers=[], caller=caller)) as answer:
        return answer.status, await whole(answer)
