"""Who reaches the store of a RAG repository: the Lambda functions, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

if TYPE_CHECKING:
    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def store_security_group(scope: Construct, stack: LisaStack, *, description: str, port: int) -> ec2.CfnSecurityGroup:
    """A security group that lets the functions in on one port, and nothing out."""
    functions = stack.read(
        "FunctionsSecurityGroupId", "networking/securityGroups/functions", "AWS::EC2::SecurityGroup::Id"
    )
    return ec2.CfnSecurityGroup(
        scope,
        "SecurityGroup",
        vpc_id=stack.read("VpcId", "networking/vpcId", "AWS::EC2::VPC::Id"),
        group_description=f"{stack.plan.name}: {description}",
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                source_security_group_id=functions,
                description="From the Lambda functions",
            )
        ],
        # Without any rule EC2 would add one that lets everything out.
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="tcp", from_port=1, to_port=1, cidr_ip="127.0.0.1/32", description="No outbound traffic"
            )
        ],
    )
