"""Plain text: UTF-8, with or without a byte order mark."""

from __future__ import annotations

import codecs
from typing import BinaryIO, Iterator

from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.repository.documents.section import Section

_BLOCK_BYTES = 256 * 1024


def read_text(file: BinaryIO) -> Iterator[Section]:
    """Read a text in sections of a quarter of a megabyte that end with a line, so that memory is bounded.

    Raises:
        BadRequestError: it is not UTF-8, or has NUL characters, as no text does.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    carried = ""
    while block := file.read(_BLOCK_BYTES):
        text = carried + _decode(decoder, block)
        end = text.rfind("\n") + 1 or len(text)
        yield Section(text[:end])
        carried = text[end:]
    yield Section(carried + _decode(decoder, b"", final=True))


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> str:
    try:
        text = decoder.decode(block, final)
    except UnicodeDecodeError:
        raise BadRequestError("The document is not UTF-8 text: save it as UTF-8 and upload it again.") from None
    if "\0" in text:
        raise BadRequestError("The document is not text: it contains NUL characters. Save it as UTF-8 text.")
    return text
