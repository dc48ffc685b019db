"""The AWS account: credentials, the roles that the bootstrap made, and what AWS refuses, in words.

A role of the bootstrap is taken where it can be; where it cannot, the caller's own rights have to do, as with the `cdk`
CLI. So an administrator needs no preparation, and a pipeline no more than the right to take those roles.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.aws.errors import DeployError

_SIGN_IN = "Set AWS_PROFILE, pass --profile, or sign in again."
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_SESSION = "lisa"


@dataclass(frozen=True, slots=True)
class Account:
    """An account and a region of AWS, as one person reaches it.

    Attributes:
        number: twelve digits.
        region: the region of the deployment.
        session: boto3's session of the caller.
    """

    number: str
    region: str
    session: Any
    _sessions: dict[str | None, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str, role: str | None = None) -> Any:
        """A client of a service, in a role of the bootstrap where it can be taken."""
        if role not in self._sessions:
            self._sessions[role] = self._in_role(role) if role else self.session
        return self._sessions[role].client(service, region_name=self.region)

    def _in_role(self, role: str) -> Any:
        exceptions = importlib.import_module("botocore.exceptions")
        sts = self.session.client("sts", region_name=self.region)
        try:
            given = sts.assume_role(RoleArn=role, RoleSessionName=_SESSION)["Credentials"]
        except exceptions.ClientError:
            return self.session
        return importlib.import_module("boto3").Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.region,
        )


def connect(environment: str, number: str, region: str, profile: str | None) -> Account:
    """Connect to the account of an environment, and to no other.

    Args:
        environment: its name, for what is said.
        number: `accountNumber` of its configuration.
        region: `region`, likewise.
        profile: `profile`; None takes what AWS's own variables and files say.

    Raises:
        DeployError: there are no credentials, or they are for another account or region.
    """
    try:
        boto3 = importlib.import_module("boto3")
        exceptions = importlib.import_module("botocore.exceptions")
    except ImportError as error:
        raise DeployError("Deployments require boto3: install it with `pip install 'lisa-gitops[aws]'`.") from error
    try:
        session = boto3.Session(profile_name=profile)
    except exceptions.BotoCoreError as error:
        raise DeployError(f"No AWS session can be created: {error}. Check `profile` or --profile.") from error
    if session.region_name not in {None, region}:
        raise DeployError(
            f"{environment} deploys to the Region {region}, but your AWS environment or profile sets "
            f"{session.region_name}. Unset AWS_REGION and AWS_DEFAULT_REGION, or use another --profile or --env."
        )
    with explained("AWS"):
        caller = session.client("sts", region_name=region).get_caller_identity()
    if caller["Account"] != number:
        raise DeployError(
            f"{environment} deploys to the account {number}, but your credentials are for {caller['Account']} "
            f"({caller['Arn']}). Use another --profile or --env, or correct accountNumber."
        )
    return Account(number, region, session)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Translate errors of AWS into a DeployError with the fix.

    Args:
        what: what was asked or done, as the beginning of a sentence.
    """
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        yield
    except exceptions.ClientError as error:
        raise DeployError(f"{what}: {_reason(error)}") from error
    except exceptions.NoCredentialsError as error:
        raise DeployError(f"{what}: no credentials found. {_SIGN_IN}") from error
    except exceptions.BotoCoreError as error:
        raise DeployError(f"{what}: {error}. Check the network, the Region and the profile.") from error


def code_of(error: Any) -> str:
    """The code of an error of AWS, such as AccessDenied."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _reason(error: Any) -> str:
    code, message = code_of(error), str(error.response.get("Error", {}).get("Message", "")).rstrip(". ")
    if code in _EXPIRED:
        return f"the credentials have expired. {_SIGN_IN}"
    if code in _UNKNOWN:
        return f"the credentials are not valid in this partition. {_SIGN_IN}"
    return f"{message or code} ({code})."
