"""Errors of AWS as errors for the user: what each says, and the fix."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "text", "attributes"),
    [
        (
            refusal("AccessDenied", "Not authorized."),
            "The stacks: Not authorized (AccessDenied).",
            ("AccessDenied", "Not authorized", "DescribeStacks"),
        ),
        (
            refusal("ExpiredToken", "The token is expired"),
            "The stacks: the credentials have expired. Set AWS_PROFILE, pass --profile, or sign in again.",
            ("ExpiredToken", "The token is expired", "DescribeStacks"),
        ),
        (
            refusal("InvalidClientTokenId", "Unknown"),
            "The stacks: the credentials are not valid in this partition. "
            "Set AWS_PROFILE, pass --profile, or sign in again.",
            ("InvalidClientTokenId", "Unknown", "DescribeStacks"),
        ),
        (
            NoCredentialsError(),
            "The stacks: no credentials found. Set AWS_PROFILE, pass --profile, or sign in again.",
            ("", "NoCredentialsError", ""),
        ),
        (
            EndpointConnectionError(endpoint_url="http://x"),
            'The stacks: Could not connect to the endpoint URL: "http://x". Check the network, the Region and the '
            "profile.",
            ("", "EndpointConnectionError", ""),
        ),
    ],
    ids=["denied", "expired", "unknown credentials", "no credentials", "no connection"],
)
def test_aws_error_becomes_a_request_error_with_the_fix(
    error: Exception, text: str, attributes: tuple[str, str, str]
) -> None:
    with pytest.raises(RequestError) as caught, translate_aws_errors("The stacks"):
        raise error
    assert str(caught.value) == text
    assert (caught.value.code, caught.value.reason, caught.value.operation) == attributes


def test_another_error_passes() -> None:
    with pytest.raises(KeyError), translate_aws_errors("The stacks"):
        raise KeyError("x")
