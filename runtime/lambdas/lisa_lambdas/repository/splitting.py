"""Cuts a text into overlapping chunks at the coarsest boundary that fits: paragraph, line, word, character."""

from __future__ import annotations

from collections import deque
from typing import Deque, Iterable, Iterator, List, Sequence

_SEPARATORS = ("\n\n", "\n", " ")


def split_text(text: str, size: int, overlap: int) -> Iterator[str]:
    """Cut a text into chunks without white space at their ends; a text of white space has none.

    The chunks of one section may be a thousand times as long as the section, when the overlap is large: they are made
    one at a time.

    Args:
        text: what to cut.
        size: characters in a chunk at most.
        overlap: characters that a chunk repeats of the one before at most; whole words, lines or paragraphs, but for
            a word that is longer than a chunk.

    Raises:
        ValueError: the size is not positive, or the overlap is not below it.
    """
    if not 0 <= overlap < size:
        raise ValueError("The chunk size must be positive, and the overlap must be less than the size.")
    stripped = (chunk.strip() for chunk in _split(text, size, overlap, _SEPARATORS))
    return (chunk for chunk in stripped if chunk)


def _split(text: str, size: int, overlap: int, separators: Sequence[str]) -> Iterator[str]:
    """Cut at the first separator; what is still too long is cut at those that follow."""
    if not separators:
        step = size - overlap
        yield from (text[start : start + size] for start in range(0, max(len(text) - overlap, 1), step))
        return
    fitting: List[str] = []
    for part in _parts(text, separators[0]):
        if _width(part) <= size:
            fitting.append(part)
            continue
        yield from _join(fitting, size, overlap)
        fitting = []
        yield from _split(part, size, overlap, separators[1:])
    yield from _join(fitting, size, overlap)


def _parts(text: str, separator: str) -> Iterator[str]:
    """The parts of a text, each with the separator that ends it: together they are the text."""
    start = 0
    while (end := text.find(separator, start)) >= 0:
        yield text[start : end + len(separator)]
        start = end + len(separator)
    if start < len(text):
        yield text[start:]


def _width(part: str) -> int:
    """Characters that a part needs at the end of a chunk, which loses its white space."""
    return len(part.rstrip())


def _join(parts: Iterable[str], size: int, overlap: int) -> Iterator[str]:
    """Join neighbouring parts into chunks as long as they may be; each begins with the last parts of the one before."""
    window: Deque[str] = deque()
    length = 0
    for part in parts:
        if window and length + _width(part) > size:
            yield "".join(window)
            while window and (length > overlap or length + _width(part) > size):
                length -= len(window.popleft())
        window.append(part)
        length += len(part)
    if window:
        yield "".join(window)
