"""Versions of a session, and which write may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

FIRST_VERSION = 1
"""Version of a session that is new."""


@dataclass(frozen=True)
class Writer:
    """Who wrote a version, so that a later write replaces an earlier one whose answer the writer has not seen.

    Attributes:
        id: of a page of the application, chosen at random.
        sequence: counts the page's writes.
    """

    id: str
    sequence: int


@dataclass(frozen=True)
class Revision:
    """A version of a session and where it comes from.

    Attributes:
        version: grows with each write, from 1 on.
        base: the version that the writer had seen; 0 for a new session.
        writer: who wrote it; None when the request did not say.
    """

    version: int
    base: int
    writer: Optional[Writer]

    def admits(self, base: int, writer: Optional[Writer]) -> bool:
        """Whether a write that is based on a version may replace this one.

        It may when it has seen this version, or when its writer wrote this version itself, from the same base and
        earlier: a page that is closed cannot wait for the answer to its last request.
        """
        if base == self.version:
            return True
        if writer is None or self.writer is None:
            return False
        return base == self.base and writer.id == self.writer.id and writer.sequence > self.writer.sequence
