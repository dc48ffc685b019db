"""Bodies of requests: what LiteLLM will parse is read and measured before LiteLLM gets any of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson

from lisa_gateway.errors import (
    BodyEncodingError,
    BodyTimeoutError,
    BodyTooLargeError,
    ClientDisconnectedError,
    InvalidBodyError,
)
from lisa_gateway.form_meter import FormMeter
from lisa_gateway.in_flight import SMALL_SHARE
from lisa_gateway.json_fields import JsonFields
from lisa_gateway.json_meter import JsonMeter
from lisa_gateway.pacing import PACED_WORK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Message, Receive

    from lisa_gateway.form_model import FormModel
    from lisa_gateway.settings import Settings

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe")
_PREFIX_BYTES = 4
_WORK_OF_BYTES = 0.25  # Images and files are copied, which takes a quarter of the time of as many elements or texts.


class BodyKind(Enum):
    """How LiteLLM reads a body, by its Content-Type: what is no form is JSON, whatever the header says."""

    JSON = "JSON"
    FORM = "form"
    UPLOAD = "upload"


_KINDS = {b"application/x-www-form-urlencoded": BodyKind.FORM, b"multipart/form-data": BodyKind.UPLOAD}


def content_type_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The Content-Type of a request, empty without one.

    Raises:
        BodyEncodingError: its body is compressed; LiteLLM does not decompress bodies.
        InvalidBodyError: there are several types, of which LiteLLM reads another one than its framework.
    """
    types = []
    for name, value in headers:
        if name == b"content-type":
            types.append(value)
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise BodyEncodingError("The body is compressed, which is not supported; send it without Content-Encoding.")
    if len(types) > 1:
        raise InvalidBodyError("The request has more than one Content-Type header; send exactly one.")
    return types[0] if types else b""


def kind_of(content_type: bytes) -> BodyKind:
    """The kind of a body."""
    return _KINDS.get(content_type.partition(b";")[0].strip().lower(), BodyKind.JSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits on a body.

    Attributes:
        json_bytes: bytes of JSON.
        json_elements: its elements, as `JsonMeter` counts them.
        json_depth: how deep they may be nested.
        json_text_bytes: bytes of all its strings but images and files.
        json_field_bytes: characters of a string that no model reads, such as `model`.
        form_bytes: bytes of a URL-encoded form, or of the fields of an upload.
        seconds: until all of it must have come, unless it is an upload.
    """

    json_bytes: int
    json_elements: int
    json_depth: int
    json_text_bytes: int
    json_field_bytes: int
    form_bytes: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> BodyLimits:
        """The limits in the settings."""
        return cls(
            json_bytes=settings.max_json_bytes,
            json_elements=settings.max_json_elements,
            json_depth=settings.max_json_depth,
            json_text_bytes=settings.max_json_text_bytes,
            json_field_bytes=settings.max_json_field_bytes,
            form_bytes=settings.max_form_bytes,
            seconds=settings.body_timeout,
        )

    def most_bytes(self, kind: BodyKind) -> int:
        """The limit on the bytes of a kind."""
        return self.json_bytes if kind is BodyKind.JSON else self.form_bytes

    def are_far_from(self, body: bytes) -> bool:
        """Whether JSON is so small that it neither reaches a limit nor counts as load, whatever is in it.

        It is counted as if no comma and no bracket were within a string. False says nothing.
        """
        brackets = body.count(b"{") + body.count(b"[")
        return (
            len(body) <= min(self.json_bytes * SMALL_SHARE, self.json_field_bytes, self.json_text_bytes)
            and brackets <= self.json_depth
            and brackets + body.count(b",") <= self.json_elements * PACED_WORK
        )

    def check_length(self, kind: BodyKind, length: int) -> None:
        """Check a length, declared or received.

        Raises:
            BodyTooLargeError: it is over the limit.
        """
        most = self.most_bytes(kind)
        if length > most:
            name = "MAX_JSON_BYTES" if kind is BodyKind.JSON else "MAX_FORM_BYTES"
            raise BodyTooLargeError(
                f"The {kind.value} body is longer than {most} bytes ({name}); send less in one request, "
                "or send files as multipart/form-data."
            )


class BodyReader:
    """Reads one body.

    Args:
        limits: what it may be like.
        kind: what it is: JSON or a form.
        charge: called with the share of the largest accepted body that it is so far, 0 to 1; what it raises ends the
            reading.

    Attributes:
        work: what LiteLLM has to do for the body so far: a share of that for the largest accepted one, 0 to 1.
        content: what the JSON holds, where it had to be parsed; None otherwise.
    """

    def __init__(self, limits: BodyLimits, kind: BodyKind, charge: Callable[[float], None]) -> None:
        self._limits = limits
        self._kind = kind
        self._charge = charge
        self._meter: JsonMeter | None = None
        self._received = 0
        self._prefix = b""
        self._share = 0.0
        self.work = 0.0
        self.content: Any = None

    async def read(self, receive: Receive) -> bytes:
        """The body.

        Raises:
            BodyTooLargeError: it is over a limit.
            BodyTimeoutError: it did not come in time.
            InvalidBodyError: it is not JSON in UTF-8.
            ClientDisconnectedError: the client has left.
        """
        body = await self._whole(receive)
        # A shorter body holds nothing that is too long.
        if self._kind is BodyKind.JSON and len(body) > min(self._limits.json_field_bytes, self._limits.json_text_bytes):
            self._check_fields(body)
        return body

    async def _whole(self, receive: Receive) -> bytes:
        message = await receive()
        if not message.get("more_body", False):
            body: bytes = message.get("body", b"")
            if self._kind is BodyKind.JSON and body.startswith(b'{"') and self._limits.are_far_from(body):
                return body
            return self._take(message)
        try:
            async with asyncio.timeout(self._limits.seconds):
                parts = [self._take(message)]
                while message.get("more_body", False):
                    message = await receive()
                    parts.append(self._take(message))
        except TimeoutError:
            raise BodyTimeoutError(
                f"The body did not arrive within {self._limits.seconds:g} seconds (BODY_TIMEOUT); send it again."
            ) from None
        return b"".join(parts)

    def _take(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        part: bytes = message.get("body", b"")
        self._received += len(part)
        limits = self._limits
        limits.check_length(self._kind, self._received)
        share = self._received / limits.most_bytes(self._kind)
        if self._kind is BodyKind.JSON:
            self._check_encoding(part)
            meter = self._meter = self._meter or JsonMeter(
                most_elements=limits.json_elements, most_depth=limits.json_depth
            )
            meter.feed(part)
            if meter.depth > limits.json_depth:
                raise BodyTooLargeError(
                    f"The JSON body is nested deeper than {limits.json_depth} levels (MAX_JSON_DEPTH); flatten it."
                )
            if meter.elements > limits.json_elements:
                raise BodyTooLargeError(
                    f"The JSON body has more than {limits.json_elements} elements (MAX_JSON_ELEMENTS); send fewer "
                    "messages, content parts, tools or inputs in one request."
                )
            elements = meter.elements / limits.json_elements
            self.work = max(share * _WORK_OF_BYTES, elements)
            share = max(share, elements)
        self._share = share
        self._charge(share)
        return part

    def _check_encoding(self, part: bytes) -> None:
        if len(self._prefix) < _PREFIX_BYTES:
            self._prefix += part[: _PREFIX_BYTES - len(self._prefix)]
            # Python's parser recognizes UTF-16 and UTF-32 by the zeros, in which nothing can be counted here.
            if b"\0" in self._prefix or self._prefix.startswith(_BYTE_ORDER_MARKS):
                raise InvalidBodyError("The body must be JSON in UTF-8 without a byte order mark.")

    def _check_fields(self, body: bytes) -> None:
        try:
            # Within the limits so far, which bound what this makes, it is a copy of the strings and little more.
            content = self.content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise InvalidBodyError(f"The body is not valid JSON: {error}") from None
        limits = self._limits
        fields = JsonFields(content, most_characters=limits.json_field_bytes)
        if fields.long is not None:
            raise BodyTooLargeError(
                f"The string in `{fields.long}` of the JSON body is longer than {limits.json_field_bytes} characters "
                "(MAX_JSON_FIELD_BYTES); only text, images and files for the model can be longer."
            )
        if fields.text_bytes > limits.json_text_bytes:
            raise BodyTooLargeError(
                f"The JSON body has more than {limits.json_text_bytes} bytes of text (MAX_JSON_TEXT_BYTES); send less "
                "text in one request. Images and files do not count."
            )
        text = fields.text_bytes / limits.json_text_bytes
        self.work = max(self.work, text)
        self._charge(max(self._share, text))


def metered_upload(content_type: bytes, limits: BodyLimits, receive: Receive) -> tuple[Receive, FormModel]:
    """Measure an upload while it is received, by whoever receives it.

    Returns:
        What receives it, and the model that it names, as far as it has been received.

    Raises:
        InvalidBodyError: its Content-Type has no boundary that is valid, or another encoding than UTF-8.
    """
    meter = FormMeter(content_type, limits.form_bytes)

    async def metered() -> Message:
        message = await receive()
        if part := message.get("body", b""):
            meter.feed(part)
        return message

    return metered, meter.model
