"""Requests and answers in the form of API Gateway's Lambda proxy integration (API Gateway Developer Guide)."""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, Mapping

import pydantic_core

from lisa_lambdas.errors import ApiError, TooLargeError

ANSWER_LIMIT = 6 * 1024 * 1024
"""Bytes of a function's answer (AWS Lambda Developer Guide, "Lambda quotas"); a larger one becomes a 502."""

# The runtime of Python 3.12 and later writes UTF-8, earlier ones \uXXXX (awslambdaric, lambda_runtime_marshaller).
_ESCAPES_UNICODE = sys.version_info < (3, 12)
_LONGEST_ESCAPE = 12


def is_proxy_event(event: object) -> bool:
    """Whether an event has what every request of API Gateway has, in the right types."""
    if not isinstance(event, Mapping):
        return False
    texts = all(isinstance(event.get(name), str) for name in ("httpMethod", "path"))
    body = isinstance(event.get("body"), (str, type(None)))
    names = ("headers", "multiValueHeaders", "queryStringParameters", "pathParameters", "requestContext")
    return texts and body and all(isinstance(event.get(name), (Mapping, type(None))) for name in names)


def answer_bytes(value: object) -> int:
    """Bytes of a value in the JSON that Lambda's runtime makes of an answer; a body is a text, and escaped again."""
    return len(json.dumps(value, ensure_ascii=_ESCAPES_UNICODE).encode())


def limit_answer(answer: Dict[str, Any]) -> Dict[str, Any]:
    """The answer, or 413 in place of one that Lambda rejects."""
    if len(answer.get("body") or "") * _LONGEST_ESCAPE < ANSWER_LIMIT // 2:
        return answer
    size = answer_bytes(answer)
    # Lambda counts the headers as well, most of which are not there yet.
    if size <= ANSWER_LIMIT - 4096:
        return answer
    return error_answer(
        TooLargeError(
            f"The response has {size} bytes; the maximum is {ANSWER_LIMIT}. "
            "Request less: fewer entries or results, or fewer documents."
        )
    )


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
