"""A table of DynamoDB, with items of strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lisa_compiler.aws.session import translate_aws_errors

MISSING_TABLE = "ResourceNotFoundException"
"""Code of the error for a table that does not exist."""

CONDITION_FAILED = "ConditionalCheckFailedException"
"""Code of the error for an item that does not meet the condition of an update."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose keys are strings, and its attributes that are strings.

    Attributes:
        client: boto3's client of DynamoDB.
        name: name of the table.
    """

    client: Any
    name: str

    def query(self, key: str, value: str) -> list[dict[str, str]]:
        """All items of a partition key, in descending order of the sort key.

        Raises:
            RequestError: AWS rejects the request; with the code MISSING_TABLE, there is no table.
        """
        with translate_aws_errors(f"The table {self.name} cannot be read"):
            pages = self.client.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression="#key = :value",
                ExpressionAttributeNames={"#key": key},
                ExpressionAttributeValues={":value": {"S": value}},
                ScanIndexForward=False,
            )
            return [_strings(item) for page in pages for item in page["Items"]]

    def find(self, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item by its key; None when there is none.

        Raises:
            RequestError: as for `query`.
        """
        with translate_aws_errors(f"The table {self.name} cannot be read"):
            item = self.client.get_item(TableName=self.name, Key=_attributes(key)).get("Item")
        return None if item is None else _strings(item)

    def change(self, key: Mapping[str, str], attribute: str, *, before: str, after: str) -> None:
        """Set an attribute of an item that has a value.

        Args:
            key: of the item.
            attribute: its name.
            before: value that it must have.
            after: value that it gets.

        Raises:
            RequestError: AWS rejects the request; with the code CONDITION_FAILED, the item has another value.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.update_item(
                TableName=self.name,
                Key=_attributes(key),
                UpdateExpression="SET #attribute = :after",
                ConditionExpression="#attribute = :before",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":after": {"S": after}, ":before": {"S": before}},
            )


def _attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in values.items()}


def _strings(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}
