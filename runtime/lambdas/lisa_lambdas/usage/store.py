"""Usage as the gateway writes it (lisa_gateway.access.usage): an item for a user, day and model, and a day's totals."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Dict, Iterator, List, Mapping

from lisa_lambdas.aws_errors import answered_by

_SERVICE = "The usage table"
_AFTER_ALL = "\U0010ffff"


@dataclass(frozen=True)
class Usage:
    """What was used.

    Attributes:
        requests: requests that were answered.
        prompt_tokens: tokens of prompts.
        completion_tokens: tokens of answers.
        estimated_tokens: those of both that are an estimate, because the answer did not report them.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    estimated_tokens: int

    def as_json(self) -> Dict[str, int]:
        """The usage as the API shows it."""
        names = ("requests", "promptTokens", "completionTokens", "estimatedTokens")
        return dict(zip(names, asdict(self).values()))


@dataclass(frozen=True)
class Entry:
    """Usage of a day.

    Attributes:
        day: `YYYY-MM-DD`, in UTC.
        name: whose it is: a user, a group or a model.
        usage: the usage.
    """

    day: str
    name: str
    usage: Usage


class UsageStore:
    """Usage in a table.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
    """

    def __init__(self, client: Any, *, table: str) -> None:
        self._client = client
        self._table = table

    def of_user(self, subject: str, first: date, last: date) -> List[Entry]:
        """A user's usage by day and model, in their order."""
        user = f"user#{user_id(subject)}"
        items = self._query(user, f"{first.isoformat()}#", f"{last.isoformat()}#{_AFTER_ALL}")
        found = ((item["period"]["S"].partition("#"), item) for item in items)
        return [Entry(day, model, _usage(item)) for (day, _, model), item in found]

    def totals(self, kind: str, days: List[date]) -> List[Entry]:
        """Usage of all users, groups or models, by day and name.

        Args:
            kind: `user`, `group` or `model`.
            days: the days.
        """
        return [
            Entry(day.isoformat(), item["period"]["S"].partition("#")[2], _usage(item))
            for day in days
            for item in self._query(f"day#{day.isoformat()}", f"{kind}#", f"{kind}#{_AFTER_ALL}")
        ]

    def _query(self, subject: str, first: str, last: str) -> Iterator[Mapping[str, Any]]:
        values = {":subject": {"S": subject}, ":first": {"S": first}, ":last": {"S": last}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="subject = :subject AND #period BETWEEN :first AND :last",
            ExpressionAttributeNames={"#period": "period"},
            ExpressionAttributeValues=values,
        )
        with answered_by(_SERVICE):
            for page in pages:
                yield from page["Items"]


def user_id(subject: str) -> str:
    """What the gateway calls a user, in its log too: a digest of the subject."""
    return hashlib.sha256(subject.encode()).hexdigest()[:12]


def _usage(item: Mapping[str, Any]) -> Usage:
    names = ("requests", "promptTokens", "completionTokens", "estimatedTokens")
    return Usage(*(int(item[name]["N"]) if name in item else 0 for name in names))
