"""What the layers of the gateway share about one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_KEY = "lisa_gateway.request_context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of a request.

    Attributes:
        kind: `token` for an API token, `oidc` for a person, `anonymous` where no authentication is configured.
        name: what the log may contain: a digest, or empty.
        is_admin: whether it belongs to the group of administrators.
        groups: its groups, as the identity provider's token has them.
        key: a digest that identifies the caller and is never logged; empty without authentication.
        owner: the owner of an API token, or the digest of the person's subject.
        token_id: the public id of an API token; empty for a person.
    """

    kind: str
    name: str = ""
    key: bytes = b""
    is_admin: bool = False
    groups: tuple[str, ...] = ()
    owner: str = ""
    token_id: str = ""


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """The state of a request and its response; times are `time.perf_counter` seconds.

    Attributes:
        request_id: its id, the caller's own or a new one.
        began: when the request arrived.
        route: template of the route, for the log and the metrics; never the path that the caller sent.
        status: HTTP status of the response; 0 until it has begun.
        first_byte: when the first bytes of the response body were sent.
        caller: the caller, once authenticated.
        error_reason: why the request failed, in a word for the log and the metrics; empty if it did not.
        prompt_tokens: tokens of the prompt, if the response reports them.
        completion_tokens: tokens of the response, if it reports them.
        model: the model's public name; empty until it is known.
        bytes_in: bytes of the request's body, declared or received.
        bytes_out: bytes of the response's body that were sent.
        budget: the caller's group whose token budget is used most, and the percentage used; None without a budget.
    """

    request_id: str
    began: float
    route: str = "unmatched"
    status: int = 0
    first_byte: float | None = None
    caller: Caller | None = None
    error_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    budget: tuple[str, float] | None = None

    def attach(self, scope: Any) -> None:
        """Put it where `of` finds it."""
        scope[_KEY] = self

    @staticmethod
    def of(scope: Any) -> RequestContext:
        """The context of an ASGI scope."""
        found: RequestContext = scope[_KEY]
        return found
