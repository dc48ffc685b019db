"""MiniStack: an AWS on this machine whose CloudFormation makes real functions behind a real API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.session import session_with_keys
from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, free_port, is_port_open

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the Lambda functions import: they run with the Python that runs MiniStack.
_FUNCTIONS = ("aws_lambda_powertools", "docx", "fastapi", "jwt", "mangum", "opensearchpy", "psycopg", "pypdf")


_SECRET_KEY = "local"  # noqa: S105  # any will do


@dataclass(frozen=True)
class LocalAws:
    """An account and a region on this machine.

    Attributes:
        url: address of all services.
        account: number of the account, which is also the access key that leads to it.
        region: name of the region.
    """

    url: str
    account: str
    region: str

    def client(self, service: str) -> Any:
        """A client of a service."""
        session = session_with_keys(self.account, _SECRET_KEY, None, self.region)
        return session.client(service, endpoint_url=self.url)

    def create_bucket(self, name: str) -> None:
        """Create a bucket in the region; us-east-1 is the one that S3 does not accept by name (API_CreateBucket)."""
        there = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.client("s3").create_bucket(Bucket=name, **there)

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lead a program's clients here."""
        return {
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
        }


def plan(folder: Path, *, account: str, region: str) -> tuple[LocalAws, Program]:
    """The account, and the program that it is.

    Raises:
        MissingPackageError: MiniStack, or what the functions import, is not installed.
    """
    python = python_with("The local AWS", "ministack", "boto3", *_FUNCTIONS)
    port = free_port()
    program = Program(
        name="aws",
        command=[python, "-m", "ministack"],
        environment={
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            # They would listen on fixed ports of every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            # Functions find their own packages in their archive, as in AWS.
            "PYTHONPATH": "",
        },
        is_ready=is_port_open(port),
        folder=folder,
    )
    return LocalAws(f"http://127.0.0.1:{port}", account, region), program
