"""Writes of one turn of the event loop, sent together."""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1."


class GatheringTransport(asyncio.Transport):
    """Wraps a transport: the head of an answer and what is there of its body cost one system call instead of two.

    A head, and what is written behind it, is sent when the event loop comes around, or when the transport closes; parts
    of a body that come later are sent at once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `asyncio.WriteTransport`."""
        if self._parts:
            self._parts.append(data)
        elif data[: len(_HEAD)] == _HEAD:
            self._loop.call_soon(self._flush)
            self._parts.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport`."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """See `asyncio.BaseTransport`."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """See `asyncio.WriteTransport`."""
        self._parts.clear()
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """See `asyncio.WriteTransport`."""
        return self._transport.get_write_buffer_size() + sum(map(len, self._parts))

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport`."""
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        parts = self._parts
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
        parts.clear()
