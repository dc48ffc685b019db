"""The form of LISA's API tokens, and what is stored of them.

A token is `lisa_`, 32 random bytes in base 62 (43 characters), and the CRC-32 of both in base 62 (6 characters), as
GitHub's tokens are (GitHub Blog, "Behind GitHub's new authentication token formats"): secret scanners recognize it, and
a typing error is found without a look-up. The table has only its SHA-256, which is enough for 256 random bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib

PREFIX = "lisa_"
"""Beginning of every token."""

STORED_PREFIX = "sha256:"
"""Beginning of the table's key of a token whose digest is stored; no caller's token begins with it."""

SCOPES = (
    "audio",
    "chat",
    "completions",
    "embeddings",
    "images",
    "messages",
    "models",
    "moderations",
    "rerank",
    "responses",
)
"""Families of operations, which a token may be limited to."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 32
_RANDOM_LENGTH = 43
_CHECKSUM_LENGTH = 6
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")


def new_token() -> str:
    """Make a token."""
    beginning = PREFIX + _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES), "big"), _RANDOM_LENGTH)
    return beginning + _checksum(beginning)


def new_token_id() -> str:
    """Make the id of a token: 12 hexadecimal digits, which may be logged."""
    return secrets.token_hex(6)


def stored_key(token: str) -> str:
    """The table's key of a token: `sha256:` and its digest in 64 hexadecimal digits."""
    return STORED_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def has_token_form(text: str) -> bool:
    """Whether a text has the length and the characters of a token; its checksum may be wrong."""
    return _FORM.fullmatch(text) is not None


def has_valid_checksum(token: str) -> bool:
    """Whether the checksum of what has the form of a token is right."""
    return token[-_CHECKSUM_LENGTH:] == _checksum(token[:-_CHECKSUM_LENGTH])


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
