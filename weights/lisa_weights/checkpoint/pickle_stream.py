"""The bytes of a pickle, read within bounds of length and memory."""

from __future__ import annotations

import struct
from typing import BinaryIO

from lisa_weights.errors import WeightsError

MAX_BYTES = 6 << 20
"""Of a pickle, without the tensors' data."""

MAX_NAME = 512
"""Bytes of a name, or of a line with a number."""

_MAX_MEMORY = 36 << 20


class PickleStream:
    """A pickle that is being read.

    Attributes:
        what: the file, for messages.
    """

    def __init__(self, stream: BinaryIO, what: str) -> None:
        self.what = what
        self._stream = stream
        self._left = MAX_BYTES
        self._memory = _MAX_MEMORY

    def malformed(self, why: str) -> WeightsError:
        """The error for a pickle that cannot be read."""
        return WeightsError(f"{self.what} is not a readable checkpoint: {why}. Download or save the file again.")

    def charge(self, cost: int) -> None:
        """Count bytes of memory.

        Raises:
            WeightsError: the pickle needs more than any checkpoint's.
        """
        self._memory -= cost
        if self._memory < 0:
            raise self.malformed(f"its structure requires more than {_MAX_MEMORY >> 20} MiB")

    def read(self, count: int) -> bytes:
        """Read exactly so many bytes.

        Raises:
            WeightsError: the pickle is truncated, or longer than any checkpoint's.
        """
        if count > self._left:
            raise self.malformed(f"its structure is longer than {MAX_BYTES >> 20} MiB")
        data = self._stream.read(count)
        if len(data) != count:
            raise self.malformed("it is truncated")
        self._left -= count
        return data

    def number(self, form: str) -> int:
        """Read a little-endian number, in a form of the module struct."""
        value: int = struct.unpack("<" + form, self.read(struct.calcsize(form)))[0]
        return value

    def sized(self, form: str) -> bytes:
        """Read bytes after their count, which has a form of the module struct."""
        count = self.number(form)
        if count > self._left:
            raise self.malformed("it has a string that is longer than the file")
        self.charge(64 + 4 * count)
        return self.read(count)

    def line(self, limit: int = MAX_NAME) -> bytes:
        """Read a line, without its end."""
        line = self._stream.readline(min(limit, self._left))
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise self.malformed("it has a name or a text without an end")
        return line[:-1]

    def name(self) -> str:
        """Read a line of UTF-8."""
        return self.text(self.line())

    def text(self, data: bytes) -> str:
        """Decode UTF-8."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.malformed("it has text that is not UTF-8") from error
