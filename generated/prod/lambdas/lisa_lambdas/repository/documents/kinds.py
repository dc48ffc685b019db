"""Which documents can be read, and by what: the end of the name says, and the content must agree."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO, Iterator

from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.repository.documents.section import Section

_TEXT = (".csv", ".md", ".txt")
_SUFFIXES = (*_TEXT, ".docx", ".pdf")


def must_be_readable(name: str) -> str:
    """The end of a document's name, in lower case.

    Raises:
        BadRequestError: documents of this kind are not read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in _SUFFIXES:
        raise BadRequestError(f"The name of a document must end with one of {', '.join(_SUFFIXES)}.")
    return suffix


def read_sections(name: str, file: BinaryIO) -> Iterator[Section]:
    """Read a document piece by piece; an error may come after some pieces.

    Args:
        name: its name, whose end says what it is.
        file: its content, at its beginning; it must be seekable.

    Raises:
        BadRequestError: it is not what its name says, is damaged or encrypted, or needs more than it may.
    """
    suffix = must_be_readable(name)
    # A search needs no parser, and a function starts quicker without.
    if suffix == ".pdf":
        from lisa_lambdas.repository.documents.pdf import read_pdf

        return read_pdf(file)
    if suffix == ".docx":
        from lisa_lambdas.repository.documents.docx import read_docx

        return read_docx(file)
    from lisa_lambdas.repository.documents.text import read_text

    return read_text(file)
