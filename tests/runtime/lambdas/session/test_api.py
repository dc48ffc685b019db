"""The session endpoints, through the handler, on the table that the chat stack defines."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest

from lisa_lambdas.session import handler as module
from lisa_lambdas.session.api import create_app
from lisa_lambdas.session.conversation import PACKED_LIMIT
from lisa_lambdas.session.store import SessionStore
from runtime.lambdas.proxy_events import ADMIN, ANN, BOB, CONTEXT, ORIGIN, content, proxy_event, refusal

MESSAGES = [{"type": "human", "content": "Why is the sky blue?"}, {"type": "ai", "content": "Scattering.", "n": 1.5}]
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(make_table: Callable[[str, str], str], set_environment: Callable[[str], None]) -> Iterator[Call]:
    """Call the handler as the chat stack deploys it."""
    make_table("chat", "SessionsTable")
    set_environment("chat")
    module._app.cache_clear()
    yield lambda method, path, **others: module.handler(proxy_event(method, path, **others), CONTEXT)
    module._app.cache_clear()


def put(
    call: Call, session_id: str, *, caller: dict[str, str] = ANN, messages: object = MESSAGES, **others: Any
) -> dict[str, Any]:
    return call("PUT", f"/session/{session_id}", body={"messages": messages, **others}, caller=caller)


def ids(answer: dict[str, Any]) -> list[str]:
    return [session["sessionId"] for session in content(answer)["sessions"]]


def test_a_session_comes_back_as_it_was_put(call: Call) -> None:
    answer = put(call, "one")
    assert answer["statusCode"] == 200
    kept = content(answer)
    assert kept["title"] == "Why is the sky blue?"
    assert kept["startTime"] == kept["updatedAt"]
    assert content(call("GET", "/session/one")) == {**kept, "messages": MESSAGES}


def test_a_changed_session_keeps_its_start(call: Call) -> None:
    first = content(put(call, "one"))
    second = content(put(call, "one", messages=[], version=first["version"]))
    assert second["startTime"] == first["startTime"]
    assert second["updatedAt"] > first["updatedAt"]
    assert content(call("GET", "/session/one"))["messages"] == []


def test_the_list_has_those_changed_last_first(call: Call) -> None:
    for name in ("one", "two", "three", "one"):
        put(call, name)
    answer = call("GET", "/session")
    assert ids(answer) == ["one", "three", "two"]
    assert content(answer)["nextCursor"] is None
    assert "messages" not in content(answer)["sessions"][0]


def test_the_list_has_pages(call: Call) -> None:
    for number in range(5):
        put(call, f"s{number}")
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = call("GET", "/session", query=query)
        seen += ids(answer)
        if (cursor := content(answer)["nextCursor"]) is None:
            break
        query["cursor"] = cursor
    assert seen == ["s4", "s3", "s2", "s1", "s0"]


def test_nobody_sees_or_changes_anothers_sessions(call: Call) -> None:
    put(call, "one")
    put(call, "two")
    for other in (BOB, ADMIN):
        assert ids(call("GET", "/session", caller=other)) == []
        assert refusal(call("GET", "/session/one", caller=other)) == (404, "NotFound")
        assert refusal(call("DELETE", "/session/one", caller=other)) == (404, "NotFound")
        assert content(call("DELETE", "/session", caller=other)) == {"deleted": 0}
        put(call, "one", caller=other, messages=[{"content": "mine"}])
    assert content(call("GET", "/session/one"))["messages"] == MESSAGES
    assert len(ids(call("GET", "/session"))) == 2


def test_anothers_cursor_leads_into_ones_own_sessions(call: Call) -> None:
    put(call, "bobs", caller=BOB)
    for number in range(3):
        put(call, f"s{number}")
    cursor = content(call("GET", "/session", query={"limit": "1"}))["nextCursor"]
    assert ids(call("GET", "/session", query={"cursor": cursor}, caller=BOB)) == ["bobs"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/session"),
        ("DELETE", "/session"),
        ("GET", "/session/one"),
        ("PUT", "/session/one"),
        ("DELETE", "/session/one"),
    ],
)
def test_requests_that_bypass_the_authorizer_are_refused(call: Call, method: str, path: str) -> None:
    assert refusal(call(method, path, caller=None, body={"messages": []})) == (401, "Unauthorized")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("session_id", ["a b", "x" * 65, "a.b", "ä", "a'b", "%2e%2e"])
def test_an_id_that_is_none(call: Call, method: str, session_id: str) -> None:
    answer = call(method, f"/session/{session_id}", body={"messages": []})
    assert refusal(answer) == (400, "BadRequest")


def test_a_uuid_is_an_id(call: Call) -> None:
    assert put(call, "0b7c34f4-61b8-4f4a-8f5e-0d2b1e0b6a11")["statusCode"] == 200


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"messages": "x"},
        {"messages": ["x"]},
        {"messages": [], "userId": "subject-bob"},
        {"messages": [], "version": -1},
        {"messages": [], "version": 2**53},
        {"messages": [], "version": "x"},
        {"messages": [], "offset": 1},
        {"messages": [], "offset": 1, "version": 0},
        {"messages": [], "offset": -1, "version": 1},
        {"messages": [], "version": 0, "writer": {"id": "a b", "sequence": 0}},
        {"messages": [], "version": 0, "writer": {"id": "a", "sequence": -1}},
        {"messages": [], "version": 0, "writer": {"id": "a"}},
    ],
)
def test_a_body_that_is_no_session(call: Call, body: object) -> None:
    assert refusal(call("PUT", "/session/one", body=body)) == (400, "BadRequest")
    assert ids(call("GET", "/session")) == []


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "x" * 300}, {"cursor": "ü"}]
)
def test_a_page_that_is_none(call: Call, query: dict[str, str]) -> None:
    assert refusal(call("GET", "/session", query=query)) == (400, "BadRequest")


def test_a_session_that_is_not_there(call: Call) -> None:
    assert refusal(call("GET", "/session/none")) == (404, "NotFound")
    assert refusal(call("DELETE", "/session/none")) == (404, "NotFound")


def test_a_session_is_deleted(call: Call) -> None:
    put(call, "one")
    put(call, "two")
    assert content(call("DELETE", "/session/one")) == {"deleted": 1}
    assert ids(call("GET", "/session")) == ["two"]


def test_all_sessions_are_deleted(call: Call) -> None:
    for number in range(60):
        put(call, f"s{number}")
    put(call, "bobs", caller=BOB)
    assert content(call("DELETE", "/session")) == {"deleted": 60}
    assert ids(call("GET", "/session")) == []
    assert ids(call("GET", "/session", caller=BOB)) == ["bobs"]


def test_a_long_session_is_kept_compressed(call: Call) -> None:
    messages = [{"type": "human", "content": "the same words again and again " * 100} for _ in range(400)]
    assert len(json.dumps(messages)) > 1_000_000
    assert put(call, "long", messages=messages)["statusCode"] == 200
    assert content(call("GET", "/session/long"))["messages"] == messages


def test_a_session_that_does_not_fit_is_413_and_changes_nothing(call: Call) -> None:
    put(call, "one")
    noise = "".join(random.Random(1).choices("0123456789abcdef", k=3 * PACKED_LIMIT))
    answer = put(call, "one", messages=[{"content": noise}], version=1)
    assert refusal(answer) == (413, "TooLarge")
    assert "too long" in content(answer)["message"]
    assert content(call("GET", "/session/one"))["messages"] == MESSAGES


@pytest.mark.parametrize(
    ("messages", "title"),
    [
        ([], ""),
        ([{"content": [{"type": "text", "text": "x"}]}], ""),
        ([{"content": "  \n"}, {"content": " a\n\tb "}], "a b"),
        ([{"content": "x" * 500}], "x" * 100),
    ],
)
def test_the_title_is_the_beginning(call: Call, messages: list[dict[str, Any]], title: str) -> None:
    assert content(put(call, "one", messages=messages))["title"] == title


def test_the_clock_orders_the_list_across_days(make_table: Callable[[str, str], str]) -> None:
    store = SessionStore(
        boto3.client("dynamodb"), table=make_table("chat", "SessionsTable"), index="byUpdate", sleep=lambda _: None
    )
    moments = [datetime(2026, 1, 9, tzinfo=timezone(timedelta(hours=5))), datetime(2026, 1, 10, 0, 0, 0, 1, UTC)]
    api = create_app(store, web_origin=ORIGIN, clock=moments.pop)
    for name in ("later", "earlier"):
        api.resolve(proxy_event("PUT", f"/session/{name}", body={"messages": []}), CONTEXT)
    answer = api.resolve(proxy_event("GET", "/session"), CONTEXT)
    assert ids(answer) == ["later", "earlier"]
    assert content(answer)["sessions"][1]["updatedAt"] == "2026-01-08T19:00:00.000000Z"
