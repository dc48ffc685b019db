"""What callers get when they may not use a model, or have used what they may; and OpenAI's `x-ratelimit-*` headers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from lisa_gateway.access.document import LimitKind, Rule
from lisa_gateway.errors import ForbiddenError, GatewayError, UnavailableError

Headers = list[tuple[bytes, bytes]]

_WORDS = {
    LimitKind.REQUESTS: "requests per minute",
    LimitKind.TOKENS: "tokens per minute",
    LimitKind.CONCURRENT: "requests at the same time",
    LimitKind.DAILY_TOKENS: "tokens per day",
    LimitKind.MONTHLY_TOKENS: "tokens per month",
}


class ModelForbiddenError(ForbiddenError):
    """The caller may not use the model."""

    code = "model_not_permitted"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"You have no access to the model {model!r}. Use a model listed by /models, or ask an administrator to add "
            "one of your groups to it."
        )


class LimitExceededError(GatewayError):
    """The caller has used what a limit allows."""

    status = 429
    kind = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, rule: Rule, *, end: float, now: float, headers: Headers) -> None:
        whose = "All callers of your group together have" if rule.group is not None else "You have"
        limit = f"{whose} a limit of {rule.limit:,} {_WORDS[rule.kind]}, which is reached."
        if rule.kind.is_budget:
            self.code = "insufficient_quota"
            moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d %H:%M UTC")
            super().__init__(f"{limit} Try again after {moment}, or ask an administrator for a larger budget.")
        elif rule.kind is LimitKind.CONCURRENT:
            super().__init__(f"{limit} Try again when one of them has ended.")
        else:
            super().__init__(f"{limit} Try again in {_seconds(end, now)} s.")
        wait = 1 if rule.kind is LimitKind.CONCURRENT else _seconds(end, now)
        self.headers = {
            "Retry-After": str(wait),
            # Clients of OpenAI would otherwise repeat a request that cannot succeed for hours.
            **({"x-should-retry": "false"} if rule.kind.is_budget else {}),
            **{name.decode(): value.decode() for name, value in headers},
        }


class BudgetUnknownError(UnavailableError):
    """What is left of a budget is not known."""

    code = "budget_unavailable"

    def __init__(self) -> None:
        super().__init__("Token budgets cannot be checked at the moment; try again shortly.")


def rate_headers(what: str, limit: int, remaining: int, end: float, now: float) -> Headers:
    """OpenAI's headers for the limit of a minute: `what` is `requests` or `tokens`."""
    return [
        (f"x-ratelimit-limit-{what}".encode(), str(limit).encode()),
        (f"x-ratelimit-remaining-{what}".encode(), str(remaining).encode()),
        (f"x-ratelimit-reset-{what}".encode(), f"{_seconds(end, now)}s".encode()),
    ]


def _seconds(end: float, now: float) -> int:
    return max(1, math.ceil(end - now))
