"""Proxy events as API Gateway sends them to a function (API Gateway Developer Guide, "Input format")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

ORIGIN = "https://chat.example.com"
ANN = {"principalId": "subject-ann", "username": "ann", "isAdmin": "false"}
BOB = {"principalId": "subject-bob", "username": "bob", "isAdmin": "false"}
ADMIN = {"principalId": "subject-ada", "username": "ada", "isAdmin": "true"}

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 30_000,
)


def proxy_event(
    method: str,
    path: str,
    *,
    caller: Mapping[str, str] | None = ANN,
    body: object = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """A request; `body` is sent as it is when it is a text, else as JSON. A caller of None came by no authorizer."""
    sent = {"Content-Type": "application/json", "Origin": ORIGIN, **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "path": f"/dev{path}",
            "resourcePath": path,
            "httpMethod": method,
            "stage": "dev",
            "requestId": "request-1",
            "identity": {"sourceIp": "192.0.2.1"},
            **({"authorizer": dict(caller)} if caller is not None else {}),
        },
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
        **others,
    }


def content(answer: Mapping[str, Any]) -> Any:
    """What an answer says, after a look at what every answer must carry."""
    headers = answer["multiValueHeaders"]
    assert headers["Access-Control-Allow-Origin"] == [ORIGIN]
    assert headers["Cache-Control"] == ["no-store"]
    return json.loads(answer["body"]) if answer["body"] else None


def refusal(answer: Mapping[str, Any]) -> tuple[int, str]:
    """Status and code of an error."""
    found = content(answer)
    assert set(found) == {"message", "code"}
    assert found["message"]
    return answer["statusCode"], found["code"]
