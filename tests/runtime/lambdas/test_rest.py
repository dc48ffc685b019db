"""What holds for every endpoint: the shape of answers and errors, and requests that are not what they should be."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import BaseModel, Field

from lisa_lambdas.errors import NotFoundError
from lisa_lambdas.rest import RestApi
from runtime.lambdas.proxy_events import CONTEXT, ORIGIN, content, proxy_event, refusal


class Order(BaseModel):
    names: list[str] = Field(min_length=1)
    count: int = 1


class Search(BaseModel):
    query: str
    top: int = Field(default=3, ge=1, le=100)


@pytest.fixture
def api() -> RestApi:
    rest = RestApi(ORIGIN)

    @rest.put("/order/<name>")
    def put(name: str) -> dict[str, Any]:
        return {"name": name, "by": rest.caller().username, **rest.read_body(Order).model_dump()}

    @rest.post("/text")
    def text() -> dict[str, Any]:
        return {"text": rest.read_text()}

    @rest.get("/search")
    def search() -> dict[str, Any]:
        return rest.read_query(Search).model_dump()

    @rest.get("/missing")
    def missing() -> dict[str, Any]:
        raise NotFoundError("There is no such thing.")

    @rest.get("/defect")
    def defect() -> dict[str, Any]:
        raise KeyError("password=hunter2")

    return rest


def put(api: RestApi, body: object, **others: Any) -> dict[str, Any]:
    return api.resolve(proxy_event("PUT", "/order/a", body=body, **others), CONTEXT)


def test_a_request_is_answered_with_the_headers_of_every_answer(api: RestApi) -> None:
    answer = put(api, {"names": ["x"]})
    assert answer["statusCode"] == 200
    assert content(answer) == {"name": "a", "by": "ann", "names": ["x"], "count": 1}
    assert answer["multiValueHeaders"]["X-Content-Type-Options"] == ["nosniff"]


def test_a_body_in_base64_is_read(api: RestApi) -> None:
    body = base64.b64encode('{"names": ["ü"]}'.encode()).decode()
    assert content(put(api, body, isBase64Encoded=True))["names"] == ["ü"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, "must have a body"),
        ("", "must have a body"),
        ("{", "not JSON"),
        ('{"names": [NaN]}', "not JSON"),
        ('{"names": ["\\ud800"]}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "body: "),
        ({}, "body.names: Field required"),
        ({"names": []}, "body.names: "),
        ({"names": ["x"], "count": "many"}, "body.count: "),
    ],
)
def test_a_body_that_is_not_what_it_should_be(api: RestApi, body: object, said: str) -> None:
    answer = put(api, body)
    assert refusal(answer) == (400, "BadRequest")
    assert said in content(answer)["message"]


def test_what_a_caller_sent_is_not_repeated(api: RestApi) -> None:
    answer = put(api, {"names": ["x"], "count": "my-secret"})
    assert "my-secret" not in answer["body"]


def test_many_mistakes_are_counted(api: RestApi) -> None:
    answer = put(api, {"names": list(range(8))})
    assert content(answer)["message"].endswith("; and 3 more.")


def test_base64_that_is_not_utf_8(api: RestApi) -> None:
    body = base64.b64encode(b"\xff\xfe").decode()
    assert refusal(put(api, body, isBase64Encoded=True)) == (400, "BadRequest")


def test_base64_that_is_none(api: RestApi) -> None:
    assert refusal(put(api, "a", isBase64Encoded=True)) == (400, "BadRequest")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x"])
def test_another_content_type_is_not_read(api: RestApi, kind: str) -> None:
    assert refusal(put(api, "{}", headers={"Content-Type": kind})) == (415, "UnsupportedMediaType")


def test_a_content_type_may_name_its_charset(api: RestApi) -> None:
    answer = put(api, {"names": ["x"]}, headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer["statusCode"] == 200


def test_a_query_is_validated_and_has_defaults(api: RestApi) -> None:
    def search(**query: str) -> dict[str, Any]:
        return api.resolve(proxy_event("GET", "/search", query=query), CONTEXT)

    assert content(search(query="x")) == {"query": "x", "top": 3}
    assert content(search(query="x", top="7"))["top"] == 7
    assert refusal(search()) == (400, "BadRequest")
    assert refusal(search(query="x", top="101")) == (400, "BadRequest")


def test_a_request_that_came_by_no_authorizer(api: RestApi) -> None:
    assert refusal(put(api, {"names": ["x"]}, caller=None)) == (401, "Unauthorized")
    assert refusal(put(api, {"names": ["x"]}, caller={"principalId": ""})) == (401, "Unauthorized")


def test_an_error_has_its_status_and_code(api: RestApi) -> None:
    assert refusal(api.resolve(proxy_event("GET", "/missing"), CONTEXT)) == (404, "NotFound")


def test_a_defect_is_logged_and_not_told(api: RestApi, caplog: pytest.LogCaptureFixture) -> None:
    answer = api.resolve(proxy_event("GET", "/defect"), CONTEXT)
    assert refusal(answer) == (500, "InternalError")
    assert "hunter2" not in answer["body"]
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/other"), ("PATCH", "/order/a"), ("GET", "/")])
def test_what_is_no_endpoint(api: RestApi, method: str, path: str) -> None:
    assert refusal(api.resolve(proxy_event(method, path), CONTEXT)) == (404, "NotFound")


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        {"httpMethod": "GET"},
        {"httpMethod": "GET", "path": 1},
        {"httpMethod": "GET", "path": "/search", "body": {}},
        {"httpMethod": "GET", "path": "/search", "headers": []},
        {"httpMethod": "GET", "path": "/search", "requestContext": "x"},
    ],
)
def test_an_event_that_is_no_request(api: RestApi, event: Any) -> None:
    assert refusal(api.resolve(event, CONTEXT)) == (400, "BadRequest")


def test_an_event_with_the_least_there_can_be(api: RestApi) -> None:
    assert refusal(api.resolve({"httpMethod": "GET", "path": "/search"}, CONTEXT)) == (400, "BadRequest")


def test_without_a_web_origin_no_browser_may_read() -> None:
    answer = RestApi("").resolve(proxy_event("GET", "/"), CONTEXT)
    assert "Access-Control-Allow-Origin" not in answer["multiValueHeaders"]
