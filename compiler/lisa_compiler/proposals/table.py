"""The proposals of an environment, in the table that the models API keeps them in."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lisa_compiler.proposals.proposal import Kind, Proposal, ProposalError


def client(region: str, profile: str | None, endpoint_url: str | None) -> Any:
    """Make a DynamoDB client.

    Raises:
        ProposalError: boto3 is not installed, or profile, region or address are not usable.
    """
    try:
        boto3 = importlib.import_module("boto3")
    except ImportError as error:
        raise ProposalError(
            "Reading proposals requires boto3: install it with `pip install 'lisa-gitops[aws]'`."
        ) from error
    with _explained("AWS"):
        return boto3.Session(profile_name=profile, region_name=region).client("dynamodb", endpoint_url=endpoint_url)


class ProposalTable:
    """Proposals of one environment.

    Args:
        dynamodb: what `client` gave.
        name: name of the table.
        environment: name of the environment.
    """

    def __init__(self, dynamodb: Any, name: str, environment: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._environment = environment

    def all(self) -> list[Proposal]:
        """Every proposal, the newest first."""
        with _explained(self._name):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._name,
                KeyConditionExpression="environment = :environment",
                ExpressionAttributeValues={":environment": {"S": self._environment}},
                ScanIndexForward=False,
            )
            return [_proposal(item) for page in pages for item in page["Items"]]

    def find(self, proposal_id: str) -> Proposal:
        """The proposal of an id.

        Raises:
            ProposalError: there is none, or the table cannot be read.
        """
        with _explained(self._name):
            item = self._dynamodb.get_item(TableName=self._name, Key=self._key(proposal_id)).get("Item")
        if item is None:
            raise ProposalError(f"{self._environment} has no proposal {proposal_id}: run `lisa proposals list --all`.")
        return _proposal(item)

    def mark_applied(self, proposal_id: str) -> None:
        """Mark a pending proposal as applied; of one that is not pending, nothing changes.

        Raises:
            ProposalError: the table cannot be written, or the proposal is not pending any more.
        """
        with _explained(self._name):
            self._dynamodb.update_item(
                TableName=self._name,
                Key=self._key(proposal_id),
                UpdateExpression="SET #status = :applied",
                ConditionExpression="#status = :pending",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":applied": {"S": "applied"}, ":pending": {"S": "pending"}},
            )

    def _key(self, proposal_id: str) -> dict[str, Any]:
        return {"environment": {"S": self._environment}, "id": {"S": proposal_id}}


def _proposal(item: dict[str, Any]) -> Proposal:
    return Proposal(
        id=item["id"]["S"],
        kind=Kind(item["kind"]["S"]),
        model_id=item["modelId"]["S"],
        author=item["author"]["S"],
        created_at=item["createdAt"]["S"],
        status=item["status"]["S"],
        change=json.loads(item["change"]["S"]),
    )


@contextmanager
def _explained(what: str) -> Iterator[None]:
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        yield
    except exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            raise ProposalError(
                f"The table {what} does not exist: deploy the models-api stack of the environment."
            ) from error
        if code == "ConditionalCheckFailedException":
            raise ProposalError("The proposal is no longer pending.") from error
        raise ProposalError(f"{what} cannot be used: {error}.") from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise ProposalError(
            f"{what} cannot be reached: {error}. Check the profile, the Region and --endpoint-url."
        ) from error
