"""The form of LISA's API tokens, as runtime/oidc/lisa_tokens/form.py has it; tests/tokens/test_form.py compares them.

What is deployed imports nothing of the compiler, and the compiler nothing that is deployed.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib

PREFIX = "lisa_"
"""Beginning of every token."""

STORED_PREFIX = "sha256:"
"""Beginning of the table's key of a token whose digest is stored."""

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


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
