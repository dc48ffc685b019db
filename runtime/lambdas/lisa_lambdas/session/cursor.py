"""Where a list goes on. A cursor names no user, so that another caller's leads into one's own sessions only."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from lisa_lambdas.errors import BadRequestError

SESSION_ID = r"[A-Za-z0-9_-]{1,64}"
"""What a session's id may be; UUIDs are among it."""

_PLAIN = re.compile(rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z) ({SESSION_ID})", re.ASCII)


@dataclass(frozen=True)
class Cursor:
    """The last session of a page."""

    updated_at: str
    session_id: str

    def encode(self) -> str:
        """The cursor for a client to send back."""
        return base64.urlsafe_b64encode(f"{self.updated_at} {self.session_id}".encode()).decode().rstrip("=")


def decode_cursor(text: str) -> Cursor:
    """Read what a client sent back.

    Raises:
        BadRequestError: no list of sessions gave such a cursor.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        plain = ""
    found = _PLAIN.fullmatch(plain)
    if found is None:
        raise BadRequestError("Invalid cursor. Use the nextCursor of a previous response.")
    return Cursor(updated_at=found.group(1), session_id=found.group(2))
