"""The model that a form names: one field, which LiteLLM must find as the gateway has found it."""

from __future__ import annotations

from urllib.parse import unquote_plus

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import QuerystringParser

from lisa_gateway.errors import BodyTooLargeError, InvalidBodyError, UnsupportedParameterError

_FIELD = "model"
_MOST_BYTES = 1024


class FormModel:
    """The field `model` of a form, as it comes.

    Attributes:
        name: its value; None until all of it has come.
    """

    __slots__ = ("_has_begun", "_value", "name")

    def __init__(self) -> None:
        self.name: str | None = None
        self._has_begun = False
        self._value = b""

    def begin(self, field: bytes, *, is_file: bool) -> bool:
        """Begin a field; returns whether it is the model.

        Args:
            field: its name, with escapes decoded.
            is_file: whether it has a file name.

        Raises:
            UnsupportedParameterError: it is a second one, a file, or has another name that LiteLLM reads as `model`,
                such as `model[]`.
        """
        name = field.decode("utf-8", "replace")
        if name.partition("[")[0].strip().lower() != _FIELD:
            return False
        if name != _FIELD:
            raise UnsupportedParameterError(f"Write the field {name!r} as {_FIELD!r}.")
        if is_file:
            raise UnsupportedParameterError("Send the field 'model' as text, without a file name.")
        if self._has_begun:
            raise UnsupportedParameterError("Send the field 'model' once.")
        self._has_begun = True
        return True

    def take(self, part: bytes) -> None:
        """Take the next part of the value.

        Raises:
            BodyTooLargeError: it is longer than a name can be.
        """
        self._value += part
        if len(self._value) > _MOST_BYTES:
            raise BodyTooLargeError(f"The field 'model' is longer than {_MOST_BYTES} bytes; send a name from /models.")

    def end(self) -> None:
        """End the value.

        Raises:
            InvalidBodyError: it is not UTF-8.
        """
        try:
            self.name = self._value.decode()
        except UnicodeDecodeError:
            raise InvalidBodyError("The field 'model' must be UTF-8.") from None


def read_form_model(body: bytes) -> FormModel:
    """The field `model` of a URL-encoded form, read with the parser that LiteLLM has too.

    Raises:
        InvalidBodyError: the body is no URL-encoded form.
        UnsupportedParameterError: see `FormModel.begin`.
        BodyTooLargeError: see `FormModel.take`.
    """
    model = FormModel()
    fields: list[tuple[bytearray, bytearray]] = []

    def begin() -> None:
        fields.append((bytearray(), bytearray()))

    def take_name(data: bytes, start: int, end: int) -> None:
        fields[-1][0].extend(data[start:end])

    def take_value(data: bytes, start: int, end: int) -> None:
        fields[-1][1].extend(data[start:end])

    parser = QuerystringParser({"on_field_start": begin, "on_field_name": take_name, "on_field_data": take_value})
    try:
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise InvalidBodyError("The body is not a valid URL-encoded form.") from None
    for name, value in fields:
        if model.begin(_decoded(name), is_file=False):
            model.take(_decoded(value))
            model.end()
    return model


def _decoded(text: bytearray) -> bytes:
    """Text of a form without its escapes, as LiteLLM's framework reads it."""
    return unquote_plus(text.decode("latin-1")).encode()
