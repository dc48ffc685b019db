"""Where the members of a JSON object are in its text, so that one can be changed without writing the rest again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

# A string as one token, and each character that gives structure (RFC 8259, section 2).
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)
_OPENING = frozenset((b"{", b"["))
_CLOSING = frozenset((b"}", b"]"))
_AFTER_VALUE = frozenset((b",", b"}"))
_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the outermost object.

    Attributes:
        name: its name, decoded.
        begin: position of the first byte of its value.
        end: position behind its value.
    """

    name: str
    begin: int
    end: int


def members(text: bytes) -> Iterator[Member]:
    """The members of the object that a text holds, in their order, with those that have the same name.

    Args:
        text: valid JSON (a parser has read it) whose outermost value is an object.
    """
    name, begin, depth = b"", 0, 0
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found in _OPENING:
            depth += 1
        elif depth == 1 and not begin:
            if not found.startswith(b'"'):
                continue  # The end of an empty object.
            name = found
            colon = text.index(b":", token.end())
            begin = colon + 1
        elif depth == 1 and found in _AFTER_VALUE:
            yield _member(text, name, begin, token.start())
            begin = 0
            depth -= found == b"}"
        elif found in _CLOSING:
            depth -= 1


def replaced(text: bytes, member: Member, value: bytes) -> bytes:
    """The text with another value of a member."""
    return b"".join((text[: member.begin], value, text[member.end :]))


def with_member(text: bytes, name: str, value: bytes) -> bytes:
    """The text of an object that is not empty, with one more member at its end."""
    end = text.rindex(b"}")
    return b"".join((text[:end], b",", orjson.dumps(name), b":", value, text[end:]))


def _member(text: bytes, name: bytes, begin: int, end: int) -> Member:
    value = text[begin:end]
    begin += len(value) - len(value.lstrip(_SPACE))
    end -= len(value) - len(value.rstrip(_SPACE))
    decoded: str = orjson.loads(name)
    return Member(decoded, begin, end)
