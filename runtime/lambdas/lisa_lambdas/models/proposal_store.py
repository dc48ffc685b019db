"""Where proposals are kept: a DynamoDB table with the environment as its partition, in the order of time."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import pydantic_core
from botocore.exceptions import ClientError

from lisa_lambdas.aws_errors import answered_by, error_code
from lisa_lambdas.errors import TooLargeError
from lisa_lambdas.models.proposal import Kind, Proposal
from lisa_lambdas.models.validation import Validation

_SERVICE = "The proposals table"
_CHANGE_LIMIT = 256 * 1024


class ProposalStore:
    """Proposals of one environment.

    Args:
        client: a boto3 client of DynamoDB.
        table: name of the table.
        environment: name of the environment.
    """

    def __init__(self, client: Any, *, table: str, environment: str) -> None:
        self._client = client
        self._table = table
        self._environment = environment

    def add(self, proposal: Proposal) -> None:
        """Keep a proposal.

        Raises:
            TooLargeError: its change does not fit into an item.
        """
        item = _item(proposal)
        if len(item["change"]["S"].encode()) > _CHANGE_LIMIT:
            raise TooLargeError(
                f"A change can have at most {_CHANGE_LIMIT // 1024} KB; edit the configuration files instead."
            )
        with answered_by(_SERVICE):
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(id)")

    def page(self, *, limit: int, after: Optional[str]) -> Tuple[List[Proposal], Optional[str]]:
        """A page of proposals, the newest first, and the id after which the next one begins, if there is one."""
        with answered_by(_SERVICE):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="environment = :environment",
                ExpressionAttributeValues={":environment": {"S": self._environment}},
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=limit,
                **({"ExclusiveStartKey": self._key(after)} if after else {}),
            )
        last = answer.get("LastEvaluatedKey")
        return [_proposal(item) for item in answer["Items"]], last["id"]["S"] if last else None

    def find(self, proposal_id: str) -> Optional[Proposal]:
        """The proposal of an id; None when there is none."""
        with answered_by(_SERVICE):
            answer = self._client.get_item(TableName=self._table, Key=self._key(proposal_id), ConsistentRead=True)
        return _proposal(answer["Item"]) if "Item" in answer else None

    def withdraw(self, proposal_id: str) -> bool:
        """Mark a pending proposal as withdrawn; whether it was there and pending."""
        with answered_by(_SERVICE):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=self._key(proposal_id),
                    UpdateExpression="SET #status = :withdrawn",
                    ConditionExpression="#status = :pending",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues={":withdrawn": {"S": "withdrawn"}, ":pending": {"S": "pending"}},
                )
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _key(self, proposal_id: str) -> Dict[str, Any]:
        return {"environment": {"S": self._environment}, "id": {"S": proposal_id}}


def _item(proposal: Proposal) -> Dict[str, Any]:
    texts = {
        "environment": proposal.environment,
        "id": proposal.id,
        "kind": proposal.kind.value,
        "modelId": proposal.model_id,
        "author": proposal.author,
        "authorSubject": proposal.author_subject,
        "createdAt": proposal.created_at,
        "status": proposal.status,
        # As text: DynamoDB's numbers are not JSON's.
        "change": pydantic_core.to_json(proposal.change).decode(),
        "warnings": pydantic_core.to_json(proposal.validation.warnings).decode(),
    }
    return {**{name: {"S": text} for name, text in texts.items()}, "complete": {"BOOL": proposal.validation.complete}}


def _proposal(item: Dict[str, Any]) -> Proposal:
    return Proposal(
        id=item["id"]["S"],
        environment=item["environment"]["S"],
        kind=Kind(item["kind"]["S"]),
        model_id=item["modelId"]["S"],
        author=item["author"]["S"],
        author_subject=item["authorSubject"]["S"],
        created_at=item["createdAt"]["S"],
        status=item["status"]["S"],
        change=pydantic_core.from_json(item["change"]["S"]),
        validation=Validation(
            complete=item["complete"]["BOOL"], warnings=tuple(pydantic_core.from_json(item["warnings"]["S"]))
        ),
    )
