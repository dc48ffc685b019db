"""PDF documents, page by page."""

from __future__ import annotations

from typing import BinaryIO, Iterator

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from lisa_lambdas.errors import BadRequestError, TooLargeError
from lisa_lambdas.repository.documents.section import Section, printable

_HEADER_BYTES = 1024
"""Where a reader looks for the header (ISO 32000-1, annex H, implementation note 13)."""
_PAGES = 5000
# What pypdf lets escape from damaged files besides its own errors.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


def read_pdf(file: BinaryIO) -> Iterator[Section]:
    """Read the text of a PDF; a page without text, such as a scan, is left out.

    Raises:
        BadRequestError: it is not a PDF, is damaged or encrypted.
        TooLargeError: it has more than 5000 pages.
    """
    if b"%PDF-" not in file.read(_HEADER_BYTES):
        raise BadRequestError("The document is not a PDF. Save it as a PDF, or rename it.")
    file.seek(0)
    try:
        reader = PdfReader(file)
        encrypted = reader.is_encrypted
        count = 0 if encrypted else len(reader.pages)
    except _DAMAGE:
        raise BadRequestError("The PDF is damaged: its pages cannot be found. Save it again.") from None
    if encrypted:
        raise BadRequestError("The PDF is encrypted: remove its password and upload it again.")
    if count > _PAGES:
        raise TooLargeError(f"The PDF has {count} pages; the maximum is {_PAGES}. Split it.")
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
        except _DAMAGE:
            raise BadRequestError(f"The PDF is damaged: page {number + 1} cannot be read.") from None
        # The reader keeps what it has resolved; a page that is done is not needed again.
        reader.resolved_objects.clear()
        yield Section(printable(text), page=number + 1)
