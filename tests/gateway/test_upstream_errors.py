"""Errors of model servers and of LiteLLM: the message of each known form, and nothing about the inside."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lisa_gateway.errors import GatewayError
from lisa_gateway.shareable_text import MOST_CHARACTERS, shareable
from lisa_gateway.upstream_errors import MOST_BYTES, upstream_error

JSON = [(b"content-type", b"application/json")]
TOO_LONG = "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
VLLM = {"error": {"message": TOO_LONG, "type": "BadRequestError", "param": "messages", "code": 400}}
EARLIER_VLLM = {"object": "error", "message": TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}
TGI = {"error": "Input validation error: `temperature` must be strictly positive", "error_type": "validation"}
TEI = {"message": "Input validation error: `inputs` must have less than 512 tokens", "code": 413, "type": "Validation"}
ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
FASTAPI = {"detail": [{"loc": ["body", "n"], "msg": "Input should be a valid integer", "type": "int_parsing"}]}
REFUSED = "Check the parameters against what the model supports."


def error(status: int, content: Any, headers: list[tuple[bytes, bytes]] = JSON) -> tuple[GatewayError, dict[str, Any]]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    found = upstream_error(status, headers, body)
    answered: dict[str, Any] = json.loads(found.body("id"))["error"]
    return found, answered


@pytest.mark.parametrize(
    ("content", "message", "kind", "param", "code"),
    [
        (VLLM, TOO_LONG, "BadRequestError", "messages", "upstream_error"),
        (EARLIER_VLLM, TOO_LONG, "BadRequestError", None, "upstream_error"),
        (TGI, "Input validation error: `temperature` must be strictly positive", "validation", None, "upstream_error"),
        (TEI, TEI["message"], "Validation", None, "upstream_error"),
        (ANTHROPIC, "Overloaded", "overloaded_error", None, "upstream_error"),
        (FASTAPI, "body.n: Input should be a valid integer", "invalid_request_error", None, "upstream_error"),
        ({"detail": "Not Found"}, "Not Found", "invalid_request_error", None, "upstream_error"),
        ({"detail": {"error": "No such model"}}, "No such model", "invalid_request_error", None, "upstream_error"),
        (
            {"error": {"message": "Too long", "type": "t", "param": None, "code": "context_length_exceeded"}},
            "Too long",
            "t",
            None,
            "context_length_exceeded",
        ),
    ],
)
def test_the_message_of_a_known_form_passes(
    content: Any, message: str, kind: str, param: str | None, code: str
) -> None:
    found, answered = error(400, content)
    assert found.status == 400
    assert answered == {"message": message, "type": kind, "param": param, "code": code, "request_id": "id"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Internal Server Error",
        b"<html>nginx at model-7.internal</html>",
        b"[1]",
        b'{"error": 7}',
        b'{"error": {"message": {"a": 1}}}',
        b'{"error": {"message": "x", "type": "/etc/passwd", "param": "https://x", "code": "10.0.0.1"}}',
        b'{"detail": [7, {"msg": 3}]}',
        b'{"error": "' + b"a" * MOST_BYTES + b'"}',
        b"\xff\xfe{",
        b"[" * 5000,
    ],
)
def test_other_forms_become_a_sentence(content: bytes) -> None:
    _, answered = error(422, content)
    assert answered["message"].endswith(REFUSED) or answered["message"] == "x"
    assert (answered["type"], answered["param"], answered["code"]) == (
        "invalid_request_error",
        None,
        "upstream_error",
    )


@pytest.mark.parametrize("status", [500, 502, 503])
def test_failures_of_a_server_have_no_text_of_it(status: int) -> None:
    found, answered = error(status, {"error": {"message": "weights of secret-model", "type": "Boom", "code": "secret"}})
    assert (found.status, answered["type"], answered["code"]) == (status, "server_error", "upstream_error")
    assert "secret" not in str(answered)


def test_a_rejected_credential_of_the_gateway_is_not_the_callers() -> None:
    found, answered = error(
        401, {"error": {"message": "Incorrect API key provided: sk-abc", "code": "invalid_api_key"}}
    )
    assert (found.status, answered["code"]) == (502, "upstream_credentials")
    assert "sk-" not in str(answered)


def test_an_error_of_anthropics_form_keeps_its_type_at_the_top() -> None:
    body = json.loads(upstream_error(429, JSON, json.dumps(ANTHROPIC).encode()).body("id"))
    assert (body["type"], body["error"]["message"]) == ("error", "Overloaded")


def test_headers_about_retries_are_kept_and_no_others() -> None:
    headers = [*JSON, (b"retry-after", b"7"), (b"x-ratelimit-remaining-tokens", b"0"), (b"server", b"uvicorn")]
    found, _ = error(429, VLLM, headers)
    assert dict(found.headers) == {"retry-after": "7", "x-ratelimit-remaining-tokens": "0"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"litellm.BadRequestError: OpenAIException - {TOO_LONG}", TOO_LONG),
        (
            f"litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: "
            f"Hosted_vllmException - {TOO_LONG}. Received Model Group=m\nAvailable Model Group Fallbacks=None",
            TOO_LONG,
        ),
        (
            "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: "
            f"OpenAIException - {json.dumps(VLLM)}\nmodel=m. context_window_fallbacks=None. fallbacks=None."
            "\n\nSet 'x' - https://docs.litellm.ai/docs\n\nLiteLLM: model group 'm' failed with the error above.",
            TOO_LONG,
        ),
        (f"litellm.BadRequestError: OpenAIException - {json.dumps(VLLM)}", TOO_LONG),
        (f"Error code: 400 - {EARLIER_VLLM!r} LiteLLM Retried: 1 times", TOO_LONG),
        ('Slow down\nTraceback (most recent call last):\n  File "/opt/x.py", line 3, in f\n', "Slow down"),
        (
            "No deployments available for selected model. Passed model=m. pre-call-checks=False, cooldown_list=['a']",
            "No deployments available for selected model.",
        ),
        ("You exceeded your quota: see https://platform.openai.com/docs/guides/error-codes.", None),
        ("Unknown model 'org/writer:7b'. Use a model listed by /models.", None),
        ("Send the body to /v1/chat/completions; max_tokens: 12345 exceeds 4096 (prompt tokens: 900).", None),
        ("`top_p` must be in (0, 1], got 1.5; see 'file' at line 3, column 5, version 0.10.1", None),
        ("a\nb\x00\x1b[31m c", "a b [31m c"),
        ("x" * 1500, "x" * (MOST_CHARACTERS - 1) + "…"),
    ],
)
def test_messages_that_callers_may_read(text: str, expected: str | None) -> None:
    assert shareable(text) == (text if expected is None else expected)


@pytest.mark.parametrize(
    "secret",
    [
        "http://10.1.2.3:8080/v1",
        "https://internal-lisa-model-123.us-east-1.elb.amazonaws.com",
        "10.20.30.40",
        "fd00:ec2::254",
        "::1",
        "localhost",
        "mistral.example-lisa.lisa.internal",
        "model-host:8080",
        "vllm.corp.example.com:443",
        "host='model', port=80",
        "ip-10-0-1-7",
        "/opt/lisa/lisa_gateway/app.py",
        "/nvme/model/weights",
        "'/var/task/x'",
        "~/.aws/credentials",
        "C:\\models",
        "site-packages",
        "engine.py",
        "libcudart.so.12",
        'File "x", line 3, in run',
        "<vllm.Engine object>",
        "0x7f33aa10bc",
        "sk-1234567890",
        "sk-ab***yz",
        "lisa_0123456789abcdef",
        "hf_abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "Bearer abcdefgh",
        "api_key=abcdefgh",
        "password: hunter22",
        "arn:aws:iam::123456789012:role/x",
        "123456789012",
        "Cannot connect to host",
        "ConnectError('x')",
        "litellm.main",
        "OpenAIException",
        "at com.example.Main.run(Main.java:77)",
    ],
)
def test_messages_with_something_about_the_inside_are_not_shown(secret: str) -> None:
    assert shareable(f"The request failed: {secret} was refused.") == ""
    assert shareable(f"litellm.APIError: OpenAIException - {{'error': {{'message': {('x ' + secret)!r}}}}}") == ""


def test_a_hostile_message_takes_no_time() -> None:
    parts = ("a-", "a.", "OpenAIException -", "{", "::", "/opt", " ", "\n", ", ", "https://", "sk", "a:1")
    began = time.process_time()
    for part in parts:
        shareable(part * 60_000)
    assert time.process_time() - began < 2
