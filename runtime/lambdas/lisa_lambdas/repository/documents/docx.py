"""DOCX documents: paragraphs and tables in their order."""

from __future__ import annotations

import zipfile
from typing import BinaryIO, Iterator

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from lxml.etree import LxmlError  # type: ignore[import-untyped]

from lisa_lambdas.errors import BadRequestError, TooLargeError
from lisa_lambdas.repository.documents.section import Section, printable

_MAIN_PART = "word/document.xml"
_ENTRIES = 10_000
_XML_BYTES = 32 * 1024 * 1024
_ALL_BYTES = 128 * 1024 * 1024
_BLOCK_CHARACTERS = 64 * 1024
# What python-docx lets escape from damaged files besides its own errors.
_DAMAGE = (
    PackageNotFoundError,
    LxmlError,
    zipfile.BadZipFile,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def read_docx(file: BinaryIO) -> Iterator[Section]:
    """Read the paragraphs and table rows of a DOCX, in sections of some pages; headers and comments are left out.

    Raises:
        BadRequestError: it is not a DOCX, or is damaged or encrypted.
        TooLargeError: unpacked, it would be too large.
    """
    _must_be_bounded(file)
    file.seek(0)
    lines = []
    length = 0
    for line in _lines(file):
        lines.append(line)
        length += len(line)
        if length >= _BLOCK_CHARACTERS:
            yield Section(printable("\n\n".join(lines)))
            lines, length = [], 0
    yield Section(printable("\n\n".join(lines)))


def _must_be_bounded(file: BinaryIO) -> None:
    """Refuse a zip bomb by the sizes that the archive states; zipfile reads no entry further than it states."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise BadRequestError("The document is not a DOCX, as its name says, or it is encrypted.") from None
    if _MAIN_PART not in {entry.filename for entry in entries}:
        raise BadRequestError("The document is not a DOCX: it has no text part.")
    xml = max(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    if len(entries) > _ENTRIES or xml > _XML_BYTES or sum(entry.file_size for entry in entries) > _ALL_BYTES:
        raise TooLargeError("The DOCX is too large when it is unpacked: split it, or save it as a PDF.")


def _lines(file: BinaryIO) -> Iterator[str]:
    try:
        for block in Document(file).iter_inner_content():
            if isinstance(block, Table):
                yield from ("\t".join(cell.text for cell in row.cells) for row in block.rows)
            else:
                yield block.text
    except _DAMAGE:
        raise BadRequestError("The DOCX is damaged.") from None
