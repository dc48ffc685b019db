"""The AWS account: credentials, and the roles that the bootstrap created.

A role of the bootstrap is assumed where that is allowed; otherwise the caller's permissions apply, as with the `cdk`
CLI. So an administrator needs no preparation, and a pipeline only the permission to assume those roles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.aws.ecr import Registry
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.s3 import Buckets
from lisa_compiler.aws.sdk import ClientError, Config
from lisa_compiler.aws.session import open_session, session_with_keys, translate_aws_errors

_SESSION = "lisa"


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account and Region, as one caller reaches it.

    Attributes:
        number: twelve digits.
        region: the region of the deployment.
        session: boto3's session of the caller.
        caller: ARN of the caller.
    """

    number: str
    region: str
    session: Any
    caller: str = ""
    _sessions: dict[str | None, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str, role: str | None = None) -> Any:
        """A client of a service, in a role of the bootstrap where it can be assumed."""
        if role not in self._sessions:
            self._sessions[role] = self._in_role(role) if role else self.session
        return self._sessions[role].client(service, region_name=self.region)

    def buckets(self, role: str | None) -> Buckets:
        """The buckets of the account, in a role of the bootstrap where it can be assumed."""
        return Buckets(self.client("s3", role), self.number)

    def registry(self, role: str | None = None) -> Registry:
        """The ECR registry of the account and Region, in a role likewise."""
        return Registry(self.client("ecr", role))

    def brief_client(self, service: str, region: str | None = None) -> Any:
        """A client with the caller's permissions that gives up in seconds where a Region lacks the service."""
        patience = Config(connect_timeout=5, read_timeout=30)
        return self.session.client(service, region_name=region or self.region, config=patience)

    def _in_role(self, role: str) -> Any:
        sts = self.session.client("sts", region_name=self.region)
        try:
            given = sts.assume_role(RoleArn=role, RoleSessionName=_SESSION)["Credentials"]
        except ClientError:
            return self.session
        return session_with_keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], self.region)


def connect(environment: str, number: str, region: str, profile: str | None) -> Account:
    """Connect to the account of an environment, and to no other.

    Args:
        environment: its name, for what is said.
        number: `accountNumber` of its configuration.
        region: `region`, likewise.
        profile: `profile`; None uses the environment variables and files of AWS.

    Raises:
        DeployError: there are no credentials, or they are for another account or region.
    """
    session = open_session(profile)
    if session.region_name not in {None, region}:
        raise DeployError(
            f"{environment} deploys to the Region {region}, but your AWS environment or profile sets "
            f"{session.region_name}. Unset AWS_REGION and AWS_DEFAULT_REGION, or use another --profile or --env."
        )
    with translate_aws_errors("AWS"):
        caller = session.client("sts", region_name=region).get_caller_identity()
    if caller["Account"] != number:
        raise DeployError(
            f"{environment} deploys to the account {number}, but your credentials are for {caller['Account']} "
            f"({caller['Arn']}). Use another --profile or --env, or correct accountNumber."
        )
    return Account(number, region, session, caller["Arn"])
