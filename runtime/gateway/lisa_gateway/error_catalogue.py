"""The error codes of the gateway: what each means, and what a caller can do. `docs/errors.md` is written from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """An error code.

    Attributes:
        code: the stable code, in `error.code`.
        statuses: HTTP statuses that come with it; empty for the status of the model.
        meaning: what is wrong, a sentence.
        action: what to do, in the imperative.
    """

    code: str
    statuses: tuple[int, ...]
    meaning: str
    action: str

    @property
    def sentence(self) -> str:
        """What callers read where there is nothing more exact to say."""
        return f"{self.meaning} {self.action}"


_ENTRIES = (
    ErrorEntry(
        "audit_unavailable",
        (200, 503),
        "The content of your requests must be recorded, and cannot be at the moment.",
        "Retry after `Retry-After` seconds; in a stream, the text so far is incomplete.",
    ),
    ErrorEntry(
        "budget_unavailable",
        (503,),
        "Token budgets cannot be checked, because DynamoDB is unreachable.",
        "Retry after `Retry-After` seconds.",
    ),
    ErrorEntry(
        "forbidden",
        (403,),
        "The operation is closed, or you have no permission for it.",
        "Use another operation, or ask an administrator for access.",
    ),
    ErrorEntry(
        "headers_too_large",
        (431,),
        "The headers exceed the limit.",
        "Shorten the headers; remove cookies and headers that the API does not require.",
    ),
    ErrorEntry(
        "insufficient_quota",
        (429,),
        "A daily or monthly token budget of yours or of your group is used.",
        "Wait for the time in the message, or ask an administrator for a larger budget.",
    ),
    ErrorEntry(
        "internal_error",
        (500,),
        "The gateway failed.",
        "Retry the request. If it fails again, report the request ID to an administrator.",
    ),
    ErrorEntry(
        "invalid_api_key",
        (401,),
        "The token is missing, unknown, expired or invalid.",
        "Send a valid API token, or sign in again.",
    ),
    ErrorEntry(
        "invalid_body",
        (400,),
        "The body cannot be parsed, or its content type is ambiguous.",
        "Send one JSON document in UTF-8, or a valid form, with one `Content-Type`.",
    ),
    ErrorEntry(
        "invalid_request",
        (400, 422),
        "The request is not valid HTTP/1.1, or a parameter is missing or has the wrong type.",
        "Correct what the message names.",
    ),
    ErrorEntry(
        "method_not_allowed",
        (405,),
        "The path has other methods.",
        "Use a method in the `Allow` header.",
    ),
    ErrorEntry(
        "model_not_permitted",
        (403,),
        "You have no access to the model.",
        "Use a model in `GET /v2/serve/models`, or ask an administrator to add one of your groups to the model.",
    ),
    ErrorEntry(
        "model_unavailable",
        (503,),
        "The server of the model is unreachable, or has no healthy instance. Other models are not affected.",
        "Retry after `Retry-After` seconds, or use another model.",
    ),
    ErrorEntry(
        "not_found",
        (404,),
        "The path or the model does not exist.",
        "Check the path, and the model names in `GET /v2/serve/models`.",
    ),
    ErrorEntry(
        "overloaded",
        (503,),
        "All callers together have too many requests in flight.",
        "Retry after `Retry-After` seconds.",
    ),
    ErrorEntry(
        "rate_limit_exceeded",
        (429,),
        "You have exceeded a limit on your requests.",
        "Retry after `Retry-After` seconds, with fewer requests at the same time.",
    ),
    ErrorEntry(
        "request_timeout",
        (408,),
        "The headers or the body of the request did not arrive in time.",
        "Send the request again, over a faster connection or with a smaller body.",
    ),
    ErrorEntry(
        "request_too_large",
        (413,),
        "The body exceeds a limit.",
        "Send less: fewer messages, shorter texts or smaller files.",
    ),
    ErrorEntry(
        "too_many_connections",
        (503,),
        "The gateway has too many client connections.",
        "Retry after `Retry-After` seconds; reuse connections.",
    ),
    ErrorEntry(
        "unavailable",
        (503,),
        "A service that is required to answer, such as the identity provider or DynamoDB, is unreachable.",
        "Retry after `Retry-After` seconds.",
    ),
    ErrorEntry(
        "unsupported_content_encoding",
        (415,),
        "The body is compressed.",
        "Send it without `Content-Encoding`.",
    ),
    ErrorEntry(
        "unsupported_parameter",
        (400,),
        "The request has a parameter that callers must not set, or that the model does not support.",
        "Remove or change the parameter that the message names.",
    ),
    ErrorEntry(
        "upstream_credentials",
        (502,),
        "The model rejected the credentials of the gateway. Your token is valid.",
        "Report the request ID to an administrator, who must check the key of the model.",
    ),
    ErrorEntry(
        "upstream_error",
        (),
        "The model, or the proxy in front of it, rejected the request or failed.",
        "Follow the message. For a status of 500 or more, retry; if it fails again, report the request ID.",
    ),
    ErrorEntry(
        "upstream_interrupted",
        (200,),
        "The model interrupted its response: the text so far is incomplete.",
        "Send the request again.",
    ),
    ErrorEntry(
        "upstream_timeout",
        (200, 504),
        "The model did not respond in time.",
        "Retry with a shorter prompt or a lower `max_tokens`, or stream the response.",
    ),
    ErrorEntry(
        "upstream_unreachable",
        (502,),
        "The model is unreachable, or its response is not valid HTTP.",
        "Retry in a moment. If it fails again, report the request ID to an administrator.",
    ),
    ErrorEntry(
        "uri_too_long",
        (414,),
        "The path and the query exceed the limit.",
        "Send the parameters in the body.",
    ),
)

CATALOGUE = {entry.code: entry for entry in _ENTRIES}
"""Every code, by itself."""
