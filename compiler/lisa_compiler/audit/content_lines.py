"""Lines of recorded content, as lisa_gateway.audit.content_lines writes them; tests/gateway compares both.

What is deployed imports nothing of the compiler, and the compiler nothing that is deployed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 1
BEGIN: Final = "begin"
REQUEST: Final = "request"
RESPONSE: Final = "response"
END: Final = "end"
_SECRET: Final = frozenset({"nonce", "content"})
_TEXTS: Final = ("deployment", "group", "dataKey", "record", "kind", "time", "nonce", "content")


class ChangedLineError(Exception):
    """A line is not as the gateway wrote it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, encrypted.

    Attributes:
        members: all of it.
    """

    members: Mapping[str, Any]

    @property
    def record(self) -> str:
        """The record that it belongs to."""
        return str(self.members["record"])

    @property
    def number(self) -> int:
        """Its place in the record, from 0."""
        return int(self.members["n"])

    @property
    def kind(self) -> str:
        """What it holds."""
        return str(self.members["kind"])

    @property
    def wrapped_key(self) -> bytes:
        """The data key as KMS encrypted it.

        Raises:
            ChangedLineError: it is not base64.
        """
        return _bytes(self.members["dataKey"])

    @property
    def encryption_context(self) -> dict[str, str]:
        """What KMS requires to decrypt the data key."""
        return {"lisa-deployment": self.members["deployment"], "lisa-group": self.members["group"]}

    def about(self) -> Mapping[str, Any]:
        """What is known of the record, of its first and last line."""
        found = self.members.get("about")
        return found if isinstance(found, Mapping) else {}

    def content(self, key: bytes) -> bytes:
        """What it holds, decrypted; the other members are as they were written then.

        Args:
            key: the data key in clear.

        Raises:
            ChangedLineError: a member was changed.
        """
        shown = {name: value for name, value in self.members.items() if name not in _SECRET}
        authenticated = json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()
        try:
            return AESGCM(key).decrypt(_bytes(self.members["nonce"]), _bytes(self.members["content"]), authenticated)
        except (InvalidTag, ValueError) as error:
            raise ChangedLineError from error


def read_line(text: bytes) -> Line | None:
    """A line; None for one that is not complete, which a worker leaves that is killed while it writes."""
    try:
        members = json.loads(text)
    except ValueError:
        return None
    if not isinstance(members, dict) or members.get("v") != VERSION or not isinstance(members.get("n"), int):
        return None
    return Line(members) if all(isinstance(members.get(name), str) for name in _TEXTS) else None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ChangedLineError from error
