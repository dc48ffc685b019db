"""Describe an existing VPC as the `vpc:` block of the configuration.

What a subnet is follows from the default routes of its route table: public, when they lead to an internet gateway;
private, when they lead anywhere else, such as a NAT gateway or a transit gateway; isolated, when there are none.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import open_client, translate_aws_errors
from lisa_schema.errors import LisaError

_ZONES = 2
"""Availability Zones that a load balancer requires."""
_REGIONAL_ZONE = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+[a-z]")
"""Names of Availability Zones; Local Zones and Wavelength Zones, where not all services are, have longer ones."""
_USABLE = frozenset({"available", "pending"})
_ASSOCIATED = frozenset({"associated", "associating"})
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
        secondary_cidr_blocks: its further IPv4 address ranges.
        subnets: by reach; each group is empty or has one subnet for each zone, in the order of the zones.
        excluded: subnets that do not fit that pattern.
        endpoints: services that it has endpoints of, by the last parts of their names; None when that is not known.
        route_tables: route tables of the subnets of instances.
    """

    id: str
    cidr_block: str
    availability_zones: tuple[str, ...]
    subnets: Mapping[SubnetType, tuple[Subnet, ...]]
    excluded: tuple[Subnet, ...] = field(default=())
    endpoints: tuple[str, ...] | None = None
    route_tables: tuple[str, ...] = ()
    secondary_cidr_blocks: tuple[str, ...] = ()

    @property
    def instance_subnets(self) -> tuple[Subnet, ...]:
        """Subnets of instances: the private ones, else the isolated ones."""
        return self.subnets[SubnetType.PRIVATE] or self.subnets[SubnetType.ISOLATED]


def client(region: str | None, profile: str | None) -> Any:
    """Open an EC2 client.

    Raises:
        DeployError: the profile or region is not usable.
    """
    return open_client("ec2", region, profile)


def describe(ec2: Any, vpc_id: str) -> Vpc:
    """Describe a VPC with the permissions ec2:DescribeVpcs, DescribeSubnets and DescribeRouteTables.

    The endpoints of a VPC without private subnets require ec2:DescribeVpcEndpoints, too.

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
    chosen = select_subnets(vpc_id, found[0]["CidrBlock"], classified)
    chosen = replace(chosen, secondary_cidr_blocks=secondary_blocks(found[0]))
    if chosen.subnets[SubnetType.PRIVATE]:
        return chosen
    explicit, main = _associations(tables)
    of_subnets = {explicit.get(subnet.id, main).get("RouteTableId", "") for subnet in chosen.instance_subnets}
    return replace(chosen, endpoints=_endpoints(ec2, of_vpc), route_tables=tuple(sorted(of_subnets - {""})))


def secondary_blocks(vpc: Mapping[str, Any]) -> tuple[str, ...]:
    """The IPv4 address ranges that a VPC has besides its first one, from what EC2 says of it."""
    return tuple(
        one["CidrBlock"]
        for one in vpc.get("CidrBlockAssociationSet", ())
        if one.get("CidrBlockState", {}).get("State") in _ASSOCIATED and one["CidrBlock"] != vpc["CidrBlock"]
    )


def _endpoints(ec2: Any, of_vpc: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    """The services of a VPC's endpoints; None without the permission ec2:DescribeVpcEndpoints."""
    try:
        with translate_aws_errors("the endpoints cannot be described"):
            found = _pages(ec2, "describe_vpc_endpoints", "VpcEndpoints", of_vpc)
    except RequestError:
        return None
    names = {one["ServiceName"] for one in found if str(one.get("State", "available")).lower() in _USABLE}
    region = f".{ec2.meta.region_name}."
    return tuple(sorted(name.partition(region)[2] for name in names if region in name))


def classify(subnets: Iterable[Mapping[str, Any]], tables: Iterable[Mapping[str, Any]]) -> tuple[Subnet, ...]:
    """Tell what each subnet reaches, from what EC2 says of subnets and route tables."""
    explicit, main = _associations(tables)
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


def _associations(
    tables: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """The route tables that subnets are associated with, by subnet, and the main one of all others."""
    main: Mapping[str, Any] = {}
    explicit: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        for association in table.get("Associations", ()):
            if association.get("Main"):
                main = table
            elif "SubnetId" in association:
                explicit[association["SubnetId"]] = table
    return explicit, main


def select_subnets(vpc_id: str, cidr_block: str, subnets: Sequence[Subnet]) -> Vpc:
    """Choose the zones and one subnet of each kind in each of them, the largest.

    Instances are in private subnets, else in isolated ones. Further kinds are chosen if two zones remain that have
    them, since load balancers require two.

    Raises:
        VpcError: neither private nor isolated subnets are in two zones.
    """
    regional = [subnet for subnet in subnets if _REGIONAL_ZONE.fullmatch(subnet.availability_zone)]
    kinds = {reach: [subnet for subnet in regional if subnet.reach is reach] for reach in SubnetType}
    of_kind = {reach: {subnet.availability_zone for subnet in group} for reach, group in kinds.items()}
    own = next((reach for reach in (SubnetType.PRIVATE, SubnetType.ISOLATED) if len(of_kind[reach]) >= _ZONES), None)
    if own is None:
        told = "; ".join(f"{reach}: {', '.join(sorted(of_kind[reach])) or 'none'}" for reach in kinds)
        raise VpcError(
            f"{vpc_id} has neither private nor isolated subnets in two Availability Zones ({told}). "
            "Create private subnets in two Availability Zones."
        )
    zones, chosen = of_kind[own], [own]
    for reach in (SubnetType.PUBLIC, SubnetType.ISOLATED):
        if reach is not own and len(zones & of_kind[reach]) >= _ZONES:
            zones = zones & of_kind[reach]
            chosen.append(reach)
    order = sorted(zones)
    picked = {reach: _largest(kinds[reach], order) if reach in chosen else () for reach in SubnetType}
    kept = {subnet.id for group in picked.values() for subnet in group}
    left_out = tuple(sorted((s for s in subnets if s.id not in kept), key=_by_zone))
    return Vpc(vpc_id, cidr_block, tuple(order), picked, left_out)


def as_yaml(vpc: Vpc) -> str:
    """Write the `vpc:` block of the configuration, each subnet with its zone, addresses and name in a comment."""
    lines = ["vpc:", f"  vpcId: {vpc.id}", f"  cidrBlock: {vpc.cidr_block}"]
    if vpc.secondary_cidr_blocks:
        lines += ["  secondaryCidrBlocks:", *(f"    - {block}" for block in vpc.secondary_cidr_blocks)]
    lines += ["  availabilityZones:", *(f"    - {zone}" for zone in vpc.availability_zones)]
    for reach in (SubnetType.PRIVATE, SubnetType.PUBLIC, SubnetType.ISOLATED):
        group = vpc.subnets.get(reach, ())
        if reach is SubnetType.PUBLIC and not group:
            lines.append("  # Without public subnets, set restApiConfig.internetFacing to false.")
        lines.append(f"  {reach}SubnetIds:" + ("" if group else " []"))
        lines += [f"    - {subnet.id} # {_comment(subnet)}" for subnet in group]
    if vpc.endpoints is not None and vpc.route_tables:
        lines.append("  existingEndpoints:" + ("" if vpc.endpoints else " []"))
        lines += [f"    - {service}" for service in vpc.endpoints]
        lines += [
            "  # LISA creates the endpoints that the deployment requires and the VPC lacks. AWS bills for them.",
            "  createEndpoints: true",
            "  routeTableIds:",
            *(f"    - {table}" for table in vpc.route_tables),
        ]
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


def _largest(group: Sequence[Subnet], zones: Sequence[str]) -> tuple[Subnet, ...]:
    """The largest subnet of each zone, the first of these by address."""

    def size(subnet: Subnet) -> tuple[int, tuple[str, int, str]]:
        return ipaddress.ip_network(subnet.cidr_block).prefixlen, _by_zone(subnet)

    return tuple(min((s for s in group if s.availability_zone == zone), key=size) for zone in zones)
