"""A part of a document that is split by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Section:
    """Text that chunks do not reach out of.

    Attributes:
        text: what it says.
        page: number of the page, from 1; None for a document without pages.
    """

    text: str
    page: Optional[int] = None


def printable(text: str) -> str:
    """A text that every store takes: without NUL, and without halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
