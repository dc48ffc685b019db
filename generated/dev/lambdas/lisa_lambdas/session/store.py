"""Where sessions are kept: a DynamoDB table whose partition is the user.

Every request names the caller's partition, so that no request can reach another user's sessions. Reads are consistent:
a session is in the list as soon as it was kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code
from lisa_lambdas.errors import TooManyRequestsError, UnavailableError
from lisa_lambdas.session.conversation import Summary
from lisa_lambdas.session.cursor import Cursor

_SERVICE = "The sessions table"
# BatchWriteItem takes no more (DynamoDB API Reference).
_BATCH = 25
_TRIES = 8
_FIRST_WAIT_SECONDS = 0.05


@dataclass(frozen=True)
class Stored:
    """A session with its messages, as they were packed."""

    summary: Summary
    packed: bytes


class SessionStore:
    """Sessions in a table.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
        index: name of its index by the time of the last change.
        sleep: waits for seconds.
    """

    def __init__(self, client: Any, *, table: str, index: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._index = index
        self._sleep = sleep

    def page(self, user: str, *, limit: int, after: Optional[Cursor]) -> Tuple[List[Summary], Optional[Cursor]]:
        """A page of a user's sessions, those changed last first, and where the next one begins, if there is one."""
        start = {**_key(user, after.session_id), "updatedAt": {"S": after.updated_at}} if after else None
        with answered_by(_SERVICE):
            answer = self._client.query(
                TableName=self._table,
                IndexName=self._index,
                KeyConditionExpression="userId = :user",
                ExpressionAttributeValues={":user": {"S": user}},
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit,
                **({"ExclusiveStartKey": start} if start else {}),
            )
        last = answer.get("LastEvaluatedKey")
        summaries = [_summary(item) for item in answer["Items"]]
        return summaries, Cursor(last["updatedAt"]["S"], last["sessionId"]["S"]) if last else None

    def find(self, user: str, session_id: str) -> Optional[Stored]:
        """A user's session; None when there is none."""
        with answered_by(_SERVICE):
            answer = self._client.get_item(TableName=self._table, Key=_key(user, session_id), ConsistentRead=True)
        item = answer.get("Item")
        return Stored(_summary(item), item["messages"]["B"]) if item else None

    def keep(self, user: str, session_id: str, *, packed: bytes, title: str, now: str) -> Summary:
        """Keep a session, new or instead of what it was; its start stays."""
        with answered_by(_SERVICE):
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(user, session_id),
                UpdateExpression=(
                    "SET messages = :messages, title = :title, updatedAt = :now, "
                    "startTime = if_not_exists(startTime, :now)"
                ),
                ExpressionAttributeValues={
                    ":messages": {"B": packed},
                    ":title": {"S": title},
                    ":now": {"S": now},
                },
                ReturnValues="ALL_NEW",
            )
        return _summary(answer["Attributes"])

    def delete(self, user: str, session_id: str) -> bool:
        """Delete a user's session; whether there was one."""
        with answered_by(_SERVICE):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(user, session_id),
                    ConditionExpression="attribute_exists(sessionId)",
                )
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def delete_all(self, user: str, *, seconds_left: Callable[[], float]) -> int:
        """Delete all of a user's sessions, and say how many there were.

        Raises:
            UnavailableError: there is not the time for all of them; those that are gone stay gone.
            TooManyRequestsError: the table takes no more for now, likewise.
        """
        deleted = 0
        while True:
            with answered_by(_SERVICE):
                answer = self._client.query(
                    TableName=self._table,
                    # The index holds no messages, so that a page of it has thousands of sessions.
                    IndexName=self._index,
                    KeyConditionExpression="userId = :user",
                    ExpressionAttributeValues={":user": {"S": user}},
                    ProjectionExpression="userId, sessionId",
                    ConsistentRead=True,
                )
            keys = answer["Items"]
            for start in range(0, len(keys), _BATCH):
                if seconds_left() < 3:
                    raise UnavailableError(f"Time ran out after {deleted} sessions; delete the others again.")
                self._delete_batch(keys[start : start + _BATCH])
                deleted += len(keys[start : start + _BATCH])
            # What was read is gone, so that the next question begins anew instead of where this one ended.
            if "LastEvaluatedKey" not in answer:
                return deleted

    def _delete_batch(self, keys: List[Dict[str, Any]]) -> None:
        requests: Dict[str, Any] = {self._table: [{"DeleteRequest": {"Key": key}} for key in keys]}
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1))
            with answered_by(_SERVICE):
                requests = self._client.batch_write_item(RequestItems=requests).get("UnprocessedItems", {})
            if not requests:
                return
        raise TooManyRequestsError(f"{_SERVICE} takes no more for now; try again in a moment.")


def _key(user: str, session_id: str) -> Dict[str, Any]:
    return {"userId": {"S": user}, "sessionId": {"S": session_id}}


def _summary(item: Mapping[str, Any]) -> Summary:
    return Summary(
        session_id=item["sessionId"]["S"],
        start_time=item["startTime"]["S"],
        updated_at=item["updatedAt"]["S"],
        title=item["title"]["S"],
    )
