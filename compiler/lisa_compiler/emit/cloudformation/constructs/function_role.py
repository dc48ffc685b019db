"""The role of a Lambda function: what every function of the package lisa_lambdas needs, and what its work needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam

    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def add_function_role(
    stack: LisaStack, construct_id: str, *, function: str, statements: Sequence[Statement] = ()
) -> iam.CfnRole:
    """Add the role of a function to its stack.

    Args:
        stack: the function's stack.
        construct_id: of the role.
        function: the function's name in the plan.
        statements: permissions of its work, in addition to logs, traces, network interfaces and the key.
    """
    deployment = stack.deployment
    log_group = deployment.arn("logs", f"log-group:/aws/lambda/{deployment.names.function(function)}:*")
    here = {"StringEquals": {"aws:RequestedRegion": deployment.names.region}}
    policies = {
        "function": document(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group),
            allow(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*", when=here),
            # Lambda makes the network interfaces before they have an identity that a policy could name.
            allow(
                [
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                "*",
                when=here,
            ),
            stack.use_key("lambda"),
        )
    }
    if statements:
        policies["work"] = document(*statements)
    role = stack.role(
        construct_id,
        f"{function}-function",
        trust=trust(deployment.service_principal("lambda"), account=deployment.names.account),
        policies=policies,
        description=f"Role of the {function} Lambda functions",
    )
    reasons = {
        f"AwsSolutions-IAM5[Resource::{log_group}]": "Streams of this log group.",
        "AwsSolutions-IAM5[Resource::*]": "Tracing, network interfaces and describing take no resource.",
    }
    for statement in statements:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if "*" in resource:
                reasons[f"AwsSolutions-IAM5[Resource::{resource}]"] = "What is below this resource of LISA's own."
    stack.acknowledge(role, reasons)
    return role
