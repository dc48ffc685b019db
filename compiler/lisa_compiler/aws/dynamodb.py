"""Tables of DynamoDB: with items of strings, and with items of any attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lisa_compiler.aws.sdk import TypeDeserializer, TypeSerializer
from lisa_compiler.aws.session import translate_aws_errors

MISSING_TABLE = "ResourceNotFoundException"
"""Code of the error for a table that does not exist."""

CONDITION_FAILED = "ConditionalCheckFailedException"
"""Code of the error for an item that does not meet the condition of an update."""

TRANSACTION_CANCELED = "TransactionCanceledException"
"""Code of the error for a transaction of which an item does not meet its condition."""

Item = Mapping[str, Any]
"""An item in Python's types; numbers are int or Decimal."""


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
        """All items of a partition key as they are now, in descending order of the sort key.

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
                ConsistentRead=True,
            )
            return [_strings(item) for page in pages for item in page["Items"]]

    def find(self, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item by its key, as it is now; None when there is none.

        Raises:
            RequestError: as for `query`.
        """
        with translate_aws_errors(f"The table {self.name} cannot be read"):
            answer = self.client.get_item(TableName=self.name, Key=_attributes(key), ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else _strings(item)

    def add(self, item: Mapping[str, str], *, key: str) -> None:
        """Add an item whose key is not there yet.

        Args:
            item: its attributes, key included.
            key: name of an attribute of its key.

        Raises:
            RequestError: AWS rejects the request; with the code CONDITION_FAILED, the key is there.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.put_item(
                TableName=self.name,
                Item=_attributes(item),
                ConditionExpression="attribute_not_exists(#key)",
                ExpressionAttributeNames={"#key": key},
            )

    def replace(self, item: Mapping[str, str], attribute: str, *, before: str) -> None:
        """Replace an item of which an attribute has a value.

        Raises:
            RequestError: AWS rejects the request; with the code CONDITION_FAILED, no item has that value.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.put_item(
                TableName=self.name,
                Item=_attributes(item),
                ConditionExpression="#attribute = :before",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":before": {"S": before}},
            )

    def remove(self, key: Mapping[str, str], attribute: str, *, before: str) -> None:
        """Delete an item of which an attribute has a value.

        Raises:
            RequestError: as for `replace`.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.delete_item(
                TableName=self.name,
                Key=_attributes(key),
                ConditionExpression="#attribute = :before",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":before": {"S": before}},
            )

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


@dataclass(frozen=True, slots=True)
class ItemTable:
    """A table whose only key is a string.

    Attributes:
        client: boto3's client of DynamoDB.
        name: name of the table.
        key: attribute of its key.
    """

    client: Any
    name: str
    key: str

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield every item as it is now.

        Raises:
            RequestError: AWS rejects the request; with the code MISSING_TABLE, there is no table.
        """
        with translate_aws_errors(f"The table {self.name} cannot be read"):
            pages = self.client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True)
            for page in pages:
                for item in page["Items"]:
                    yield {name: TypeDeserializer().deserialize(value) for name, value in item.items()}

    def add(self, item: Item) -> None:
        """Add an item whose key is not there yet.

        Raises:
            RequestError: AWS rejects the request; with the code CONDITION_FAILED, the key is there.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.put_item(**self._put(item))

    def delete(self, key: str) -> None:
        """Delete an item, if it is there.

        Raises:
            RequestError: AWS rejects the request.
        """
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.delete_item(TableName=self.name, Key={self.key: {"S": key}})

    def replace(self, before: Item, after: Item) -> None:
        """Replace an item by one with another key, in one transaction.

        Args:
            before: the item, which must be as it was read.
            after: the other one, whose key must not be there yet.

        Raises:
            RequestError: AWS rejects the request; with the code TRANSACTION_CANCELED, `before` has changed, or the key
                of `after` is there.
        """
        names = {f"#a{number}": name for number, name in enumerate(before)}
        values = {f":a{number}": TypeSerializer().serialize(value) for number, value in enumerate(before.values())}
        delete = {
            "TableName": self.name,
            "Key": {self.key: {"S": before[self.key]}},
            "ConditionExpression": " AND ".join(f"#a{number} = :a{number}" for number in range(len(names))),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        with translate_aws_errors(f"The table {self.name} cannot be changed"):
            self.client.transact_write_items(TransactItems=[{"Put": self._put(after)}, {"Delete": delete}])

    def _put(self, item: Item) -> dict[str, Any]:
        return {
            "TableName": self.name,
            "Item": {name: TypeSerializer().serialize(value) for name, value in item.items()},
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": self.key},
        }


def _attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in values.items()}


def _strings(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: value["S"] for name, value in item.items() if "S" in value}
