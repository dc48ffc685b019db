"""DynamoDB tables as all of LISA's are: on demand, with point-in-time recovery, under the deployment's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def add_table(
    stack: LisaStack,
    construct_id: str,
    *,
    name: str,
    keys: Sequence[str],
    sorts: Sequence[str] = (),
    indexes: Sequence[dynamodb.CfnTable.LocalSecondaryIndexProperty] = (),
    global_indexes: Sequence[dynamodb.CfnTable.GlobalSecondaryIndexProperty] = (),
    ttl_attribute: str | None = None,
) -> dynamodb.CfnTable:
    """Add a table whose keys are texts.

    Args:
        stack: where it belongs.
        construct_id: its id in the stack.
        name: its name.
        keys: attribute of the partition, and of the sort key when there is one.
        sorts: further attributes that are keys of its indexes.
        indexes: its local indexes.
        global_indexes: its global indexes, of which CloudFormation adds or removes one in an update.
        ttl_attribute: attribute by which items expire; only those that have it do.
    """
    table = dynamodb.CfnTable(
        stack,
        construct_id,
        table_name=name,
        billing_mode="PAY_PER_REQUEST",
        attribute_definitions=[
            dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name=attribute, attribute_type="S")
            for attribute in (*keys, *sorts)
        ],
        key_schema=key_schema(*keys),
        local_secondary_indexes=list(indexes) or None,
        global_secondary_indexes=list(global_indexes) or None,
        point_in_time_recovery_specification=dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
            point_in_time_recovery_enabled=True
        ),
        sse_specification=dynamodb.CfnTable.SSESpecificationProperty(
            sse_enabled=True, sse_type="KMS", kms_master_key_id=stack.key_arn
        ),
        time_to_live_specification=(
            dynamodb.CfnTable.TimeToLiveSpecificationProperty(attribute_name=ttl_attribute, enabled=True)
            if ttl_attribute
            else None
        ),
        deletion_protection_enabled=stack.deployment.retains,
    )
    stack.keep_or_delete(table, protected=True)
    stack.record_keys(table, {"DeletionProtectionEnabled": ("removalPolicy",)})
    return table


def key_schema(partition: str, *sort: str) -> list[dynamodb.CfnTable.KeySchemaProperty]:
    """The key schema of a table or an index: its partition, and what it sorts by, if anything."""
    return [
        dynamodb.CfnTable.KeySchemaProperty(attribute_name=partition, key_type="HASH"),
        *(dynamodb.CfnTable.KeySchemaProperty(attribute_name=name, key_type="RANGE") for name in sort),
    ]
