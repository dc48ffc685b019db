"""Text as messages show it: what cannot be seen is written as an escape."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return a text with an escape for every character that is not printable, spaces at both ends included."""
    inner = text.strip(" ")
    if not inner:
        return "".join(_escape(character) for character in text)
    start, end = text.index(inner), len(text) - text.index(inner) - len(inner)
    shown = "".join(character if character.isprintable() else _escape(character) for character in inner)
    return f"{_escape(' ') * start}{shown}{_escape(' ') * end}"


def character_name(character: str) -> str:
    """Name a character for a message: `U+00A0 (no-break space)`."""
    name = unicodedata.name(character, "control character").lower()
    return f"U+{ord(character):04X} ({name})"


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < _SUPPLEMENTARY else f"\\U{ord(character):08x}"


_SUPPLEMENTARY = 0x10000
