"""Describe an existing VPC as the `vpc:` block of the configuration.

What a subnet is follows from the default routes of its route table: public, when they lead to an internet gateway;
private, when they lead anywhere else, such as a NAT gateway or a transit gateway; isolated, when there are none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import open_client, translate_aws_errors
from lisa_schema.errors import LisaError

_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


class VpcError(LisaError):
    """The VPC could not be described."""


class SubnetType(StrEnum):
    """What a subnet reaches."""

    PUBLIC = "public"
    PRIVATE = "private"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a VPC."""

    id: str
    availability_zone: str
    cidr_block: str
    name: str
    reach: SubnetType


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC as a deployment takes it.

    Attributes:
        subnets: by reach; each group has the same number in every zone, in the order zone by zone, again and again,
            which is how CloudFormation lists of subnets are matched with zones.
        left_out: subnets that do not fit that pattern.
    """

    id: str
    cidr_block: str
    availability_zones: tuple[str, ...]
    subnets: Mapping[SubnetType, tuple[Subnet, ...]]
    excluded: tuple[Subnet, ...] = field(default=())


def client(region: str | None, profile: str | None) -> Any:
    """Open an EC2 client.

    Raises:
        DeployError: the profile or region is not usable.
    """
    return open_client("ec2", region, profile)


def describe(ec2: Any, vpc_id: str) -> Vpc:
    """Describe a VPC with the rights ec2:DescribeVpcs, DescribeSubnets and DescribeRouteTables.

    Raises:
        VpcError: AWS refuses, there is no such VPC, or it has no subnet that fits.
    """
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    try:
        with translate_aws_errors(f"{vpc_id} cannot be described"):
            found = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
            subnets = _pages(ec2, "describe_subnets", "Subnets", of_vpc)
            tables = _pages(ec2, "describe_route_tables", "RouteTables", of_vpc)
    except RequestError as error:
        if error.code == "InvalidVpcID.NotFound":
            raise VpcError(f"VPC {vpc_id} does not exist in {ec2.meta.region_name}: check vpcId and region.") from error
        raise VpcError(str(error)) from error
    classified = classify(subnets, tables)
    if not classified:
        raise VpcError(f"{vpc_id} has no subnets. Create private subnets in two Availability Zones.")
    return select_subnets(vpc_id, found[0]["CidrBlock"], classified)


def classify(subnets: Iterable[Mapping[str, Any]], tables: Iterable[Mapping[str, Any]]) -> tuple[Subnet, ...]:
    """Tell what each subnet reaches, from what EC2 says of subnets and route tables."""
    main: Mapping[str, Any] = {}
    explicit: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        for association in table.get("Associations", ()):
            if association.get("Main"):
                main = table
            elif "SubnetId" in association:
                explicit[association["SubnetId"]] = table
    return tuple(
        Subnet(
            subnet["SubnetId"],
            subnet["AvailabilityZone"],
            subnet["CidrBlock"],
            next((tag["Value"] for tag in subnet.get("Tags", ()) if tag["Key"] == "Name"), ""),
            _reach(explicit.get(subnet["SubnetId"], main)),
        )
        for subnet in subnets
        if "CidrBlock" in subnet
    )


def select_subnets(vpc_id: str, cidr_block: str, subnets: Sequence[Subnet]) -> Vpc:
    """Choose the zones that every kind of subnet there is has, and as many subnets in each of them.

    Raises:
        VpcError: no zone has all kinds of subnets.
    """
    kinds = {reach: [subnet for subnet in subnets if subnet.reach is reach] for reach in SubnetType}
    used = [{subnet.availability_zone for subnet in group} for group in kinds.values() if group]
    zones = sorted(set.intersection(*used))
    if not zones:
        told = "; ".join(
            f"{reach}: {', '.join(sorted({s.availability_zone for s in kinds[reach]}))}" for reach in kinds
        )
        raise VpcError(f"No Availability Zone of {vpc_id} has all required types of subnets ({told}).")
    chosen = {reach: _round_robin(group, zones) for reach, group in kinds.items()}
    kept = {subnet.id for group in chosen.values() for subnet in group}
    left_out = tuple(sorted((s for s in subnets if s.id not in kept), key=_by_zone))
    return Vpc(vpc_id, cidr_block, tuple(zones), chosen, left_out)


def as_yaml(vpc: Vpc) -> str:
    """Write the `vpc:` block of the configuration, each subnet with its zone, addresses and name in a comment."""
    lines = ["vpc:", f"  vpcId: {vpc.id}", f"  cidrBlock: {vpc.cidr_block}", "  availabilityZones:"]
    lines += [f"    - {zone}" for zone in vpc.availability_zones]
    for reach in (SubnetType.PRIVATE, SubnetType.PUBLIC, SubnetType.ISOLATED):
        group = vpc.subnets.get(reach, ())
        lines.append(f"  {reach}SubnetIds:" + ("" if group else " []"))
        lines += [f"    - {subnet.id} # {_comment(subnet)}" for subnet in group]
    return "\n".join(lines) + "\n"


def _comment(subnet: Subnet) -> str:
    name = "".join(character for character in subnet.name if character.isprintable())
    return f"{subnet.availability_zone} {subnet.cidr_block} {name}".rstrip()


def _pages(ec2: Any, operation: str, key: str, filters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for page in ec2.get_paginator(operation).paginate(Filters=filters) for item in page[key]]


def _reach(table: Mapping[str, Any]) -> SubnetType:
    defaults = [
        route
        for route in table.get("Routes", ())
        if route.get("State") != "blackhole"
        and _ANYWHERE & {route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")}
    ]
    if any(str(route.get("GatewayId", "")).startswith("igw-") for route in defaults):
        return SubnetType.PUBLIC
    return SubnetType.PRIVATE if defaults else SubnetType.ISOLATED


def _by_zone(subnet: Subnet) -> tuple[str, int, str]:
    return subnet.availability_zone, int(ipaddress.ip_network(subnet.cidr_block).network_address), subnet.id


def _round_robin(group: Sequence[Subnet], zones: Sequence[str]) -> tuple[Subnet, ...]:
    columns = [sorted((s for s in group if s.availability_zone == zone), key=_by_zone) for zone in zones]
    return tuple(subnet for row in zip(*columns, strict=False) for subnet in row)
