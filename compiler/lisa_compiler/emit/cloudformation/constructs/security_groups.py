"""Security groups of the networking stack: who may talk to whom in the VPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack


def add_security_groups(stack: LisaStack, vpc_id: str, cidr: str, model_ports: Sequence[int]) -> None:
    """Add the security groups of load balancers and functions in a VPC.

    Args:
        stack: the networking stack.
        vpc_id: ID of the VPC.
        cidr: address range of the VPC.
        model_ports: ports of the models' load balancers.
    """
    rest = stack.deployment.rest_api
    if rest.internet_facing:
        add_security_group(
            stack,
            "RestApiLoadBalancer",
            "restApiLoadBalancer",
            vpc_id,
            description="REST API load balancer",
            ingress=[("0.0.0.0/0", rest.port, "HTTPS from anywhere" if rest.port == 443 else "HTTP from anywhere")],
        )
    else:
        add_security_group(
            stack,
            "RestApiLoadBalancer",
            "restApiLoadBalancer",
            vpc_id,
            description="REST API load balancer",
            ingress=[(cidr, rest.port, "From the VPC")],
        )
    add_security_group(
        stack,
        "ModelLoadBalancer",
        "modelLoadBalancer",
        vpc_id,
        description="Load balancers of the models",
        ingress=[(cidr, port, "From the VPC") for port in model_ports],
    )
    add_security_group(stack, "Functions", "functions", vpc_id, description="Lambda functions", ingress=[])


def add_security_group(
    stack: LisaStack,
    construct_id: str,
    path: str,
    vpc_id: str,
    *,
    description: str,
    ingress: list[tuple[str, int, str]],
) -> ec2.CfnSecurityGroup:
    """Add a security group, and publish its ID.

    Args:
        stack: the networking stack.
        construct_id: what the construct's ID begins with.
        path: last part of its parameter's name, and of its name tag.
        vpc_id: ID of the VPC.
        description: what it is for, a noun phrase.
        ingress: address range, port and reason of each way in.
    """
    group = ec2.CfnSecurityGroup(
        stack,
        f"{construct_id}SecurityGroup",
        vpc_id=vpc_id,
        group_description=f"{stack.plan.name}: {description}",
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp", cidr_ip=source, from_port=port, to_port=port, description=reason
            )
            for source, port, reason in ingress
        ],
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="-1",
                cidr_ip="0.0.0.0/0",
                description="Answers go anywhere; requests to the identity provider and AWS APIs leave by NAT",
            )
        ],
        tags=[cdk.CfnTag(key="Name", value=f"{stack.plan.name}-{path}")],
    )
    if construct_id == "RestApiLoadBalancer":
        exposed = ("restApiConfig", "internetFacing")
        port = ("restApiConfig", "loadBalancerConfig", "sslCertIamArn")
        ingress_keys = {
            "CidrIp": exposed,
            "Description": [exposed, port] if stack.deployment.rest_api.internet_facing else exposed,
            "FromPort": port,
            "ToPort": port,
        }
        stack.record_keys(group, {f"SecurityGroupIngress[0].{name}": keys for name, keys in ingress_keys.items()})
    if stack.deployment.rest_api.internet_facing and construct_id == "RestApiLoadBalancer":
        stack.acknowledge(group, {"AwsSolutions-EC23": "restApiConfig.internetFacing asks for it."})
    stack.publish(
        f"{construct_id}SecurityGroup",
        f"networking/securityGroups/{path}",
        group.attr_group_id,
        description=f"ID of the security group: {description}",
    )
    return group
