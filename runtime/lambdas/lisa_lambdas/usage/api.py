"""The endpoint of usage: one's own, and for administrators that of all."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional

from pydantic import BaseModel, Field
from typing_extensions import Literal

from lisa_lambdas.errors import BadRequestError
from lisa_lambdas.rest import RestApi
from lisa_lambdas.usage.store import Entry, UsageStore

_DAYS_AT_MOST = 92
_DEFAULT_DAYS = 30


class UsageQuery(BaseModel):
    """Which usage is asked for.

    Attributes:
        first: the first day, in UTC; 30 days up to the last one when left out.
        last: the last day; today when left out.
        by: what administrators see the usage of all callers by; one's own by model when left out.
    """

    first: Optional[date] = Field(default=None, alias="from")
    last: Optional[date] = Field(default=None, alias="to")
    by: Optional[Literal["user", "group", "model"]] = None


def now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)


def create_app(store: UsageStore, *, web_origin: str, clock: Callable[[], datetime] = now) -> RestApi:
    """The endpoint of one table of usage."""
    api = RestApi(web_origin)

    @api.get("/usage")
    def get_usage() -> Dict[str, Any]:
        caller, query = api.caller(), api.read_query(UsageQuery)
        days = _days(query, clock().date())
        if query.by is None:
            return _answer(days, "model", store.of_user(caller.subject, days[0], days[-1]))
        caller.must_be_admin()
        return _answer(days, query.by, store.totals(query.by, days))

    return api


def _days(query: UsageQuery, today: date) -> List[date]:
    last = query.last or today
    first = query.first or last - timedelta(days=_DEFAULT_DAYS - 1)
    count = (last - first).days + 1
    if count < 1:
        raise BadRequestError("query.from: the first day must not be after the last one (`to`).")
    if count > _DAYS_AT_MOST:
        raise BadRequestError(f"query.from: {count} days; ask for at most {_DAYS_AT_MOST} days at a time.")
    return [first + timedelta(days=number) for number in range(count)]


def _answer(days: List[date], kind: str, entries: List[Entry]) -> Dict[str, Any]:
    return {
        "from": days[0].isoformat(),
        "to": days[-1].isoformat(),
        "usage": [{"day": entry.day, kind: entry.name, **entry.usage.as_json()} for entry in entries],
    }
