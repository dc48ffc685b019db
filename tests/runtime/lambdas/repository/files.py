"""Documents as people upload them, good and bad."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence

import docx
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter


def pdf(*pages: str) -> bytes:
    """A PDF with a page for each text."""
    made = FPDF()
    made.set_font("helvetica")
    for text in pages:
        made.add_page()
        made.multi_cell(0, text=text)
    return bytes(made.output())


def encrypted_pdf(*pages: str) -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf(*pages))))
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def word(*paragraphs: str, table: Sequence[Sequence[str]] = ()) -> bytes:
    """A DOCX with paragraphs, and a table before the last one."""
    made = docx.Document()
    for text in paragraphs[:-1]:
        made.add_paragraph(text)
    if table:
        grid = made.add_table(len(table), len(table[0]))
        for row, texts in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    made.add_paragraph(paragraphs[-1])
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def with_part(document: bytes, name: str, content: bytes) -> bytes:
    """A DOCX with a part in place of its own."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry, old.read(entry))
        new.writestr(name, content)
    return file.getvalue()


def zip_bomb(unpacked: int, stated: int | None = None, checksum: int | None = None) -> bytes:
    """A DOCX whose text unpacks to very much, and what the archive says of it, which may be lies."""
    content = b" " * unpacked
    bomb = with_part(word("small"), "word/document.xml", content)
    for true, said in ((unpacked, stated), (zlib.crc32(content), checksum)):
        if said is not None:
            bomb = bomb.replace(true.to_bytes(4, "little"), said.to_bytes(4, "little"))
    return bomb
