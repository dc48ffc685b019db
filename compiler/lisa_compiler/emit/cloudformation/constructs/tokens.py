"""API tokens: their table, and the function by which users manage their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb

from lisa_compiler.emit.cloudformation.constructs.api_functions import add_api_function
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.tables import add_table, key_schema
from lisa_compiler.plan.routes import TOKENS_ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

TOKENS_BY_OWNER_INDEX = "byOwner"
_TTL_ATTRIBUTE = "deleteAfter"
_DIGESTS = "sha256:*"


def add_token_table(stack: LisaStack) -> None:
    """Add the table of API tokens.

    The index has only items with an owner: those whose digest is stored, and none that LISA 2.x stored as they are.
    """
    by_owner = dynamodb.CfnTable.GlobalSecondaryIndexProperty(
        index_name=TOKENS_BY_OWNER_INDEX,
        key_schema=key_schema("owner", "tokenId"),
        projection=dynamodb.CfnTable.ProjectionProperty(projection_type="ALL"),
    )
    add_table(
        stack,
        "TokenTable",
        name=stack.deployment.names.token_table,
        keys=["token"],
        sorts=["owner", "tokenId"],
        global_indexes=[by_owner],
        ttl_attribute=_TTL_ATTRIBUTE,
    )


def add_token_api(stack: LisaStack, assets: Assets) -> None:
    """Add the function behind `/tokens`, which cannot read tokens that LISA 2.x stored as they are."""
    table = _table_arn(stack)
    statements = [
        allow(["dynamodb:DeleteItem", "dynamodb:PutItem"], table, when=_only({"dynamodb:LeadingKeys": [_DIGESTS]})),
        allow(["dynamodb:Query", "dynamodb:Scan"], f"{table}/index/{TOKENS_BY_OWNER_INDEX}"),
        stack.use_key("dynamodb"),
    ]
    add_api_function(
        stack,
        "Tokens",
        function="tokens",
        statements=statements,
        environment={
            "TOKENS_BY_OWNER_INDEX_NAME": TOKENS_BY_OWNER_INDEX,
            "TOKEN_TABLE_NAME": stack.deployment.names.token_table,
        },
        routes=TOKENS_ROUTES,
        routes_id="TokenRoutes",
        assets=assets,
        description="Creates, lists and revokes the API tokens of users",
    )


def record_last_use(stack: LisaStack) -> Statement:
    """Let the gateway set when a token was last used, and nothing else: it can make no token, and change none."""
    conditions = {"dynamodb:Attributes": ["token", "lastUsed"], "dynamodb:LeadingKeys": [_DIGESTS]}
    return allow("dynamodb:UpdateItem", _table_arn(stack), when=_only(conditions))


def _only(values: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str | Sequence[str]]]:
    """Conditions that a request has these keys with no other values.

    "For all values" holds where a request has none (IAM User Guide, "Multivalued context keys").
    """
    return {"ForAllValues:StringLike": dict(values), "Null": dict.fromkeys(values, "false")}


def _table_arn(stack: LisaStack) -> str:
    return stack.deployment.arn("dynamodb", f"table/{stack.deployment.names.token_table}")
