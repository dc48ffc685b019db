"""What an upload holds beside its files: counted as it comes, with the parser that LiteLLM has too."""

from __future__ import annotations

import codecs

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from lisa_gateway.errors import BodyTooLargeError, InvalidBodyError
from lisa_gateway.form_model import FormModel

MOST_PARTS = 1000
"""Files and fields of an upload; LiteLLM's framework accepts no more fields, nor more files."""


class FormMeter:
    """Measures a multipart/form-data body (RFC 7578): its parts, and the bytes of those that are no files.

    The field `model` is read, wherever it is: names and values are decoded as LiteLLM's framework decodes them. LiteLLM
    takes a field for a parameter, whose length counts as that of a parameter in JSON (`json_fields`).

    Args:
        content_type: value of the Content-Type header.
        most_bytes: bytes of all fields.

    Attributes:
        model: the field `model`.

    Raises:
        InvalidBodyError: the header has no boundary, or one that is not valid, or another encoding than UTF-8.
    """

    def __init__(self, content_type: bytes, most_bytes: int) -> None:
        _, options = parse_options_header(content_type.decode("latin-1"))
        self._most_bytes = most_bytes
        self._bytes = 0
        self._parts = 0
        self._is_file = False
        self._is_model = False
        self._name = b""
        self._value = b""
        self._disposition = b""
        self.model = FormModel()
        _check_encoding(options.get(b"charset", b"utf-8"))
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._take_name,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                },
            )
        except (KeyError, FormParserError):
            raise _invalid() from None

    def feed(self, part: bytes) -> None:
        """Take the next part of the body.

        Raises:
            BodyTooLargeError: its fields, or its parts, are over the limit.
            InvalidBodyError: it is not multipart/form-data.
            UnsupportedParameterError: `model` is not one field with text.
        """
        try:
            self._parser.write(part)
        except FormParserError:
            raise _invalid() from None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise BodyTooLargeError(f"The upload has more than {MOST_PARTS} parts; send fewer files or fields.")
        self._disposition = b""
        self._is_file = False

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._count(len(self._name) + len(self._value))
        self._name = self._value = b""

    def _end_headers(self) -> None:
        options = parse_options_header(self._disposition)[1]
        self._is_file = b"filename" in options
        self._is_model = self.model.begin(options.get(b"name", b""), is_file=self._is_file)

    def _take(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._count(end - start)
        if self._is_model:
            self.model.take(data[start:end])

    def _end_part(self) -> None:
        if self._is_model:
            self._is_model = False
            self.model.end()

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._most_bytes:
            raise BodyTooLargeError(
                f"The fields of the form are longer than {self._most_bytes} bytes (MAX_FORM_BYTES); "
                "shorten them, or send files with a file name."
            )


def _check_encoding(charset: bytes) -> None:
    try:
        is_utf8 = codecs.lookup(charset.decode("latin-1")).name in ("ascii", "utf-8")
    except (LookupError, ValueError):
        is_utf8 = False
    if not is_utf8:
        raise InvalidBodyError("The form must be encoded as UTF-8; remove `charset` from its Content-Type.")


def _invalid() -> InvalidBodyError:
    return InvalidBodyError("The body is not valid multipart/form-data; check its boundary and parts.")
