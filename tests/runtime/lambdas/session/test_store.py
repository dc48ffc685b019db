"""The table when it does not take everything at once, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lisa_lambdas.errors import TooLargeError, TooManyRequestsError, UnavailableError
from lisa_lambdas.session.revision import Revision
from lisa_lambdas.session.store import SessionStore


class Table:
    """A table that gives keys page by page and leaves `refused` of each batch undone for `stubborn` rounds."""

    def __init__(self, keys: int, *, page: int = 40, refused: int = 0, stubborn: int = 0) -> None:
        self.keys = [{"userId": {"S": "u"}, "sessionId": {"S": str(number)}} for number in range(keys)]
        self.page = page
        self.refused = refused
        self.stubborn = stubborn
        self.batches: list[int] = []

    def query(self, **_: Any) -> dict[str, Any]:
        found = self.keys[: self.page]
        return {"Items": list(found), **({"LastEvaluatedKey": found[-1]} if len(self.keys) > self.page else {})}

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        ((table, requests),) = RequestItems.items()
        self.batches.append(len(requests))
        left = self.refused if self.stubborn > 0 else 0
        self.stubborn -= 1
        for request in requests[left:]:
            self.keys.remove(request["DeleteRequest"]["Key"])
        return {"UnprocessedItems": {table: requests[:left]}} if left else {}


def store(table: Any, waited: list[float] | None = None) -> SessionStore:
    return SessionStore(table, table="t", index="i", sleep=(waited if waited is not None else []).append)


def test_all_pages_are_deleted_in_batches() -> None:
    table = Table(90)
    assert store(table).delete_all("u", seconds_left=lambda: 30) == 90
    assert table.keys == []
    assert max(table.batches) == 25


def test_what_was_not_taken_is_sent_again_after_longer_and_longer_waits() -> None:
    table, waited = Table(10, refused=4, stubborn=3), list[float]()
    assert store(table, waited).delete_all("u", seconds_left=lambda: 30) == 10
    assert table.batches == [10, 4, 4, 4]
    assert waited == [0.05, 0.1, 0.2]


def test_a_table_that_takes_nothing_is_429() -> None:
    with pytest.raises(TooManyRequestsError):
        store(Table(10, refused=4, stubborn=99)).delete_all("u", seconds_left=lambda: 30)


def test_short_of_time_it_says_how_far_it_came() -> None:
    left = iter([30.0, 2.0])
    with pytest.raises(UnavailableError, match="after 25 sessions"):
        store(Table(40)).delete_all("u", seconds_left=lambda: next(left))


def keep(sessions: SessionStore) -> object:
    revision = Revision(1, base=0, writer=None)
    return sessions.keep("u", "s", packed=b"", title="", now="", replacing=0, revision=revision)


class Failing:
    """A client whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(**_: Any) -> None:
            raise self.error

        return fail


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "Query"), TooManyRequestsError),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Query"), UnavailableError),
        (EndpointConnectionError(endpoint_url="http://x"), UnavailableError),
    ],
)
def test_errors_of_aws_become_answers(error: Exception, expected: type[Exception]) -> None:
    failing = store(Failing(error))
    for call in (
        lambda: failing.page("u", limit=1, after=None),
        lambda: failing.find("u", "s"),
        lambda: keep(failing),
        lambda: failing.delete("u", "s"),
        lambda: failing.delete_all("u", seconds_left=lambda: 30),
    ):
        with pytest.raises(expected):
            call()


def test_more_sessions_than_dynamodb_allows_for_one_user_are_413() -> None:
    error = ClientError({"Error": {"Code": "ItemCollectionSizeLimitExceededException"}}, "UpdateItem")
    with pytest.raises(TooLargeError, match="Delete sessions"):
        keep(store(Failing(error)))
