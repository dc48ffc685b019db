"""The chat stack: the sessions of the chat application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb

from lisa_compiler.constructs.functions import PythonFunction
from lisa_compiler.constructs.routes import Routes, web_origin
from lisa_compiler.constructs.stack import LisaStack
from lisa_compiler.plan.routes import SESSION_ROUTES

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.constructs.assets import Assets
    from lisa_compiler.plan import Deployment

SESSIONS_BY_UPDATE_INDEX = "byUpdate"
_TTL_ATTRIBUTE = "expiresAt"


class ChatStack(LisaStack):
    """Sessions table and the function that keeps sessions."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "chat")
        self._sessions_table()
        function = PythonFunction(
            self,
            "Session",
            function="session",
            package="session",
            layers=["common"],
            environment={
                "LOG_LEVEL": deployment.function_log_level,
                "SESSIONS_BY_UPDATE_INDEX_NAME": SESSIONS_BY_UPDATE_INDEX,
                "SESSIONS_TABLE_NAME": deployment.names.sessions_table,
                "WEB_ORIGIN": web_origin(self),
            },
            assets=assets,
            description="Keeps the sessions of the chat application",
        )
        Routes(self, "Routes", routes=SESSION_ROUTES, function=function)

    def _sessions_table(self) -> None:
        table = dynamodb.CfnTable(
            self,
            "SessionsTable",
            table_name=self.deployment.names.sessions_table,
            billing_mode="PAY_PER_REQUEST",
            attribute_definitions=[
                dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name=name, attribute_type="S")
                for name in ("userId", "sessionId", "updatedAt")
            ],
            # The user is the partition, so that a request which names it can reach nobody else's sessions.
            key_schema=_keys("userId", "sessionId"),
            local_secondary_indexes=[
                dynamodb.CfnTable.LocalSecondaryIndexProperty(
                    index_name=SESSIONS_BY_UPDATE_INDEX,
                    key_schema=_keys("userId", "updatedAt"),
                    projection=dynamodb.CfnTable.ProjectionProperty(
                        projection_type="INCLUDE", non_key_attributes=["startTime", "title"]
                    ),
                )
            ],
            point_in_time_recovery_specification=dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
                point_in_time_recovery_enabled=True
            ),
            sse_specification=dynamodb.CfnTable.SSESpecificationProperty(
                sse_enabled=True, sse_type="KMS", kms_master_key_id=self.key_arn
            ),
            # Only items that have the attribute expire.
            time_to_live_specification=dynamodb.CfnTable.TimeToLiveSpecificationProperty(
                attribute_name=_TTL_ATTRIBUTE, enabled=True
            ),
            deletion_protection_enabled=self.deployment.retains,
        )
        self.keep_or_delete(table)


def _keys(partition: str, sort: str) -> list[dynamodb.CfnTable.KeySchemaProperty]:
    return [
        dynamodb.CfnTable.KeySchemaProperty(attribute_name=partition, key_type="HASH"),
        dynamodb.CfnTable.KeySchemaProperty(attribute_name=sort, key_type="RANGE"),
    ]
