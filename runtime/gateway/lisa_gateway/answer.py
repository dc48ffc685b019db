"""An answer of LiteLLM or of a model's server, as its parts come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp.http import HttpProcessingError

from lisa_gateway.connection_headers import HOP_BY_HOP, named_by_connection
from lisa_gateway.errors import UpstreamInterruptedError, UpstreamStalledError, UpstreamUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

Headers = list[tuple[bytes, bytes]]

# What the container's configuration and accounts are like, which is not for callers.
_NOT_SHOWN = HOP_BY_HOP | {
    b"llm_provider-openai-organization",
    b"llm_provider-openai-project",
    b"llm_provider-set-cookie",
    b"set-cookie",
    b"x-litellm-model-api-base",
}
_MAX_HEAD_BYTES = 64 * 1024
_FINAL_STATUS = range(200, 600)
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
# RFC 9110, section 5: what a server may send as names and values; aiohttp is lenient about answers.
_NOT_IN_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9a-z]")
_NOT_IN_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Parts(Protocol):
    """What gives a body in parts."""

    async def next_part(self) -> bytes:
        """See `Answer`."""


class Answer:
    """An answer whose head has come. Close it, whatever comes of it.

    Args:
        status: its status.
        headers: its headers, with names in lower case.
        reader: what its body comes from.
        end: ends the exchange.
        begun: called once, when the first part of the body has come.

    Attributes:
        status: its status.
        headers: its headers, with names in lower case.
    """

    __slots__ = ("_begun", "_end", "_reader", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: Headers,
        reader: aiohttp.StreamReader,
        end: Callable[[], None],
        *,
        begun: Callable[[], None] | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self._reader = reader
        self._end: Callable[[], None] | None = end
        self._begun = begun

    async def next_part(self) -> bytes:
        """What has come of the body since the last call, at least a byte; nothing at its end.

        Raises:
            UpstreamStalledError: LiteLLM is silent for longer than the limit.
            UpstreamInterruptedError: LiteLLM broke the answer off.
        """
        try:
            part = await self._reader.readany()
        except aiohttp.SocketTimeoutError as error:
            raise UpstreamStalledError from error
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            raise UpstreamInterruptedError from error
        if self._begun is not None:
            begun, self._begun = self._begun, None
            begun()
        return part

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left to come and to be taken."""
        return self._reader.at_eof()

    @property
    def is_valid(self) -> bool:
        """Whether the gateway's own server can send the status and the headers on; one search costs less than many."""
        names = [name for name, _ in self.headers]
        values = b" ".join([value for _, value in self.headers])
        joined = b"+".join(names)
        return (
            self.status in _FINAL_STATUS
            and len(joined) + len(values) <= _MAX_HEAD_BYTES
            and b"" not in names
            and not _NOT_IN_NAME.search(joined)
            and not _NOT_IN_VALUE.search(values)
            and sum([name in _FRAMING for name in names]) <= 1
        )

    def on_close(self, call: Callable[[], None]) -> None:
        """Call `call` too when the exchange ends."""
        before = self._end

        def end() -> None:
            if before is not None:
                before()
            call()

        self._end = end

    def close(self) -> None:
        """End the exchange; before the answer's end it breaks the connection, which the server notices."""
        end, self._end = self._end, None
        if end is not None:
            end()


def answer_headers(answer: Answer) -> Headers:
    """The headers of an answer as the caller gets them.

    Those of the connection to LiteLLM are left out, and those that show where a model is and whose account is used.
    """
    named = named_by_connection(answer.headers)
    return [header for header in answer.headers if header[0] not in _NOT_SHOWN and header[0] not in named]


async def whole(answer: Parts) -> bytes:
    """The body of an answer.

    Raises:
        UpstreamUnavailableError: LiteLLM broke it off.
    """
    parts = []
    try:
        while part := await answer.next_part():
            parts.append(part)
    except UpstreamInterruptedError as error:
        raise UpstreamUnavailableError("The model proxy interrupted its response.") from error
    return b"".join(parts)
