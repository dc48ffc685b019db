"""A local AWS with the table of deployments, and commands that hold locks in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lisa_compiler.aws.account import Account
from lisa_compiler.aws.session import session_with_keys
from lisa_compiler.dev import local_aws
from lisa_compiler.dev.local_aws import LocalAws
from lisa_compiler.dev.processes import Processes
from lisa_compiler.ledger.table import make_table

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS without anything."""
    made, program = local_aws.plan(tmp_path_factory.mktemp("aws"), account=ACCOUNT, region=REGION)
    with Processes() as processes:
        processes.start(program)
        yield made


@pytest.fixture
def account(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The account, with the table of deployments."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    found = Account(
        ACCOUNT, REGION, session_with_keys(ACCOUNT, "local", None, REGION), "arn:aws:iam::123456789012:user/me"
    )
    make_table(found)
    return found


@pytest.fixture
def name(tmp_path: Path) -> str:
    """Key of a deployment that no other test has."""
    return f"{tmp_path.parent.name}-{tmp_path.name}"
