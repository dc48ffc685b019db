"""How much work a JSON text makes for whoever parses it, counted as it comes and without parsing it."""

from __future__ import annotations

import re

NUMBERS_PER_ELEMENT = 5
"""Numbers in a list that count as one element: LiteLLM spends about a fifth of the time of a text on each."""

_BLOCK_BYTES = 16 * 1024
"""What is counted before the limits are checked again, so that no text holds up the event loop for long."""

_NUMBER_IN_LIST = re.compile(rb",[-0-9]")
_NO_STRUCTURE = bytes(set(range(256)) - set(b"[]{}:,-0123456789"))
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = frozenset(b"[{")
_WHITESPACE = b" \t\r\n"
_CONTAINERS = (b"{", b"[")


class JsonMeter:
    """Counts the elements of a JSON text (RFC 8259) and finds how deep they are nested.

    An element is a value, or the name and value of a member; a string counts once, however long. The count is at least
    what a parser finds before it is at the end or at a fault of the text. Time is linear in the bytes, at the speed of
    `bytes.split`, and memory is that of a block. A text that is neither an object nor a list has no elements.

    Args:
        most_elements: counting stops above it.
        most_depth: counting stops above it.

    Attributes:
        depth: deepest nesting so far.
    """

    def __init__(self, *, most_elements: int, most_depth: int) -> None:
        self.depth = 0
        self._most_elements = most_elements
        self._most_depth = most_depth
        self._values = 0
        self._numbers = 0
        self._open = 0
        self._counts: bool | None = None
        self._in_string = False
        self._held = b""

    @property
    def elements(self) -> int:
        """Elements so far."""
        return self._values + self._numbers // NUMBERS_PER_ELEMENT

    def feed(self, part: bytes) -> None:
        """Take the next part of the text, of any length."""
        for start in range(0, len(part), _BLOCK_BYTES):
            if self._counts is False:
                return
            self._feed(part[start : start + _BLOCK_BYTES])

    def _feed(self, block: bytes) -> None:
        if self._counts is None:
            block = block.lstrip(_WHITESPACE)
            if not block:
                return
            self._counts = block.startswith(_CONTAINERS)
            if not self._counts:
                return
        structure = self._outside_strings(block).translate(None, _NO_STRUCTURE)
        numbers = len(_NUMBER_IN_LIST.findall(structure))
        self._numbers += numbers
        self._values += structure.count(b",") - numbers + structure.count(b"[") + structure.count(b"{")
        for bracket in structure.translate(None, _NO_BRACKETS):
            self._open += 1 if bracket in _OPENING else -1
            if self._open <= 0:
                # The text has ended, or is not valid: a parser reads no further.
                self._counts = False
                return
            self.depth = max(self.depth, self._open)
        if self.elements > self._most_elements or self.depth > self._most_depth:
            self._counts = False

    def _outside_strings(self, block: bytes) -> bytes:
        """What of a block is not within quotes."""
        block = self._held + block
        # A backslash whose other half is in the next block waits for it.
        is_cut = (len(block) - len(block.rstrip(b"\\"))) % 2
        self._held, block = (b"\\", block[:-1]) if is_cut else (b"", block)
        if b"\\" in block:
            # Pairs from the left, as a parser reads them, so that a quote is escaped if one is left before it.
            block = block.replace(b"\\\\", b"").replace(b'\\"', b"")
        parts = block.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        return outside
