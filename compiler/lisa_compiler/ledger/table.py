"""The table of an account and Region in which deployments are locked and recorded, and the stack that makes it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from lisa_compiler.aws.dynamodb import MISSING_TABLE, Table
from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.plan.names import LEDGER_TABLE

if TYPE_CHECKING:
    from lisa_compiler.aws.account import Account
    from lisa_compiler.plan.names import Names

KEY, SORT_KEY = "deployment", "entry"

TEMPLATE: Final[dict[str, Any]] = {
    "Description": "LISA: lock and ledger of the deployments in this account and Region",
    "Resources": {
        "Deployments": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "TableName": LEDGER_TABLE,
                "AttributeDefinitions": [
                    {"AttributeName": KEY, "AttributeType": "S"},
                    {"AttributeName": SORT_KEY, "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": KEY, "KeyType": "HASH"},
                    {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        }
    },
}
_PAUSE = 2.0
"""Seconds between two questions to CloudFormation."""


def open_table(account: Account) -> Table:
    """The table of an account and Region; nothing is read yet."""
    return Table(account.client("dynamodb"), LEDGER_TABLE)


def partition_key(names: Names) -> str:
    """Key of a deployment in the table: what its stacks' names have in common."""
    return f"{names.deployment}-{names.app}-{names.stage}"


@contextmanager
def explaining_a_missing_table(environment: str) -> Iterator[None]:
    """Explain the error of a request for the table when there is none; for requests of the table alone."""
    try:
        yield
    except RequestError as error:
        if error.code != MISSING_TABLE:
            raise
        raise DeployError(
            f"The account has no table {LEDGER_TABLE}, in which deployments are locked and recorded: run `lisa "
            f"bootstrap --env {environment}`, also where it has run with an earlier version. ({error.reason})"
        ) from error


def make_table(account: Account) -> bool:
    """Make the table by a stack of its own, with the caller's permissions; whether there was none.

    A table that is there is left as it is: it has the records, and its stack may have been made by someone else.

    Raises:
        DeployError: CloudFormation cannot make it.
    """
    if _exists(account):
        return False
    cloudformation = account.client("cloudformation")
    with translate_aws_errors(f"The stack {LEDGER_TABLE} cannot be created"):
        made = cloudformation.create_stack(
            StackName=LEDGER_TABLE, TemplateBody=json.dumps(TEMPLATE), OnFailure="DELETE"
        )
        while True:
            stack = cloudformation.describe_stacks(StackName=made["StackId"])["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(_PAUSE)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        reason = stack.get("StackStatusReason", "see its events")
        raise DeployError(f"The stack {LEDGER_TABLE} could not be created ({stack['StackStatus']}): {reason}.")
    return True


def _exists(account: Account) -> bool:
    client = account.client("dynamodb")
    try:
        with translate_aws_errors(f"The table {LEDGER_TABLE} cannot be read"):
            client.describe_table(TableName=LEDGER_TABLE)
    except RequestError as error:
        if error.code == MISSING_TABLE:
            return False
        raise
    return True
