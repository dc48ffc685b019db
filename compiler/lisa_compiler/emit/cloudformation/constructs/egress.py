"""Outgoing rules of security groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ec2 as ec2

from lisa_compiler.plan.egress import ALL_PORTS
from lisa_compiler.plan.provenance import bare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.plan.egress import Egress

Rule = ec2.CfnSecurityGroup.EgressProperty


def permit(rules: Sequence[Egress], *, vpc_cidrs: Sequence[str]) -> list[Rule]:
    """The rules of a plan.

    Args:
        rules: the rules.
        vpc_cidrs: address ranges of the VPC, for rules without an address.
    """
    permitted = [_rule(rule, address) for rule in rules for address in ([rule.address] if rule.address else vpc_cidrs)]
    return permitted or no_egress()


def permit_group(group_id: str, port: int, reason: str) -> Rule:
    """A rule for connections to the members of a security group."""
    return Rule(
        ip_protocol="tcp", from_port=port, to_port=port, destination_security_group_id=group_id, description=reason
    )


def no_egress() -> list[Rule]:
    """Rules that permit no connection: without any rule, EC2 adds one that permits all."""
    return [Rule(ip_protocol="tcp", from_port=1, to_port=1, cidr_ip="127.0.0.1/32", description="No outbound traffic")]


def _rule(rule: Egress, address: str) -> Rule:
    port = None if rule.port == ALL_PORTS else rule.port
    is_list = bare(address).startswith("pl-")
    return Rule(
        ip_protocol="-1" if rule.port == ALL_PORTS else rule.protocol,
        cidr_ip=None if is_list else address,
        destination_prefix_list_id=address if is_list else None,
        description=rule.reason,
        from_port=port,
        to_port=port,
    )
