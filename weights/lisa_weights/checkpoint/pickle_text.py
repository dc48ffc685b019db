"""The arguments that protocols 0 and 1 of pickle, and Python 2, write as text.

Source: the argument descriptors of the standard library's pickletools (decimalnl_short, stringnl, unicodestringnl).
"""

from __future__ import annotations

import codecs
import re

_INTEGER = re.compile(rb"[+-]?[0-9]{1,38}")
_INDEX = re.compile(rb"[0-9]{1,9}")
_QUOTES = (b"'", b'"')


def integer(line: bytes) -> int | bool:
    """An integer of at most 38 digits, or a truth value (`00`, `01`).

    Raises:
        ValueError: it is neither.
    """
    if line in (b"00", b"01"):
        return line == b"01"
    digits = line.removesuffix(b"L")
    if not _INTEGER.fullmatch(digits):
        raise ValueError("not an integer")
    return int(digits)


def index(line: bytes) -> int:
    """The number of a remembered value.

    Raises:
        ValueError: it is none.
    """
    if not _INDEX.fullmatch(line):
        raise ValueError("not an index")
    return int(line)


def number(line: bytes) -> float:
    """A floating-point number.

    Raises:
        ValueError: it is none.
    """
    return float(line)


def string(line: bytes) -> str | bytes:
    """A quoted string of Python 2, with its escapes.

    Raises:
        ValueError: it has no quotes, or an invalid escape.
    """
    if len(line) < 2 or line[:1] not in _QUOTES or line[-1:] != line[:1]:
        raise ValueError("no quotes")
    content, _ = codecs.escape_decode(line[1:-1])
    return text_or_bytes(bytes(content, "latin-1") if isinstance(content, str) else content)


def text(line: bytes) -> str:
    """A text, with escapes for what is not in Latin-1.

    Raises:
        ValueError: an escape is invalid.
    """
    return line.decode("raw-unicode-escape")


def text_or_bytes(content: bytes) -> str | bytes:
    """A string of Python 2, which may be text or any bytes."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content
