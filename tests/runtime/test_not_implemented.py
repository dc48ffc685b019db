"""What this release does not have yet says so."""

from __future__ import annotations

import importlib
import json
import logging

import pytest


@pytest.mark.parametrize("name", ["session", "repository", "models"])
def test_a_function_answers_501(name: str) -> None:
    answer = importlib.import_module(f"lisa_lambdas.{name}").handler({}, None)
    assert answer["statusCode"] == 501
    body = json.loads(answer["body"])
    assert body["code"] == "NotImplemented"
    assert body["message"]


def test_the_authorizer_denies_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    authorizer = importlib.import_module("lisa_lambdas.authorizer")
    with caplog.at_level(logging.WARNING):
        answer = authorizer.handler({"methodArn": "arn:aws:execute-api:r:1:api/dev/GET/session"}, None)
    statement = answer["policyDocument"]["Statement"][0]
    assert (statement["Effect"], statement["Resource"]) == ("Deny", "arn:aws:execute-api:r:1:api/dev/GET/session")
    assert "does not check tokens yet" in caplog.text
