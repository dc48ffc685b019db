"""The registry of ECR under its own name: a proxy that ends TLS, and hands everything to the local AWS."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lisa_compiler.starter.certificates import KeyKind, make_certificate, save

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@contextmanager
def registry(folder: Path, port: int) -> Iterator[dict[str, str]]:
    """What a program has to have in its environment to find the registry at its name.

    Args:
        folder: where the certificate goes.
        port: of the local AWS, which answers at the end.
    """
    certificate, key = save(make_certificate((HOST,), kind=KeyKind.EC, days=1), folder / "registry")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"CONNECT {HOST}:443 ".encode()), head
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()
        await writer.start_tls(context)
        answers, questions = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, questions), _copy(answers, writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connect, "127.0.0.1", 0), loop).result()
    try:
        address = server.sockets[0].getsockname()
        yield {
            "HTTPS_PROXY": f"http://127.0.0.1:{address[1]}",
            "SSL_CERT_FILE": str(certificate),
            "SSL_CERT_DIR": str(folder),
        }
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()
