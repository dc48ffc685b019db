"""Rules about an imported VPC."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.endpoints import GATEWAY_SERVICES, required_endpoints
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule


@rule("LISA350", "vpc-described", "Run `lisa vpc describe --env {environment}`, which writes the vpc block.")
def vpc_described(config: Config) -> Iterator[RuleViolation]:
    """A vpcId requires the vpc block, since the compiler does not access AWS."""
    if config.vpc_id is not None and config.vpc is None:
        message = f"`{config.vpc_id}` requires the `vpc` block with its subnets; the compiler does not access AWS."
        yield RuleViolation(("vpcId",), message, None, (("vpc",),))


@rule("LISA351", "matching-vpc-id", "Keep the correct one, and run `lisa vpc describe --env {environment}`.")
def matching_vpc_id(config: Config) -> Iterator[RuleViolation]:
    """The vpcId and the vpc block must identify the same VPC."""
    if config.vpc_id is not None and config.vpc is not None and config.vpc_id != config.vpc.vpc_id:
        message = f"vpcId is {config.vpc_id}, but the vpc block describes {config.vpc.vpc_id}."
        yield RuleViolation(("vpcId",), message, None, (("vpc", "vpcId"),))


@rule("LISA352", "vpc-subnets", "List one subnet for each Availability Zone, in the same order.")
def vpc_subnets(config: Config) -> Iterator[RuleViolation]:
    """An imported VPC must have two or more Availability Zones, and subnets of each kind for each of them."""
    vpc = config.vpc
    if vpc is None:
        return
    zones = len(vpc.availability_zones)
    also = (("vpc", "availabilityZones"),)
    if zones < 2 or len(set(vpc.availability_zones)) != zones:
        message = "A load balancer requires at least two Availability Zones."
        yield RuleViolation(("vpc", "availabilityZones"), message, "Add a second Availability Zone.")
    kinds = {
        "privateSubnetIds": vpc.private_subnet_ids,
        "publicSubnetIds": vpc.public_subnet_ids,
        "isolatedSubnetIds": vpc.isolated_subnet_ids,
    }
    for key, subnets in kinds.items():
        if subnets and len(subnets) != zones:
            yield RuleViolation(
                ("vpc", key), f"{len(subnets)} subnets do not match {zones} Availability Zones.", None, also
            )
    if config.rest_api_config.internet_facing and not vpc.public_subnet_ids:
        fix = "Add publicSubnetIds, or set restApiConfig.internetFacing to false."
        message = "The REST API is internet-facing, and the VPC has no public subnets."
        yield RuleViolation(("vpc", "publicSubnetIds"), message, fix, (("restApiConfig", "internetFacing"),))
    if not vpc.instance_subnet_ids:
        message = "The VPC has neither private nor isolated subnets; instances and functions require them."
        fix = "Add privateSubnetIds, or isolatedSubnetIds if the VPC has endpoints."
        yield RuleViolation(("vpc", "privateSubnetIds"), message, fix, (("vpc", "isolatedSubnetIds"),))


@rule(
    "LISA550",
    "endpoints-complete",
    "Add it to the VPC and to vpc.existingEndpoints, or set vpc.createEndpoints to true.",
)
def endpoints_complete(config: Config) -> Iterator[RuleViolation]:
    """A VPC without private subnets must have endpoints of the services that the deployment calls."""
    vpc = config.vpc
    if vpc is None:
        return
    required = required_endpoints(config)
    existing = vpc.endpoint_services
    missing = [service for service in required if service not in (existing or ())]
    if vpc.create_endpoints:
        routed = [service for service in missing if service in GATEWAY_SERVICES]
        if routed and not vpc.route_table_ids:
            message = f"The endpoints of {' and '.join(routed)} require the route tables of the subnets."
            fix = "Run `lisa vpc describe --env {environment}`, which lists them, or add `routeTableIds`."
            yield RuleViolation(("vpc", "routeTableIds"), message, fix, (("vpc", "createEndpoints"),))
    elif vpc.private_subnet_ids or not missing or not vpc.instance_subnet_ids:
        return
    elif existing is None:
        message = (
            "The subnets have no route to the internet, and it is not known whether the VPC has the endpoints that the "
            f"deployment requires: {', '.join(missing)}."
        )
        fix = "Run `lisa vpc describe --env {environment}`, which lists them, or set vpc.createEndpoints to true."
        yield RuleViolation(("vpc", "isolatedSubnetIds"), message, fix, (), Severity.WARNING)
    else:
        for service in missing:
            message = f"The VPC has no endpoint of {service}, which cannot be reached otherwise: {required[service]}."
            yield RuleViolation(("vpc", "existingEndpoints"), message, None, (("vpc", "privateSubnetIds"),))


@rule("LISA353", "vpc-zones-in-region", "Run `lisa vpc describe --env {environment}` with the correct Region.")
def vpc_zones_in_region(config: Config) -> Iterator[RuleViolation]:
    """The Availability Zones of an imported VPC must be in the configured Region."""
    for index, zone in enumerate(config.vpc.availability_zones if config.vpc else ()):
        if not zone.startswith(config.region):
            message = f"The Availability Zone `{zone}` is not in {config.region}."
            yield RuleViolation(("vpc", "availabilityZones", index), message, None, (("region",),))


@rule("LISA354", "vpc-cidr", "Use the address ranges of the VPC, such as 10.0.0.0/16.")
def vpc_cidr(config: Config) -> Iterator[RuleViolation]:
    """The address ranges of an imported VPC must be valid IPv4 CIDR blocks that do not overlap."""
    if config.vpc is None:
        return
    networks: list[ipaddress.IPv4Network] = []
    for index, block in enumerate(config.vpc.cidr_blocks):
        path: Path = ("vpc", "secondaryCidrBlocks", index - 1) if index else ("vpc", "cidrBlock")
        try:
            network = ipaddress.IPv4Network(block)
        except ValueError:
            yield RuleViolation(path, f"`{block}` is not an IPv4 network.")
            continue
        if other := next((one for one in networks if one.overlaps(network)), None):
            message = f"`{block}` overlaps {other}; the address ranges of a VPC do not."
            fix = "Run `lisa vpc describe --env {environment}`, which lists them."
            yield RuleViolation(path, message, fix, (("vpc", "cidrBlock"),))
        networks.append(network)


@rule("LISA355", "zones-valid", "List two to five different Availability Zones of the Region.")
def zones_valid(config: Config) -> Iterator[RuleViolation]:
    """The Availability Zones of the VPC that LISA creates must be different ones of the Region, two or more."""
    zones = config.availability_zones
    if zones and (len(set(zones)) != len(zones) or len(zones) < 2):
        yield RuleViolation(("availabilityZones",), "A load balancer requires two different Availability Zones.")
    for index, zone in enumerate(zones):
        if not zone.startswith(config.region):
            message = f"The Availability Zone `{zone}` is not in {config.region}."
            yield RuleViolation(("availabilityZones", index), message, None, (("region",),))


@rule("LISA356", "nat-gateways-fit", "Set natGateways to at most the number of Availability Zones.")
def nat_gateways_fit(config: Config) -> Iterator[RuleViolation]:
    """The VPC that LISA creates has at most one NAT gateway in each Availability Zone."""
    if config.vpc is None and config.nat_gateways is not None and config.nat_gateways > config.zone_count:
        message = f"{config.nat_gateways} NAT gateways are too many for {config.zone_count} Availability Zones."
        yield RuleViolation(("natGateways",), message, None, (("availabilityZones",),))


@rule("LISA357", "created-vpc-keys", "Remove the key: the imported VPC has its own zones and NAT gateways.")
def created_vpc_keys(config: Config) -> Iterator[RuleViolation]:
    """The keys availabilityZones and natGateways apply only to the VPC that LISA creates."""
    if config.vpc is None:
        return
    for key, value in (("availabilityZones", config.availability_zones), ("natGateways", config.nat_gateways)):
        if value:
            yield RuleViolation(
                (key,), f"`{key}` has no effect on the imported VPC {config.vpc.vpc_id}.", None, (("vpc",),)
            )


@rule("LISA396", "egress-addresses", "Use the address range of a network, such as 203.0.113.0/24.")
def egress_addresses(config: Config) -> Iterator[RuleViolation]:
    """Address ranges of `egressAddresses` must be valid IPv4 networks."""
    for index, address in enumerate(config.egress_addresses):
        if address.startswith("pl-"):
            continue
        try:
            ipaddress.IPv4Network(address)
        except ValueError:
            yield RuleViolation(("egressAddresses", index), f"`{address}` is not an IPv4 network.")
