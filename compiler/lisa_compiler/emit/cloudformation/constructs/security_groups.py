"""Security groups of the networking stack: which resources connect to which in the VPC, and to what outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from lisa_compiler.emit.cloudformation.constructs.egress import no_egress, permit
from lisa_compiler.plan.egress import ANYWHERE, Egress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack

GATEWAY = "gateway"
"""The group of the gateway's instances: what may connect to the models' load balancers is a member."""

MODELS = "models"
"""The group of the models' load balancers."""

FORMER_MODELS = "modelLoadBalancer"
"""The group that these load balancers are in where an earlier version deployed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """A rule for incoming connections.

    Attributes:
        port: TCP port.
        reason: the rule's description.
        cidr: address range that may connect; empty where a security group is named.
        group: ID of the security group whose members may connect.
    """

    port: int
    reason: str
    cidr: str = ""
    group: str = ""


def security_group(stack: LisaStack, construct_id: str, path: str) -> str:
    """The ID of a security group of the networking stack, in another stack.

    Args:
        stack: the other stack.
        construct_id: of the stack's parameter.
        path: last part of the group's parameter.
    """
    return stack.read(construct_id, f"networking/securityGroups/{path}", "AWS::EC2::SecurityGroup::Id")


def add_security_groups(
    stack: LisaStack, vpc_id: str, cidrs: Sequence[str], model_ports: Sequence[int], functions_egress: Sequence[Egress]
) -> ec2.CfnSecurityGroup:
    """Add the security groups of load balancers, of the gateway's instances and of functions in a VPC.

    Returns that of the functions.

    Args:
        stack: the networking stack.
        vpc_id: ID of the VPC.
        cidrs: address ranges of the VPC.
        model_ports: ports of the models' load balancers.
        functions_egress: connections that the functions may open.
    """
    rest = stack.deployment.rest_api
    # An imported VPC can have address ranges that the configuration lacks.
    targets = "" if stack.deployment.config.vpc is None else ANYWHERE
    anywhere = "HTTPS from anywhere" if rest.port == 443 else "HTTP from anywhere"
    add_security_group(
        stack,
        "RestApiLoadBalancer",
        "restApiLoadBalancer",
        vpc_id,
        description="REST API load balancer",
        ingress=(
            [Ingress(cidr=ANYWHERE, port=rest.port, reason=anywhere)]
            if rest.internet_facing
            else from_vpc(cidrs, [rest.port])
        ),
    )
    # Load balancers of deployments of earlier versions are members until the stacks of their models are updated, which
    # is after this one: the group cannot be deleted, nor its rules changed, without an outage.
    add_security_group(
        stack,
        "ModelLoadBalancer",
        FORMER_MODELS,
        vpc_id,
        description="Load balancers of the models",
        ingress=from_vpc(cidrs, model_ports),
    )
    gateway = add_security_group(
        stack,
        "Gateway",
        GATEWAY,
        vpc_id,
        description="Instances of the gateway, which call the models",
        ingress=[],
        egress=no_egress(),
    )
    add_security_group(
        stack,
        "Models",
        MODELS,
        vpc_id,
        description="Load balancers of the models, for the gateway alone",
        ingress=[Ingress(group=gateway.attr_group_id, port=port, reason="From the gateway") for port in model_ports],
        egress=permit([Egress(port=80, address=targets, reason="Instances of the models")], vpc_cidrs=cidrs),
    )
    return add_security_group(
        stack,
        "Functions",
        "functions",
        vpc_id,
        description="Lambda functions",
        ingress=[],
        egress=permit(functions_egress, vpc_cidrs=cidrs),
    )


def from_vpc(cidrs: Sequence[str], ports: Sequence[int]) -> list[Ingress]:
    """Rules for incoming connections from all address ranges of the VPC."""
    return [Ingress(cidr=cidr, port=port, reason="From the VPC") for port in ports for cidr in cidrs]


def add_security_group(
    stack: LisaStack,
    construct_id: str,
    path: str,
    vpc_id: str,
    *,
    description: str,
    ingress: Sequence[Ingress],
    egress: Sequence[ec2.CfnSecurityGroup.EgressProperty] | None = None,
) -> ec2.CfnSecurityGroup:
    """Add a security group, and publish its ID.

    Args:
        stack: the networking stack.
        construct_id: what the construct's ID begins with.
        path: last part of its parameter's name, and of its name tag.
        vpc_id: ID of the VPC.
        description: what it is for, a noun phrase.
        ingress: incoming connections.
        egress: outgoing connections; by default, all.
    """
    group = ec2.CfnSecurityGroup(
        stack,
        f"{construct_id}SecurityGroup",
        vpc_id=vpc_id,
        group_description=f"{stack.plan.name}: {description}",
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                cidr_ip=rule.cidr or None,
                source_security_group_id=rule.group or None,
                from_port=rule.port,
                to_port=rule.port,
                description=rule.reason,
            )
            for rule in ingress
        ],
        security_group_egress=list(egress or [_unrestricted()]),
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
        stack.record_keys(
            group,
            {
                f"SecurityGroupIngress[{index}].{name}": keys
                for index in range(len(ingress))
                for name, keys in ingress_keys.items()
            },
        )
    if stack.deployment.rest_api.internet_facing and construct_id == "RestApiLoadBalancer":
        stack.acknowledge(group, {"AwsSolutions-EC23": "restApiConfig.internetFacing asks for it."})
    stack.publish(
        f"{construct_id}SecurityGroup",
        f"networking/securityGroups/{path}",
        group.attr_group_id,
        description=f"ID of the security group: {description}",
    )
    return group


def _unrestricted() -> ec2.CfnSecurityGroup.EgressProperty:
    return ec2.CfnSecurityGroup.EgressProperty(
        ip_protocol="-1",
        cidr_ip=ANYWHERE,
        description="Answers go anywhere; requests to the identity provider and AWS APIs leave by NAT",
    )
