"""Usage by user, group and model a day: added up in memory, and added to a DynamoDB table every few seconds.

Items have the key `subject` and `period`. `user#<id>` has an item for each day and model; `day#<date>` has the day's
totals of each user, group and model. A request counts on the day, in UTC, on which it ends.

A batch is one transaction, which is carried out once however often and late it is sent: it creates an item of its own
(`batch#<id>`), and fails as a whole if there is one. DynamoDB's ClientRequestToken does the same for ten minutes only
(DynamoDB API Reference, TransactWriteItems), and batches wait longer than that while the table does not answer.
A worker that is killed loses what it has added up since the last batch, at most `WRITE_SECONDS` of ended requests.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

WRITE_SECONDS: Final = 5.0
"""How often usage is written."""

KEPT_DAYS: Final = 400
"""How long an item is kept."""

_ITEMS: Final = 99  # TransactWriteItems takes 100, of which one is the batch's own.
_BATCH_SECONDS: Final = 2 * 86_400
"""How long the item of a batch is kept: longer than a worker can wait to send it again."""
_WAITING: Final = 200
"""Batches that wait while the table does not answer; the oldest is dropped for another one."""

_CALL_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Amount:
    """What was used.

    Attributes:
        requests: requests that were answered.
        prompt_tokens: tokens of prompts.
        completion_tokens: tokens of answers.
        estimated_tokens: those of both that are an estimate.
    """

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = 0

    def add(self, other: Amount) -> None:
        """Add another amount."""
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.estimated_tokens += other.estimated_tokens


_Key = tuple[str, str]


class UsageRecorder:
    """Records usage in a table.

    Args:
        client: an aiobotocore client of DynamoDB.
        table: name of the table.
        now: UNIX seconds.
    """

    def __init__(self, client: Any, table: str, *, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._amounts: dict[_Key, Amount] = {}
        self._batches: deque[tuple[str, list[dict[str, Any]]]] = deque()
        self._lock = asyncio.Lock()

    def record(self, *, user: str, groups: Iterable[str], model: str, amount: Amount) -> None:
        """Add what a request has used."""
        day = datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%d")
        total = f"day#{day}"
        keys = [(total, f"group#{group}") for group in groups]
        if user:
            keys += [(f"user#{user}", f"{day}#{model}"), (total, f"user#{user}")]
        keys.append((total, f"model#{model}"))
        for key in keys:
            found = self._amounts.get(key)
            if found is None:
                found = self._amounts[key] = Amount()
            found.add(amount)

    async def run(self) -> None:
        """Write what has been added up, until this is cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what has been added up; what the table does not take is kept, with its token."""
        async with self._lock:
            self._make_batches()
            while self._batches:
                token, items = self._batches[0]
                try:
                    async with asyncio.timeout(_CALL_SECONDS):
                        await self._client.transact_write_items(TransactItems=items, ClientRequestToken=token)
                except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
                    if _is_rejected(error):
                        _log.error("usage table %s: %d items were dropped: %s", self._table, len(items) - 1, error)
                    elif not _is_written(error):
                        _log.warning("usage table %s: %s %s", self._table, type(error).__name__, error)
                        return
                self._batches.popleft()

    def _make_batches(self) -> None:
        amounts, self._amounts = list(self._amounts.items()), {}
        expires = int(self._now()) + KEPT_DAYS * 86_400
        for start in range(0, len(amounts), _ITEMS):
            items = [_update(self._table, key, amount, expires) for key, amount in amounts[start : start + _ITEMS]]
            if len(self._batches) >= _WAITING:
                self._batches.popleft()
                _log.error("usage table %s: %d items were dropped: the table does not answer", self._table, _ITEMS)
            token = uuid.uuid4().hex
            self._batches.append((token, [_batch(self._table, token, int(self._now()) + _BATCH_SECONDS), *items]))


def _is_written(error: Exception) -> bool:
    """Whether a batch failed because it has been carried out before: its own item, the first one, is there."""
    if not isinstance(error, ClientError) or _code(error) != "TransactionCanceledException":
        return False
    reasons: Any = error.response.get("CancellationReasons") or []
    return bool(reasons) and reasons[0].get("Code") == "ConditionalCheckFailed"


def _is_rejected(error: Exception) -> bool:
    """Whether DynamoDB will never take a batch, which must not keep the others waiting."""
    return isinstance(error, ClientError) and _code(error) == "ValidationException"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _batch(table: str, token: str, expires: int) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table,
            "Key": {"subject": {"S": f"batch#{token}"}, "period": {"S": "-"}},
            "UpdateExpression": "SET expiresAt = :expires",
            "ConditionExpression": "attribute_not_exists(subject)",
            "ExpressionAttributeValues": {":expires": {"N": str(expires)}},
        }
    }


def _update(table: str, key: _Key, amount: Amount, expires: int) -> dict[str, Any]:
    values = {
        ":requests": amount.requests,
        ":prompt": amount.prompt_tokens,
        ":completion": amount.completion_tokens,
        ":estimated": amount.estimated_tokens,
        ":expires": expires,
    }
    return {
        "Update": {
            "TableName": table,
            "Key": {"subject": {"S": key[0]}, "period": {"S": key[1]}},
            "UpdateExpression": (
                "SET expiresAt = :expires ADD requests :requests, promptTokens :prompt, "
                "completionTokens :completion, estimatedTokens :estimated"
            ),
            "ExpressionAttributeValues": {name: {"N": str(value)} for name, value in values.items()},
        }
    }
