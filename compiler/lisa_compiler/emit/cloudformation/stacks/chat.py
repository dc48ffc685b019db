"""The chat stack: the sessions of the chat application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb

from lisa_compiler.emit.cloudformation.constructs.api_functions import add_api_function
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.tables import add_table, key_schema
from lisa_compiler.plan.routes import SESSION_ROUTES

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment

SESSIONS_BY_UPDATE_INDEX = "byUpdate"
_TTL_ATTRIBUTE = "expiresAt"


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ChatStack(app, stack.deployment, assets)


class ChatStack(LisaStack):
    """Sessions table and the function that keeps sessions."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "chat")
        self._sessions_table()
        add_api_function(
            self,
            "Session",
            function="session",
            statements=self._statements(),
            environment={
                "SESSIONS_BY_UPDATE_INDEX_NAME": SESSIONS_BY_UPDATE_INDEX,
                "SESSIONS_TABLE_NAME": deployment.names.sessions_table,
            },
            routes=SESSION_ROUTES,
            assets=assets,
            description="Stores the sessions of the chat application",
        )

    def _statements(self) -> list[Statement]:
        deployment = self.deployment
        sessions = deployment.arn("dynamodb", f"table/{deployment.names.sessions_table}")
        return [
            allow(
                ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"], sessions
            ),
            allow("dynamodb:Query", f"{sessions}/index/{SESSIONS_BY_UPDATE_INDEX}"),
            self.use_key("dynamodb"),
        ]

    def _sessions_table(self) -> None:
        """The user is the partition, so that a request which names it can reach nobody else's sessions."""
        by_update = dynamodb.CfnTable.LocalSecondaryIndexProperty(
            index_name=SESSIONS_BY_UPDATE_INDEX,
            key_schema=key_schema("userId", "updatedAt"),
            projection=dynamodb.CfnTable.ProjectionProperty(
                projection_type="INCLUDE", non_key_attributes=["startTime", "title"]
            ),
        )
        add_table(
            self,
            "SessionsTable",
            name=self.deployment.names.sessions_table,
            keys=["userId", "sessionId"],
            sorts=["updatedAt"],
            indexes=[by_update],
            ttl_attribute=_TTL_ATTRIBUTE,
        )
