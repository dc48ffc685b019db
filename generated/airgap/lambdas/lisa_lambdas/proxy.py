"""Requests and answers in the form of API Gateway's Lambda proxy integration (API Gateway Developer Guide)."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import pydantic_core

from lisa_lambdas.errors import ApiError


def is_proxy_event(event: object) -> bool:
    """Whether an event has what every request of API Gateway has, in the right types."""
    if not isinstance(event, Mapping):
        return False
    texts = all(isinstance(event.get(name), str) for name in ("httpMethod", "path"))
    body = isinstance(event.get("body"), (str, type(None)))
    names = ("headers", "multiValueHeaders", "queryStringParameters", "pathParameters", "requestContext")
    return texts and body and all(isinstance(event.get(name), (Mapping, type(None))) for name in names)


def with_common_headers(answer: Dict[str, Any], web_origin: str) -> Dict[str, Any]:
    """An answer with the headers that every one carries; browsers read one of another origin only with the last."""
    headers = {"Cache-Control": ["no-store"], "X-Content-Type-Options": ["nosniff"]}
    if web_origin:
        headers["Access-Control-Allow-Origin"] = [web_origin]
    return {**answer, "multiValueHeaders": {**answer.get("multiValueHeaders", {}), **headers}}


def error_body(error: ApiError) -> Dict[str, Any]:
    """The body of every error."""
    return {**error.details, "message": error.message, "code": error.code}


def error_answer(error: ApiError) -> Dict[str, Any]:
    """An error in the form that API Gateway's proxy integration wants, without the common headers."""
    return {
        "statusCode": error.status,
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "body": pydantic_core.to_json(error_body(error)).decode(),
        "isBase64Encoded": False,
    }
