"""Where sessions are kept: a DynamoDB table whose partition is the user.

Every request names the caller's partition, so that no request can reach another user's sessions. Reads are consistent:
a session is in the list as soon as it was kept. Every write is conditional on the version that it replaces (Amazon
DynamoDB Developer Guide, "Optimistic locking with version number"), so that of several writers one succeeds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code
from lisa_lambdas.errors import TooLargeError, TooManyRequestsError, UnavailableError
from lisa_lambdas.session.conversation import Summary
from lisa_lambdas.session.cursor import Cursor
from lisa_lambdas.session.revision import FIRST_VERSION, Revision, Writer

_SERVICE = "The sessions table"
# BatchWriteItem takes no more (DynamoDB API Reference).
_BATCH = 25
_TRIES = 8
_FIRST_WAIT_SECONDS = 0.05


@dataclass(frozen=True)
class Stored:
    """A session with its messages, as they were packed, and the revision that they are."""

    summary: Summary
    revision: Revision
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
        return Stored(_summary(item), _revision(item), item["messages"]["B"]) if item else None

    def keep(
        self, user: str, session_id: str, *, packed: bytes, title: str, now: str, replacing: int, revision: Revision
    ) -> Optional[Summary]:
        """Keep a session in place of the version that it replaces; its start stays.

        Args:
            user: the partition.
            session_id: id of the session.
            packed: its messages.
            title: its title.
            now: the time.
            replacing: the stored version; 0 when there must be no such session.
            revision: what it is from now on.

        Returns:
            The session's summary; None, and nothing is changed, when another version is stored, or none.

        Raises:
            TooLargeError: the user's sessions together are as large as DynamoDB allows.
        """
        values: Dict[str, Any] = {
            ":messages": {"B": packed},
            ":title": {"S": title},
            ":now": {"S": now},
            ":version": {"N": str(revision.version)},
            ":base": {"N": str(revision.base)},
        }
        if replacing:
            values[":replacing"] = {"N": str(replacing)}
        if revision.writer:
            values[":writer"] = {"S": revision.writer.id}
            values[":sequence"] = {"N": str(revision.writer.sequence)}
        with answered_by(_SERVICE):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(user, session_id),
                    UpdateExpression=(
                        "SET messages = :messages, title = :title, updatedAt = :now, "
                        "startTime = if_not_exists(startTime, :now), version = :version, baseVersion = :base"
                        + (
                            ", writer = :writer, writerSequence = :sequence"
                            if revision.writer
                            else " REMOVE writer, writerSequence"
                        )
                    ),
                    ConditionExpression=_condition(replacing),
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                )
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return None
                if error_code(error) == "ItemCollectionSizeLimitExceededException":
                    raise TooLargeError(
                        "Your sessions together exceed 10 GB. Delete sessions and try again."
                    ) from error
                raise
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
                    raise UnavailableError(
                        f"Time ran out after {deleted} sessions; repeat the request to delete the others."
                    )
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
        raise TooManyRequestsError(f"{_SERVICE} is throttling requests. Try again in a moment.")


def _key(user: str, session_id: str) -> Dict[str, Any]:
    return {"userId": {"S": user}, "sessionId": {"S": session_id}}


def _condition(replacing: int) -> str:
    if replacing == 0:
        return "attribute_not_exists(sessionId)"
    if replacing == FIRST_VERSION:
        # Sessions that were kept before there were versions count as their first one.
        return "version = :replacing OR (attribute_exists(sessionId) AND attribute_not_exists(version))"
    return "version = :replacing"


def _revision(item: Mapping[str, Any]) -> Revision:
    writer = Writer(item["writer"]["S"], int(item["writerSequence"]["N"])) if "writer" in item else None
    if "version" not in item:
        return Revision(FIRST_VERSION, base=0, writer=None)
    return Revision(int(item["version"]["N"]), base=int(item["baseVersion"]["N"]), writer=writer)


def _summary(item: Mapping[str, Any]) -> Summary:
    return Summary(
        session_id=item["sessionId"]["S"],
        start_time=item["startTime"]["S"],
        updated_at=item["updatedAt"]["S"],
        title=item["title"]["S"],
    )
