"""Chat sessions as they are kept and shown."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List

import pydantic_core

from lisa_lambdas.errors import TooLargeError
from lisa_lambdas.proxy import ANSWER_LIMIT, answer_bytes

PACKED_LIMIT = 390 * 1024
"""Bytes of a session's packed messages at most: an item of DynamoDB holds 400 KB, and 10 are for what else is in it."""

MESSAGES_LIMIT = ANSWER_LIMIT - 64 * 1024
"""Bytes of a session's messages in an answer at most, so that each session that is kept can be read."""

_TITLE_CHARACTERS = 100


@dataclass(frozen=True)
class Summary:
    """A session in a list.

    Attributes:
        session_id: its id, unique among the caller's.
        start_time: when it was first kept, in ISO 8601 and UTC.
        updated_at: when it was last kept, likewise.
        title: the beginning of its first message; empty when that is no text.
    """

    session_id: str
    start_time: str
    updated_at: str
    title: str

    def as_json(self) -> Dict[str, Any]:
        """The summary as the API shows it."""
        return {
            "sessionId": self.session_id,
            "startTime": self.start_time,
            "updatedAt": self.updated_at,
            "title": self.title,
        }


def timestamp(moment: datetime) -> str:
    """A moment in UTC to the microsecond, in a form whose order as a text is that of time."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def title_of(messages: List[Dict[str, Any]]) -> str:
    """The beginning of the first message that has a text, on one line."""
    texts = (message.get("content") for message in messages)
    first = next((text for text in texts if isinstance(text, str) and text.strip()), "")
    return " ".join(first[: 4 * _TITLE_CHARACTERS].split())[:_TITLE_CHARACTERS]


def pack(messages: List[Dict[str, Any]]) -> bytes:
    """Messages as compressed JSON.

    Raises:
        TooLargeError: they do not fit into an answer, or compressed into an item.
    """
    plain = pydantic_core.to_json(messages)
    size = answer_bytes(plain.decode())
    if size > MESSAGES_LIMIT:
        raise TooLargeError(f"The session is too long to save: {size} bytes, of {MESSAGES_LIMIT}. Start a new session.")
    packed = zlib.compress(plain, level=6)
    if len(packed) > PACKED_LIMIT:
        raise TooLargeError(
            f"The session is too long to save: {len(packed)} bytes when compressed, of {PACKED_LIMIT}. "
            "Begin a new session."
        )
    return packed


def unpack(packed: bytes) -> List[Dict[str, Any]]:
    """The messages that were packed."""
    found: List[Dict[str, Any]] = pydantic_core.from_json(zlib.decompress(packed))
    return found
