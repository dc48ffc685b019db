"""A request and its answer, as the layers of the gateway tell each other of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_KEY = "lisa_gateway.request_context"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls.

    Attributes:
        kind: `token` for an API token, `oidc` for a person, `anonymous` where no authentication is configured.
        name: what the log may say of it: a digest, or nothing.
        is_admin: whether it belongs to the group of administrators.
        key: what tells it from other callers, which no log says: a digest, or nothing where callers are not told apart.
    """

    kind: str
    name: str = ""
    key: bytes = b""
    is_admin: bool = False


@dataclass(slots=True, kw_only=True)
class Exchange:
    """What is known of a request so far; times are `time.perf_counter` seconds.

    Attributes:
        request_id: its id, the caller's own or a new one.
        began: when it came in.
        route: template of the route, for the log and the metrics; never what the caller wrote.
        status: status of the answer, 0 until it has begun.
        first_byte: when the first part of the answer's body went out.
        caller: who calls, once that is known.
        fault: why it did not go as it should, in a word for the log.
        prompt_tokens: tokens of the prompt, when the answer says so.
        completion_tokens: tokens of the answer, when it says so.
    """

    request_id: str
    began: float
    route: str = "unmatched"
    status: int = 0
    first_byte: float | None = None
    caller: Caller | None = None
    fault: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def attach(self, scope: Any) -> None:
        """Put it where `of` finds it."""
        scope[_KEY] = self

    @staticmethod
    def of(scope: Any) -> Exchange:
        """The exchange of an ASGI scope."""
        found: Exchange = scope[_KEY]
        return found
