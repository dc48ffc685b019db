"""Versions of a session: writers that know of each other, that do not, and that are faster than each other."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from lisa_lambdas.session import handler as module
from lisa_lambdas.session.api import create_app
from lisa_lambdas.session.conversation import PACKED_LIMIT, pack
from lisa_lambdas.session.store import SessionStore
from runtime.lambdas.proxy_events import ANN, BOB, CONTEXT, ORIGIN, content, proxy_event, refusal

Put = Callable[..., dict[str, Any]]


def message(text: str) -> dict[str, Any]:
    return {"type": "human", "id": f"id-{text}", "content": text}


A, B, C = message("a"), message("b"), message("c")


class Sessions:
    """The session function with its table."""

    def __init__(self, table: str) -> None:
        self.table = table

    def put(self, messages: list[dict[str, Any]], *, session_id: str = "one", **others: Any) -> dict[str, Any]:
        event = proxy_event("PUT", f"/session/{session_id}", body={"messages": messages, **others})
        return module.handler(event, CONTEXT)

    def get(self, session_id: str = "one") -> Any:
        return content(module.handler(proxy_event("GET", f"/session/{session_id}"), CONTEXT))

    def delete(self, path: str = "/session/one") -> None:
        assert module.handler(proxy_event("DELETE", path), CONTEXT)["statusCode"] == 200

    def keep_as_before_versions(self, messages: list[dict[str, Any]]) -> None:
        """An item as LISA 3.0 kept it."""
        moment = {"S": "2026-11-01T00:00:00.000000Z"}
        item = {"messages": {"B": pack(messages)}, "title": {"S": "a"}, "startTime": moment, "updatedAt": moment}
        key = {"userId": {"S": ANN["principalId"]}, "sessionId": {"S": "one"}}
        boto3.client("dynamodb").put_item(TableName=self.table, Item={**key, **item})


@pytest.fixture
def sessions(make_table: Callable[[str, str], str], set_environment: Callable[[str], None]) -> Iterator[Sessions]:
    """The function as the chat stack deploys it."""
    table = make_table("chat", "SessionsTable")
    set_environment("chat")
    module._app.cache_clear()
    yield Sessions(table)
    module._app.cache_clear()


def conflicting(answer: dict[str, Any]) -> dict[str, Any]:
    """The newer session that a conflict carries."""
    found = content(answer)
    assert (answer["statusCode"], found["code"]) == (409, "Conflict")
    assert set(found) == {"message", "code", "session"}
    session: dict[str, Any] = found["session"]
    return session


def test_each_write_makes_the_next_version(sessions: Sessions) -> None:
    assert content(sessions.put([A], version=0))["version"] == 1
    assert content(sessions.put([A, B], version=1))["version"] == 2
    third = content(sessions.put([A, B, C], version=2))
    assert third["version"] == 3
    assert sessions.get() == {**third, "messages": [A, B, C]}


def test_a_write_based_on_an_older_version_is_409_with_the_newer_session(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    sessions.put([A, B], version=1)
    assert conflicting(sessions.put([A, C], version=1)) == sessions.get()
    assert sessions.get()["messages"] == [A, B]


def test_a_write_based_on_a_version_that_is_yet_to_come_is_409(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    assert conflicting(sessions.put([C], version=2))["version"] == 1


def test_a_new_session_does_not_replace_one_of_its_id(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    assert conflicting(sessions.put([B], version=0))["messages"] == [A]


def test_a_deleted_session_is_not_resurrected_by_a_late_write(sessions: Sessions) -> None:
    for path in ("/session/one", "/session"):
        sessions.put([A], version=0)
        sessions.delete(path)
        assert refusal(sessions.put([A, B], version=1)) == (404, "NotFound")
        assert content(module.handler(proxy_event("GET", "/session"), CONTEXT))["sessions"] == []


def test_a_session_from_before_versions_is_the_first_one(sessions: Sessions) -> None:
    sessions.keep_as_before_versions([A])
    assert sessions.get()["version"] == 1
    assert conflicting(sessions.put([B], version=0))["messages"] == [A]
    assert conflicting(sessions.put([B], version=2))["messages"] == [A]
    assert content(sessions.put([A, B], version=1))["version"] == 2
    assert conflicting(sessions.put([A, C], version=1))["messages"] == [A, B]


def test_a_client_without_versions_may_begin_and_go_on(sessions: Sessions) -> None:
    assert content(sessions.put([A]))["version"] == 1
    assert content(sessions.put([A, B]))["version"] == 2
    assert content(sessions.put([A, B]))["version"] == 3
    assert sessions.get()["messages"] == [A, B]


@pytest.mark.parametrize("messages", [[], [A], [A, C], [B, A, C]])
def test_a_client_without_versions_cannot_lose_messages(sessions: Sessions, messages: list[dict[str, Any]]) -> None:
    sessions.put([A, B], version=0)
    assert conflicting(sessions.put(messages))["messages"] == [A, B]
    assert sessions.get()["messages"] == [A, B]


def test_an_offset_keeps_the_messages_before_it(sessions: Sessions) -> None:
    sessions.put([A, B], version=0)
    sessions.put([C], version=1, offset=1)
    assert sessions.get()["messages"] == [A, C]
    sessions.put([B], version=2, offset=2)
    assert sessions.get()["messages"] == [A, C, B]


def test_an_offset_beyond_the_end_is_400(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    assert refusal(sessions.put([B], version=1, offset=2)) == (400, "BadRequest")
    assert sessions.get()["messages"] == [A]


def test_an_offset_counts_in_the_size(sessions: Sessions) -> None:
    first, second = (
        {"content": "".join(random.Random(seed).choices("0123456789abcdef", k=PACKED_LIMIT))} for seed in (1, 2)
    )
    assert sessions.put([first], version=0)["statusCode"] == 200
    assert refusal(sessions.put([second], version=1, offset=1)) == (413, "TooLarge")
    assert sessions.get()["messages"] == [first]


def writer(sequence: int, name: str = "page") -> dict[str, Any]:
    return {"id": name, "sequence": sequence}


def test_a_page_that_is_closed_replaces_its_own_last_write(sessions: Sessions) -> None:
    sessions.put([A], version=0, writer=writer(1))
    assert content(sessions.put([A, B], version=0, writer=writer(2)))["version"] == 2
    assert sessions.get()["messages"] == [A, B]


def test_the_earlier_of_a_pages_writes_does_not_replace_the_later(sessions: Sessions) -> None:
    sessions.put([A, B], version=0, writer=writer(2))
    assert conflicting(sessions.put([A], version=0, writer=writer(1)))["messages"] == [A, B]


@pytest.mark.parametrize(
    ("version", "other"),
    [(0, {"writer": writer(9, "another")}), (0, {}), (2, {"writer": writer(9)})],
    ids=["another page", "no page", "another base"],
)
def test_only_the_same_page_replaces_from_the_same_base(
    sessions: Sessions, version: int, other: dict[str, Any]
) -> None:
    sessions.put([A], version=0, writer=writer(1))
    assert conflicting(sessions.put([B], version=version, **other))["messages"] == [A]


def test_a_page_does_not_replace_what_another_wrote_upon_its_write(sessions: Sessions) -> None:
    sessions.put([A], version=0, writer=writer(1))
    sessions.put([A, B], version=1, writer=writer(1, "another"))
    assert conflicting(sessions.put([A, C], version=0, writer=writer(2)))["messages"] == [A, B]


def test_a_write_without_a_page_ends_the_pages_claim(sessions: Sessions) -> None:
    sessions.put([A], version=0, writer=writer(1))
    sessions.put([A, B], version=1)
    assert conflicting(sessions.put([A, C], version=0, writer=writer(2)))["messages"] == [A, B]


def test_versions_of_one_caller_say_nothing_of_anothers(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    event = proxy_event("PUT", "/session/one", body={"messages": [B], "version": 1}, caller=BOB)
    assert refusal(module.handler(event, CONTEXT)) == (404, "NotFound")
    assert sessions.get()["messages"] == [A]


class Racing:
    """A client of DynamoDB before whose writes another writer comes."""

    def __init__(self, client: Any, rivals: list[Callable[[], None]]) -> None:
        self.client = client
        self.rivals = rivals

    def get_item(self, **arguments: Any) -> Any:
        return self.client.get_item(**arguments)

    def update_item(self, **arguments: Any) -> Any:
        if self.rivals:
            self.rivals.pop()()
        return self.client.update_item(**arguments)


def racing(sessions: Sessions, rivals: list[Callable[[], None]], **body: Any) -> dict[str, Any]:
    client = Racing(boto3.client("dynamodb"), rivals)
    api = create_app(SessionStore(client, table=sessions.table, index="byUpdate"), web_origin=ORIGIN)
    return api.resolve(proxy_event("PUT", "/session/one", body=body), CONTEXT)


def test_a_write_between_reading_and_writing_is_409(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    rival: Callable[[], None] = lambda: void(sessions.put([A, B], version=1))  # noqa: E731
    assert conflicting(racing(sessions, [rival], messages=[A, C], version=1))["messages"] == [A, B]


def test_two_that_begin_a_session_at_once(sessions: Sessions) -> None:
    rival: Callable[[], None] = lambda: void(sessions.put([B], version=0))  # noqa: E731
    assert conflicting(racing(sessions, [rival], messages=[A], version=0))["messages"] == [B]


def test_a_deletion_between_reading_and_writing_is_404(sessions: Sessions) -> None:
    sessions.put([A], version=0)
    assert refusal(racing(sessions, [sessions.delete], messages=[A, B], version=1)) == (404, "NotFound")


def test_a_client_without_versions_that_is_always_late_is_429(sessions: Sessions) -> None:
    sessions.put([A])
    rivals: list[Callable[[], None]] = [lambda: void(sessions.put([A]))] * 9
    assert refusal(racing(sessions, rivals, messages=[A, B])) == (429, "TooManyRequests")
    assert sessions.get()["messages"] == [A]


def test_a_session_in_chinese_comes_back_in_as_many_bytes_as_it_was_sent(sessions: Sessions) -> None:
    body = {"messages": [{"type": "human", "content": "天空为什么是蓝色的。" * 1000}], "version": 0}
    sent = json.dumps(body, ensure_ascii=False).encode()
    assert module.handler(proxy_event("PUT", "/session/one", body=sent.decode()), CONTEXT)["statusCode"] == 200
    answer = module.handler(proxy_event("GET", "/session/one"), CONTEXT)
    assert len(answer["body"].encode()) < len(sent) + 1000


def void(_: object) -> None:
    """Drop an answer."""
