"""DOCX documents: paragraphs and tables in their order."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from typing import BinaryIO, Iterator, List

from docx import Document
from docx.document import Document as DocumentObject
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.table import Table
from lxml.etree import ErrorTypes, LxmlError, XMLSyntaxError  # type: ignore[import-untyped]

from lisa_lambdas.errors import BadRequestError, TooLargeError
from lisa_lambdas.repository.documents.section import Section, printable

_MAIN_PART = "word/document.xml"
_ENTRIES = 10_000
_XML_BYTES = 32 * 1024 * 1024
_ALL_BYTES = 128 * 1024 * 1024
_COLUMNS = 1000
"""Columns that a cell may span: many more than the 63 of a table in Word (Microsoft Support, "Word specifications")."""
_BLOCK_BYTES = 64 * 1024
_BLOCK_CHARACTERS = 64 * 1024
# What python-docx lets escape from damaged files besides its own errors.
_DAMAGE = (
    PackageNotFoundError,
    LxmlError,
    zipfile.BadZipFile,
    zlib.error,
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
    with tempfile.TemporaryFile() as unpacked:
        _unpack(file, unpacked)
        lines = []
        length = 0
        for line in _lines(unpacked):
            lines.append(line)
            length += len(line)
            if length >= _BLOCK_CHARACTERS:
                yield Section(printable("\n\n".join(lines)))
                lines, length = [], 0
        yield Section(printable("\n\n".join(lines)))


def _unpack(file: BinaryIO, target: BinaryIO) -> None:
    """Copy an archive into one that is not compressed, where no entry can be more than is said of it.

    An entry may be larger than the archive says. Reading it whole, as python-docx does, would unpack all of it before
    the excess is cut off; reading it in blocks does not.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise BadRequestError(
            "The document is not a DOCX file, or it is encrypted. Upload an unencrypted DOCX file."
        ) from None
    with archive, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        entries = {entry.filename: entry for entry in archive.infolist()}
        _must_be_bounded(list(entries.values()))
        try:
            for name, entry in entries.items():
                with archive.open(entry) as packed, copy.open(name, "w") as plain:
                    shutil.copyfileobj(packed, plain, _BLOCK_BYTES)
        except _DAMAGE:
            raise BadRequestError("The DOCX file is damaged or encrypted. Save it again without a password.") from None
    target.seek(0)


def _must_be_bounded(entries: List[zipfile.ZipInfo]) -> None:
    if _MAIN_PART not in {entry.filename for entry in entries}:
        raise BadRequestError(
            "The document is not a DOCX file: its text is missing. Save it again with a word processor."
        )
    xml = max(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    if len(entries) > _ENTRIES or xml > _XML_BYTES or sum(entry.file_size for entry in entries) > _ALL_BYTES:
        raise TooLargeError("The unpacked DOCX file is too large: split it, or save it as a PDF.")


def _lines(file: BinaryIO) -> Iterator[str]:
    try:
        document = Document(file)
        _must_span_few_columns(document)
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                yield from ("\t".join(cell.text for cell in row.cells) for row in block.rows)
            else:
                yield block.text
    except _DAMAGE as error:
        if isinstance(error, XMLSyntaxError) and error.code == ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise BadRequestError("The DOCX is damaged.") from None


def _must_span_few_columns(document: DocumentObject) -> None:
    """python-docx repeats a cell for each column that it spans, whatever number the file has there."""
    name = qn("w:val")
    for span in document.element.body.iter(qn("w:gridSpan")):
        value = span.get(name, "1")
        if not value.isdecimal() or len(value) > len(str(_COLUMNS)) or int(value) > _COLUMNS:
            raise BadRequestError(
                f"The DOCX is damaged: a table cell spans {value[:20]} columns; {_COLUMNS} is the maximum. Save it "
                "again with a word processor."
            )
