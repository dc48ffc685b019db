"""The proposals of an environment, in the table that the models API keeps them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lisa_compiler.aws.dynamodb import CONDITION_FAILED, MISSING_TABLE, Table
from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import open_client
from lisa_compiler.proposals.proposal import Proposal, ProposalAction, ProposalError


def client(region: str, profile: str | None, endpoint_url: str | None) -> Any:
    """Open a DynamoDB client.

    Raises:
        DeployError: profile, region or address are not usable.
    """
    return open_client("dynamodb", region, profile, endpoint_url)


class ProposalTable:
    """Proposals of one environment.

    Args:
        dynamodb: a client that `client` opened.
        name: name of the table.
        environment: name of the environment.
    """

    def __init__(self, dynamodb: Any, name: str, environment: str) -> None:
        self._table = Table(dynamodb, name)
        self._environment = environment

    def all(self) -> list[Proposal]:
        """Every proposal, the newest first."""
        with _translated_errors(self._table.name):
            items = self._table.query("environment", self._environment)
        return [_proposal(item) for item in items]

    def find(self, proposal_id: str) -> Proposal:
        """The proposal of an id.

        Raises:
            ProposalError: there is none, or the table cannot be read.
        """
        with _translated_errors(self._table.name):
            item = self._table.find(self._key(proposal_id))
        if item is None:
            raise ProposalError(f"{self._environment} has no proposal {proposal_id}: run `lisa proposals list --all`.")
        return _proposal(item)

    def mark_applied(self, proposal_id: str) -> None:
        """Mark a pending proposal as applied; a proposal that is not pending does not change.

        Raises:
            ProposalError: the table cannot be written, or the proposal is no longer pending.
        """
        with _translated_errors(self._table.name):
            self._table.change(self._key(proposal_id), "status", before="pending", after="applied")

    def _key(self, proposal_id: str) -> dict[str, str]:
        return {"environment": self._environment, "id": proposal_id}


def _proposal(item: Mapping[str, str]) -> Proposal:
    return Proposal(
        id=item["id"],
        kind=ProposalAction(item["kind"]),
        model_id=item["modelId"],
        author=item["author"],
        created_at=item["createdAt"],
        status=item["status"],
        change=json.loads(item["change"]),
    )


@contextmanager
def _translated_errors(table: str) -> Iterator[None]:
    try:
        yield
    except RequestError as error:
        if error.code == MISSING_TABLE:
            raise ProposalError(f"{table} does not exist: deploy the models-api stack of the environment.") from error
        if error.code == CONDITION_FAILED:
            raise ProposalError("The proposal is no longer pending.") from error
        fix = "" if error.code else " Check profile, region and --endpoint-url."
        raise ProposalError(f"{error}{fix}") from error
