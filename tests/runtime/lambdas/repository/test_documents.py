"""What is read of documents, and which are refused."""

from __future__ import annotations

import io
import tracemalloc
import zlib

import pytest

from lisa_lambdas.errors import BadRequestError, TooLargeError
from lisa_lambdas.repository.documents import Section, must_be_readable, read_sections
from runtime.lambdas.repository import files

MIB = 2**20
ENTITY_BOMB = b"".join(
    [b"<!DOCTYPE x [<!ENTITY a '", b"x" * 999, b"'><!ENTITY b '", b"&a;" * 999, b"'>]><x>", b"&b;" * 999, b"</x>"]
)


def read(name: str, content: bytes) -> list[Section]:
    return list(read_sections(name, io.BytesIO(content)))


def words(name: str, content: bytes) -> str:
    return "".join(section.text for section in read(name, content))


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.md", "a.csv"])
def test_text_is_read_as_it_is(name: str) -> None:
    assert words(name, "ünïcödé\r\n\n🙂".encode()) == "ünïcödé\r\n\n🙂"


def test_a_byte_order_mark_is_no_text() -> None:
    assert words("a.txt", b"\xef\xbb\xbftext") == "text"


def test_a_long_text_comes_in_sections_of_whole_lines() -> None:
    text = "".join(f"line {number} ünïcödé 🙂\n" for number in range(40_000))
    sections = read("a.txt", text.encode())
    assert len(sections) > 3
    assert "".join(section.text for section in sections) == text
    assert all(section.text.endswith("\n") for section in sections if section.text)


def test_a_text_without_lines_is_read_in_sections_too() -> None:
    text = "🙂é" * 300_000
    sections = read("a.txt", text.encode())
    assert max(len(section.text) for section in sections) <= 256 * 1024
    assert "".join(section.text for section in sections) == text


@pytest.mark.parametrize(
    "content", [b"\xff\xfet\0e\0", b"caf\xe9", b"cut short \xf0\x9f\x99", b"\xed\xa0\x80", b"\x80" * 10]
)
def test_text_that_is_not_utf_8_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequestError, match="not UTF-8"):
        read("a.txt", content)


def test_bad_bytes_at_the_end_of_a_long_text_are_found() -> None:
    with pytest.raises(BadRequestError, match="not UTF-8"):
        read("a.txt", b"good\n" * 200_000 + b"\xff")


def test_a_binary_named_as_text_is_refused() -> None:
    with pytest.raises(BadRequestError, match="NUL"):
        read("a.txt", b"GIF89a\0\0")


def test_a_pdf_is_read_page_by_page() -> None:
    found = read("a.PDF", files.pdf("first page", "", "third page"))
    assert [(section.page, section.text.strip()) for section in found] == [
        (1, "first page"),
        (2, ""),
        (3, "third page"),
    ]


def test_an_encrypted_pdf_is_refused() -> None:
    with pytest.raises(BadRequestError, match="encrypted"):
        read("a.pdf", files.encrypted_pdf("secret"))


@pytest.mark.parametrize("content", [b"", b"plain text", b"PK\x03\x04", files.word("a word document")])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequestError, match="not a PDF"):
        read("a.pdf", content)


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", files.pdf("text")[:200], b"%PDF-1.7\n" + b"\xff" * 5000])
def test_a_damaged_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequestError, match="damaged"):
        read("a.pdf", content)


def test_a_pdf_with_a_damaged_page_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyError("/Contents")

    monkeypatch.setattr("pypdf.PageObject.extract_text", fail)
    with pytest.raises(BadRequestError, match="page 1 cannot be read"):
        read("a.pdf", files.pdf("text"))


def test_a_pdf_with_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_lambdas.repository.documents.pdf._PAGES", 2)
    with pytest.raises(TooLargeError, match="3 pages"):
        read("a.pdf", files.pdf("1", "2", "3"))


def test_paragraphs_and_tables_of_a_docx_are_read_in_order() -> None:
    content = files.word("Heading", "Last", table=[["a", "b"], ["c", "d"]])
    assert words("a.docx", content) == "Heading\n\na\tb\n\nc\td\n\nLast"


def test_a_long_docx_comes_in_sections() -> None:
    assert len(read("a.docx", files.word(*["x" * 1000] * 200))) > 2


@pytest.mark.parametrize("content", [b"", b"plain text", b"\xd0\xcf\x11\xe0" + b"\0" * 600, files.pdf("text")])
def test_what_is_no_docx_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequestError, match="not a DOCX"):
        read("a.docx", content)


def test_a_zip_of_something_else_is_refused() -> None:
    with pytest.raises(BadRequestError, match="not a DOCX"):
        read("a.docx", files.with_part(files.word("text"), "word/document.xml", b"")[:-200])


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<not-closed>",
        b"<?xml version='1.0'?><other/>",
        ENTITY_BOMB,
    ],
)
def test_a_damaged_docx_is_refused(xml: bytes) -> None:
    with pytest.raises(BadRequestError, match="DOCX"):
        read("a.docx", files.with_part(files.word("text"), "word/document.xml", xml))


@pytest.mark.parametrize("unpacked", [33 * MIB, 200 * MIB])
def test_a_zip_bomb_is_refused_before_it_unpacks(unpacked: int) -> None:
    bomb = files.zip_bomb(unpacked)
    assert len(bomb) < MIB
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="unpacked"):
        read("a.docx", bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MIB


def test_a_zip_bomb_that_lies_about_its_size_does_not_unpack_further() -> None:
    bomb = files.zip_bomb(201 * MIB + 12345, stated=1000)
    tracemalloc.start()
    with pytest.raises(BadRequestError):
        read("a.docx", bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_zip_bomb_with_the_checksum_of_its_beginning_does_not_unpack_further() -> None:
    bomb = files.zip_bomb(201 * MIB + 12345, stated=1000, checksum=zlib.crc32(b" " * 1000))
    tracemalloc.start()
    with pytest.raises(BadRequestError):
        read("a.docx", bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MIB


def test_a_bomb_in_another_part_is_refused_too() -> None:
    with pytest.raises(TooLargeError, match="unpacked"):
        read("a.docx", files.with_part(files.word("text"), "word/media/image.png", b"\0" * (129 * MIB)))


@pytest.mark.parametrize("name", ["a", "a.exe", "a.doc", "a.pdf.zip", "txt", ".txt", "a.txt/b"])
def test_other_kinds_are_refused_by_their_name(name: str) -> None:
    with pytest.raises(BadRequestError, match="must end with"):
        must_be_readable(name)
