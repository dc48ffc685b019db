"""Small documents that are costly to read, as an attacker makes them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence

from runtime.lambdas.repository import files

MIB = 2**20
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx_with_body(body: str, declarations: str = "") -> bytes:
    xml = f"<?xml version='1.0'?>{declarations}<w:document {_W}><w:body>{body}</w:body></w:document>"
    return files.with_part(files.word("text"), "word/document.xml", xml.encode())


def _cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>"


def _table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def docx_of_wide_cell(columns: str) -> bytes:
    return docx_with_body(_table(_cell("wide", f'<w:gridSpan w:val="{columns}"/>')))


def docx_of_many_spans() -> bytes:
    """Cells that span as many columns as is allowed."""
    row = _cell("wide " * 20, '<w:gridSpan w:val="1000"/>') * 1000
    return docx_with_body(_table(*[row] * 100))


def docx_of_merged_rows() -> bytes:
    """A column merged over all rows: the text of each cell is looked for in the row above."""
    merged = _cell("", "<w:vMerge/>")
    return docx_with_body(_table(_cell("top", '<w:vMerge w:val="restart"/>'), *[merged] * 50_000))


def docx_of_large_table() -> bytes:
    return docx_with_body(_table(*[_cell("x") * 50] * 4_000))


def docx_of_nested_tables(depth: int) -> bytes:
    return docx_with_body("<w:tbl><w:tr><w:tc>" * depth + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * depth)


def docx_of_many_runs() -> bytes:
    return docx_with_body(f"<w:p>{'<w:r><w:t>a</w:t></w:r>' * 1_000_000}</w:p>")


def docx_of_quadratic_entity() -> bytes:
    return docx_with_body(
        f"<w:p><w:r><w:t>{'&a;' * 50_000}</w:t></w:r></w:p>", f'<!DOCTYPE x [<!ENTITY a "{"x" * 50_000}">]>'
    )


def docx_of_laughs() -> bytes:
    entities = '<!ENTITY a0 "laugh">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    return docx_with_body("<w:p><w:r><w:t>&a10;</w:t></w:r></w:p>", f"<!DOCTYPE x [{entities}]>")


def docx_of_external_entity(address: str) -> bytes:
    return docx_with_body(
        "<w:p><w:r><w:t>before&a;after</w:t></w:r></w:p>", f'<!DOCTYPE x [<!ENTITY a SYSTEM "{address}">]>'
    )


def docx_of_external_dtd(address: str) -> bytes:
    return docx_with_body("<w:p><w:r><w:t>text</w:t></w:r></w:p>", f'<!DOCTYPE x SYSTEM "{address}">')


def docx_in_docx() -> bytes:
    inner = files.zip_bomb(100 * MIB)
    for level in range(5):
        inner = files.with_part(files.word(f"level {level}"), "word/embeddings/inner.docx", inner)
    return inner


def docx_of_many_parts() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
        for number in range(60_000):
            archive.writestr(str(number), "")
    return made.getvalue()


def pdf_of(objects: Sequence[bytes], *, trailer: bytes = b"", offset: int | None = None) -> bytes:
    """A PDF of objects, numbered from 1; the first is the catalog."""
    made, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made) if offset is None else offset
    made += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(places) + 1, table)
    return made + b"trailer\n<</Root 1 0 R/Size %d%s>>\nstartxref\n%d\n%%%%EOF" % (len(places) + 1, trailer, start)


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(content), content)


def _packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return _stream(content, b"/Filter[%s]" % (b"/FlateDecode" * times))


_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def _paged(page_count: int, contents: bytes) -> list[bytes]:
    """Catalog, page tree, contents, font, and pages that share the contents."""
    kids = b" ".join(b"%d 0 R" % (5 + number) for number in range(page_count))
    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/Resources<</Font<</F 4 0 R>>>>/MediaBox[0 0 9 9]>>"
    tree = b"<</Type/Pages/Count %d/Kids[%s]>>" % (page_count, kids)
    return [b"<</Type/Catalog/Pages 2 0 R>>", tree, contents, _FONT, *[page] * page_count]


def _text(words: int) -> bytes:
    return b"BT /F 9 Tf %s ET" % (b"(word) Tj 1 0 Td " * words)


def pdf_of_shared_stream() -> bytes:
    return pdf_of(_paged(5000, _packed(_text(5000))))


def pdf_of_packed_stream(size: int, times: int) -> bytes:
    return pdf_of(_paged(1, _packed(b" " * size, times)))


def pdf_of_endless_operators() -> bytes:
    return pdf_of(_paged(1, _packed(b"q " * (10 * MIB))))


def pdf_of_recursive_tree() -> bytes:
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>"])


def pdf_of_doubling_tree(depth: int) -> bytes:
    """A tree whose every node has the next twice: two to the power of depth pages."""
    nodes = [b"<</Type/Pages/Count 9/Kids[%d 0 R %d 0 R]>>" % (number, number) for number in range(3, 3 + depth)]
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"])


def pdf_of_deep_tree(depth: int) -> bytes:
    nodes = [b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % number for number in range(3, 3 + depth)]
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"])


def pdf_of_deep_array() -> bytes:
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R/X %s%s>>" % (b"[" * 100_000, b"]" * 100_000)])


def pdf_of_recursive_form() -> bytes:
    form = _stream(b"/X Do /X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>")
    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/Resources<</XObject<</X 5 0 R>>>>/MediaBox[0 0 9 9]>>"
    tree = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"/X Do"), page, form])


def pdf_of_doubling_forms(depth: int) -> bytes:
    def form(number: int) -> bytes:
        entries = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>" % number
        return _stream(b"/X Do /X Do", entries)

    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/Resources<</XObject<</X 5 0 R>>>>/MediaBox[0 0 9 9]>>"
    last = _stream(_text(10), b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    forms = [form(number) for number in range(6, 6 + depth)]
    tree = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"/X Do"), page, *forms, last])


def pdf_of_huge_xref() -> bytes:
    good = files.pdf("text")
    place = good.rindex(b"startxref")
    return good[:place].replace(b"xref\n0 ", b"xref\n0 9999999999") + good[place:]


def pdf_of_xref_stream() -> bytes:
    """A cross-reference stream with a thousand million entries in a few bytes."""
    stream = _packed(bytes(7 * 10 * MIB)).replace(
        b"/Filter", b"/Type/XRef/W[1 4 2]/Size 1000000000/Index[0 1000000000]/Root 1 0 R/Filter", 1
    )
    made = b"%PDF-1.7\n"
    return made + b"1 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF" % (stream, len(made))


def pdf_of_previous_loop() -> bytes:
    start = files.pdf("text").rindex(b"xref\n0 ")
    good = files.pdf("text")
    return good.replace(b"trailer\n<<", b"trailer\n<<\n/Prev %d" % start)


def pdf_of_cmap(entries: int) -> bytes:
    """A font whose map to Unicode has ranges of 16 million characters."""
    ranges = b"".join(b"<000000> <ffffff> <0000>\n" for _ in range(entries))
    cmap = _packed(
        b"1 begincodespacerange <000000> <ffffff> endcodespacerange 1 beginbfrange\n" + ranges + b"endbfrange"
    )
    objects = _paged(1, _stream(_text(10)))
    font = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 6 0 R>>"
    return pdf_of([*objects[:3], font, *objects[4:], cmap])


def pdf_of_image() -> bytes:
    """A page with an image of 40 gigapixels, which is not text."""
    image = _packed(bytes(20 * MIB)).replace(
        b"/Filter",
        b"/Type/XObject/Subtype/Image/Width 200000/Height 200000/BitsPerComponent 8/ColorSpace/DeviceGray/Filter",
    )
    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R/Resources<</XObject<</X 5 0 R>>>>/MediaBox[0 0 9 9]>>"
    tree = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"/X Do"), page, image])


def docx_of_empty_paragraphs() -> bytes:
    """A tree of elements that needs far more memory than its text: 5 million paragraphs in 30 MiB of XML."""
    return docx_with_body("<w:p/>" * 5_000_000)
