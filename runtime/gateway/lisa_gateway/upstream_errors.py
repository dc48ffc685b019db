"""Errors of LiteLLM and of model servers, in the one form that callers get. See docs/decisions/0062.

Of an upstream's text, only the message of an error passes, if it is one that callers may read (`shareable_text`), with
OpenAI's `type`, `param` and `code`. Failures of the server (5xx) get the catalogue's sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lisa_gateway.errors import LISA_CODE, GatewayError, UpstreamCredentialsError
from lisa_gateway.request_fields import check_fields
from lisa_gateway.shareable_text import shareable

if TYPE_CHECKING:
    from lisa_gateway.answer import Answer

FIRST_ERROR_STATUS = 400
"""From this status on an answer is an error."""

MOST_BYTES = 64 * 1024
"""Bytes of an error's body that are read; a longer one is not an error that a server composes for people."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_PARAMETER = re.compile(r"[A-Za-z_][\w.\[\]-]{0,127}")
_KEPT = re.compile(rb"retry-after(?:-ms)?|x-ratelimit-[a-z-]{1,40}|x-should-retry")
_MOST_PROBLEMS = 5
_KINDS = {401: "authentication_error", 403: "permission_error", 408: "timeout_error", 429: "rate_limit_error"}
_UNAUTHORIZED = 401
_FAILED = "The model failed. Retry the request. If it fails again, report the request ID to an administrator."


class UpstreamError(GatewayError):
    """An upstream's error: its status, and what of its text callers may read.

    Args:
        message: the message; empty for the catalogue's sentence.
        status: HTTP status.
        kind: OpenAI's `type`.
        param: OpenAI's `param`.
        code: the upstream's own code; empty for `upstream_error`.
        headers: headers about when to retry.
        is_typed: whether the body has `type` at the top too, as clients of Anthropic's API expect.
    """

    code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        kind: str,
        param: str | None = None,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        is_typed: bool = False,
    ) -> None:
        super().__init__(message)
        self._is_typed = is_typed
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code or self.code
        self.headers = headers or {}

    def body(self, request_id: str = "") -> bytes:
        """See `GatewayError`."""
        body = super().body(request_id)
        return typed(body) if self._is_typed else body


async def read_error(answer: Answer) -> bytes:
    """The body of an error, or a beginning of it that is longer than `MOST_BYTES`.

    Raises:
        UpstreamInterruptedError: the answer broke.
    """
    content = b""
    while len(content) <= MOST_BYTES and (part := await answer.next_part()):
        content += part
    return content


def upstream_error(
    status: int, headers: Iterable[tuple[bytes, bytes]], content: bytes, request_body: object = None
) -> GatewayError:
    """The error that callers get for an upstream's answer.

    Args:
        status: the upstream's status, at least 400.
        headers: its headers, with names in lower case.
        content: its body, or the beginning of one that is longer than `MOST_BYTES`.
        request_body: the request's body if it was sent in one part. LiteLLM looks for some of the fields that callers
            must not set before it asks `proxy_authorization`, and then fails in plain text: the fields are checked
            here to name the one that it is.
    """
    if status == _UNAUTHORIZED:
        return UpstreamCredentialsError()
    parsed = _object(content) if len(content) <= MOST_BYTES else None
    if parsed is None and isinstance(request_body, bytes) and (asked := _object(request_body)) is not None:
        try:
            check_fields(asked, known=())
        except GatewayError as error:
            return error
    kept = {name.decode(): value.decode("latin-1") for name, value in headers if _KEPT.fullmatch(name)}
    is_typed = parsed is not None and parsed.get("type") == "error"
    return _from_members(status, _members(parsed or {}), kept, is_typed=is_typed)


def typed(body: bytes) -> bytes:
    """An error as Anthropic's Messages API has it, and OpenAI's Responses API in events: with a `type` at the top."""
    return b'{"type":"error",' + body[1:]


def event_error(data: Mapping[str, Any]) -> UpstreamError | None:
    """The error in the data of a stream's event; None if the event is not an error."""
    is_error = bool(data.get("error")) or data.get("object") == "error" or data.get("type") == "error"
    if not is_error:
        return None
    members = _members(data)
    status = members.get("code")
    is_status = isinstance(status, int | str) and str(status).isdigit() and 400 <= int(status) <= 599
    return _from_members(int(str(status)) if is_status else 500, members, {})


def server_failure() -> UpstreamError:
    """The error for a failure of a server in no known form."""
    return _from_members(500, {}, {})


def without_inner_text(data: dict[str, Any]) -> bool:
    """Replace the error of a failed response in an event of the Responses API; whether there is one."""
    response = data.get("response")
    error = response.get("error") if isinstance(response, dict) else None
    if not isinstance(error, dict):
        return False
    told = error.get("message")
    error["message"] = (shareable(told) if isinstance(told, str) else "") or _FAILED
    return True


def _from_members(
    status: int, members: Mapping[str, Any], headers: Mapping[str, str], *, is_typed: bool = False
) -> UpstreamError:
    is_ours = status >= 500
    told = members.get("message")
    message = shareable(told) if isinstance(told, str) and not is_ours else ""
    own = members.get("provider_specific_fields")
    code = own.get(LISA_CODE) if isinstance(own, dict) else members.get("code")
    kind = members.get("type")
    param = members.get("param")
    default = "server_error" if is_ours else _KINDS.get(status, "invalid_request_error")
    return UpstreamError(
        message or (_FAILED if is_ours else _rejected(status)),
        status=status,
        kind=kind if not is_ours and isinstance(kind, str) and _WORD.fullmatch(kind) else default,
        param=param if isinstance(param, str) and _PARAMETER.fullmatch(param) else None,
        code=code if not is_ours and isinstance(code, str) and _WORD.fullmatch(code) else "",
        headers=headers,
        is_typed=is_typed,
    )


def _rejected(status: int) -> str:
    return f"The model rejected the request with status {status}. Check the parameters against what the model supports."


def _members(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """`message`, `type`, `param` and `code` of an error's body, in whichever form a server writes it.

    OpenAI, LiteLLM, newer vLLM and Anthropic have an object `error`; earlier vLLM and TEI have the members at the top;
    TGI and TEI have a text `error` with `error_type`; FastAPI has `detail`, a text or a list of problems.
    """
    error = content.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error, "type": content.get("error_type"), "code": content.get("code")}
    if isinstance(content.get("message"), str):
        return content
    detail = content.get("detail")
    if isinstance(detail, dict):
        return _members(detail)
    if isinstance(detail, list):
        problems = [found for entry in detail[:_MOST_PROBLEMS] if (found := _problem(entry))]
        return {"message": "; ".join(problems)}
    return {"message": detail if isinstance(detail, str) else ""}


def _problem(entry: object) -> str:
    """A problem of FastAPI's validation: where it is, and what is wrong."""
    if not isinstance(entry, dict) or not isinstance(entry.get("msg"), str):
        return ""
    location = entry.get("loc")
    place = ".".join(str(part) for part in location) if isinstance(location, list) else ""
    return f"{place}: {entry['msg']}".removeprefix(": ")


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
