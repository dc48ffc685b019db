"""The flow log of a VPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def add_flow_log(stack: LisaStack, vpc_id: str) -> None:
    """Add the flow log of a VPC, with its log group and the role that writes it."""
    group = stack.log_group(stack, "FlowLogGroup", f"/lisa/{stack.plan.name}/flow-logs")
    role = stack.role(
        "FlowLogRole",
        "flow-logs",
        trust=trust(stack.deployment.service_principal("vpc-flow-logs"), account=stack.deployment.names.account),
        policies={
            "logs": document(
                allow(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], group.attr_arn)
            )
        },
        description="Allows the VPC to write flow logs",
    )
    stack.acknowledge(role, {"AwsSolutions-IAM5[Resource::<FlowLogGroup.Arn>]": "Streams of this log group."})
    ec2.CfnFlowLog(
        stack,
        "FlowLog",
        resource_id=vpc_id,
        resource_type="VPC",
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_group_name=group.ref,
        deliver_logs_permission_arn=role.attr_arn,
    )
