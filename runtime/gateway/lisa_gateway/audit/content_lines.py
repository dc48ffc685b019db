"""Recorded content as lines of JSON, each encrypted and authenticated by itself; `lisa audit read` has the other side.

A record is a sequence of lines with the same `record`, numbered from 0:

    begin      who asked for what, in clear, as the audit log has it
    request    a part of the request's body
    response   a part of the response's body, as the model sent it
    end        how it ended, and how many bytes there were

`content` is encrypted with AES-256-GCM under a data key of KMS, which is in the line as KMS encrypted it (`dataKey`),
with a random nonce of 96 bits. All other members of the line but the nonce are authenticated with it, so that no line
can be changed, moved to another record, group or deployment, or renumbered.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lisa_gateway.audit.data_keys import DataKey

VERSION: Final = 1
_NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 8.2: with random nonces, a key encrypts at most 2^32 texts.


class Kind(StrEnum):
    """What a line holds."""

    BEGIN = "begin"
    REQUEST = "request"
    RESPONSE = "response"
    END = "end"


def sealed_line(key: DataKey, members: Mapping[str, Any], content: bytes | bytearray = b"") -> bytes:
    """A line with encrypted content.

    Args:
        key: the data key.
        members: what is authenticated and readable: the record, its number, kind and time, and what is known of it.
        content: what is encrypted.
    """
    shown = {"v": VERSION, "deployment": key.deployment, "group": key.group, "dataKey": key.wrapped, **members}
    nonce = os.urandom(_NONCE_BYTES)
    encrypted = key.cipher.encrypt(nonce, bytes(content), authenticated(shown))
    line = {**shown, "nonce": _text(nonce), "content": _text(encrypted)}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def authenticated(shown: Mapping[str, Any]) -> bytes:
    """The bytes that are authenticated: the readable members in one order and form."""
    return json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
