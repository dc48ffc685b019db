"""Sessions with AWS, and errors of its services as errors for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.aws.sdk import BotoCoreError, ClientError, NoCredentialsError, Session

_SIGN_IN = "Set AWS_PROFILE, pass --profile, or sign in again."
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


def open_session(profile: str | None, region: str | None = None) -> Any:
    """Open a session with the caller's credentials.

    Args:
        profile: name of a profile; None uses the environment variables and files of AWS.
        region: None likewise.

    Raises:
        DeployError: the profile does not exist, or its settings are invalid.
    """
    try:
        return Session(profile_name=profile, region_name=region)
    except BotoCoreError as error:
        raise DeployError(f"No AWS session can be created: {error}. Check `profile` or --profile.") from error


def session_with_keys(access_key: str, secret_key: str, token: str | None, region: str) -> Any:
    """Open a session with these credentials, whatever the environment has."""
    return Session(
        aws_access_key_id=access_key, aws_secret_access_key=secret_key, aws_session_token=token, region_name=region
    )


def open_client(service: str, region: str | None, profile: str | None, endpoint_url: str | None = None) -> Any:
    """Open a client of a service with the caller's credentials.

    Raises:
        DeployError: the profile, Region or address is invalid.
    """
    session = open_session(profile, region)
    try:
        return session.client(service, endpoint_url=endpoint_url)
    except (BotoCoreError, ValueError) as error:
        raise DeployError(f"No session with AWS: {error}. Check profile, region and --endpoint-url.") from error


@contextmanager
def translate_aws_errors(what: str) -> Iterator[None]:
    """Translate errors of AWS into a RequestError with the fix.

    Args:
        what: the request or its purpose, as the beginning of a sentence.
    """
    try:
        yield
    except ClientError as error:
        failure = error.response.get("Error", {})
        code, reason = str(failure.get("Code", "")), str(failure.get("Message", "")).rstrip(". ")
        message = f"{what}: {_explanation(code, reason)}"
        raise RequestError(message, reason=reason, code=code, operation=error.operation_name) from error
    except NoCredentialsError as error:
        name = type(error).__name__
        raise RequestError(f"{what}: no credentials found. {_SIGN_IN}", reason=name) from error
    except BotoCoreError as error:
        message = f"{what}: {error}. Check the network, the Region and the profile."
        raise RequestError(message, reason=type(error).__name__) from error


def _explanation(code: str, reason: str) -> str:
    if code in _EXPIRED:
        return f"the credentials have expired. {_SIGN_IN}"
    if code in _UNKNOWN:
        return f"the credentials are not valid in this partition. {_SIGN_IN}"
    return f"{reason or code} ({code})."
