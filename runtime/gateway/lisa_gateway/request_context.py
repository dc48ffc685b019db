"""What the layers of the gateway share about one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lisa_gateway.form_model import FormModel

_KEY = "lisa_gateway.request_context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of a request.

    Attributes:
        kind: `token` for an API token, `oidc` for a person, `anonymous` where no authentication is configured.
        name: what the log may contain: a digest, the id of an API token, or empty.
        is_admin: whether it belongs to the group of administrators.
        groups: its groups, as the identity provider's token has them; those of an API token are its owner's when it
            was made.
        owner: the digest of a user, as in `name`, whether the user calls or an API token of the user; the name of the
            service account whose API token calls; empty for an API token of LISA 2.x.
        is_service: whether the owner is a service account, whose name can look like the digest of a user.
        token_id: id of the API token; empty for a person, and for an API token of LISA 2.x.
        scopes: families of operations (`operations.FAMILIES`) that an API token may use; empty for all.
        key: a digest that identifies the caller and is never logged; empty without authentication.
    """

    kind: str
    name: str = ""
    key: bytes = b""
    is_admin: bool = False
    groups: tuple[str, ...] = ()
    owner: str = ""
    is_service: bool = False
    token_id: str = ""
    scopes: frozenset[str] = frozenset()


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
        model: the model's public name; empty until it is known.
        scaled_service: the service whose capacity follows the model's requests; empty for none.
        form_model: the model that a form names, as far as the form has come; None for another body.
        content: what a JSON body holds, if a layer has parsed it, until the route is known; None otherwise.
        work: share of the work of the largest accepted body that the request makes for LiteLLM, 0 to 1.
        counts_tokens: whether the token counts of the response are required, so that a stream is asked for them too.
        error_reason: why the request failed, in a word for the log and the metrics; empty if it did not.
        prompt_tokens: tokens of the prompt, if the response reports them.
        completion_tokens: tokens of the response, if it reports them.
        has_estimated_tokens: whether the tokens are an estimate, because the response does not report them.
        bytes_in: bytes of the request's body, declared or received.
        bytes_out: bytes of the response's body that were sent.
        audited_content: what became of the record of its content: `recorded`, `incomplete` or `missing`; empty if
            content is not audited.
        budget: the caller's group whose token budget is used most, and the percentage used; None without a budget.
    """

    request_id: str
    began: float
    route: str = "unmatched"
    status: int = 0
    first_byte: float | None = None
    caller: Caller | None = None
    model: str = ""
    scaled_service: str = ""
    form_model: FormModel | None = None
    content: Any = None
    work: float = 0.0
    counts_tokens: bool = False
    error_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    has_estimated_tokens: bool = False
    bytes_in: int = 0
    bytes_out: int = 0
    audited_content: str = ""
    budget: tuple[str, float] | None = None

    def attach(self, scope: Any) -> None:
        """Put it where `of` finds it."""
        scope[_KEY] = self

    @staticmethod
    def of(scope: Any) -> RequestContext:
        """The context of an ASGI scope."""
        found: RequestContext = scope[_KEY]
        return found
