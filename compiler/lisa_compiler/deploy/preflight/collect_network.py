"""Facts about the network: zones, what they offer, VPCs and their endpoints, certificates and domain names."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from cryptography import x509

from lisa_compiler.aws.vpc import secondary_blocks
from lisa_compiler.deploy.preflight.facts import Answer, Certificate, DomainFacts, ImportedVpc, Subnet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lisa_compiler.deploy.preflight.account_reader import AccountReader
    from lisa_compiler.deploy.preflight.requirements import Requirements

_ANYWHERE = "0.0.0.0/0"
_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "InstanceId",
)


def zones(asker: AccountReader) -> Answer[tuple[str, ...]]:
    """The zones that `Fn::GetAZs` gives: those with a default subnet, else all (CloudFormation User Guide)."""

    def question() -> tuple[str, ...]:
        default = [{"Name": "default-for-az", "Values": ["true"]}]
        pages = asker.pages("ec2", "describe_subnets", Filters=default)
        found = {subnet["AvailabilityZone"] for page in pages for subnet in page["Subnets"]}
        if not found:
            answer = asker.client("ec2").describe_availability_zones(
                Filters=[
                    {"Name": "zone-type", "Values": ["availability-zone"]},
                    {"Name": "state", "Values": ["available"]},
                ]
            )
            found = {zone["ZoneName"] for zone in answer["AvailabilityZones"]}
        return tuple(sorted(found))

    return asker.ask("ec2:DescribeSubnets, ec2:DescribeAvailabilityZones", question)


def offerings(asker: AccountReader, types: Sequence[str]) -> Answer[dict[str, tuple[str, ...]]]:
    """The zones that offer each of the instance types."""

    def question() -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {name: set() for name in types}
        pages = asker.pages(
            "ec2",
            "describe_instance_type_offerings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": list(types)}],
        )
        for offering in (one for page in pages for one in page["InstanceTypeOfferings"]):
            found[offering["InstanceType"]].add(offering["Location"])
        return {name: tuple(sorted(places)) for name, places in found.items()}

    return asker.ask("ec2:DescribeInstanceTypeOfferings", question)


def endpoint_services(asker: AccountReader) -> Answer[tuple[str, ...]]:
    """Names of the services that a VPC can have endpoints of, AWS's own."""

    def question() -> tuple[str, ...]:
        # Services of other accounts are left out: a file of facts has only what is needed.
        pages = asker.pages("ec2", "describe_vpc_endpoint_services")
        return tuple(sorted({name for page in pages for name in page["ServiceNames"] if ".vpce-svc-" not in name}))

    return asker.ask("ec2:DescribeVpcEndpointServices", question)


def vpcs(asker: AccountReader) -> Answer[int]:
    """How many VPCs the region has."""
    return asker.ask("ec2:DescribeVpcs", lambda: sum(len(page["Vpcs"]) for page in asker.pages("ec2", "describe_vpcs")))


def addresses(asker: AccountReader) -> Answer[int]:
    """How many Elastic IP addresses the region has."""
    return asker.ask("ec2:DescribeAddresses", lambda: len(asker.client("ec2").describe_addresses()["Addresses"]))


def load_balancers(asker: AccountReader) -> Answer[dict[str, tuple[str, ...]]]:
    """ARNs of the region's load balancers, by type."""

    def question() -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for page in asker.pages("elbv2", "describe_load_balancers"):
            for one in page["LoadBalancers"]:
                found[one["Type"]] = (*found.get(one["Type"], ()), one["LoadBalancerArn"])
        return found

    return asker.ask("elasticloadbalancing:DescribeLoadBalancers", question)


def imported_vpc(asker: AccountReader, requirements: Requirements) -> Answer[ImportedVpc]:
    """The VPC that the configuration names, with the subnets that are used; None when it creates one."""
    imported = requirements.imported
    if imported is None:
        return Answer()
    absent = ("InvalidVpcID.NotFound", "InvalidSubnetID.NotFound")

    def question() -> ImportedVpc:
        ec2, own = asker.client("ec2"), [{"Name": "vpc-id", "Values": [imported.vpc_id]}]

        def attribute(name: str, key: str) -> bool:
            return bool(ec2.describe_vpc_attribute(VpcId=imported.vpc_id, Attribute=name)[key]["Value"])

        tables = [
            one for page in asker.pages("ec2", "describe_route_tables", Filters=own) for one in page["RouteTables"]
        ]
        found = [one for page in asker.pages("ec2", "describe_subnets", Filters=own) for one in page["Subnets"]]
        endpoints = [
            one for page in asker.pages("ec2", "describe_vpc_endpoints", Filters=own) for one in page["VpcEndpoints"]
        ]
        (vpc,) = ec2.describe_vpcs(VpcIds=[imported.vpc_id])["Vpcs"]
        wanted = {*imported.private, *imported.balancers}
        return ImportedVpc(
            dns_support=attribute("enableDnsSupport", "EnableDnsSupport"),
            dns_hostnames=attribute("enableDnsHostnames", "EnableDnsHostnames"),
            endpoints=tuple(sorted({one["ServiceName"] for one in endpoints if one["State"].lower() == "available"})),
            subnets={one["SubnetId"]: _subnet(one, tables) for one in found if one["SubnetId"] in wanted},
            cidr_blocks=(vpc["CidrBlock"], *secondary_blocks(vpc)),
        )

    permissions = (
        "ec2:DescribeVpcs, ec2:DescribeVpcAttribute, ec2:DescribeSubnets, ec2:DescribeRouteTables, "
        "ec2:DescribeVpcEndpoints"
    )
    return asker.found(permissions, question, *absent)


def _subnet(subnet: dict[str, Any], tables: Sequence[dict[str, Any]]) -> Subnet:
    route = next(
        (one for one in _routes(subnet["SubnetId"], tables) if one.get("DestinationCidrBlock") == _ANYWHERE), {}
    )
    return Subnet(
        zone=subnet["AvailabilityZone"],
        free_addresses=subnet["AvailableIpAddressCount"],
        default_route=next((route[key] for key in _TARGETS if route.get(key)), None),
        blackhole=route.get("State") == "blackhole",
    )


def _routes(subnet_id: str, tables: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The routes of the subnet's own route table, else of the VPC's main one."""
    own, main = None, None
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet_id:
                own = table
            elif association.get("Main"):
                main = table
    yield from (own or main or {"Routes": []})["Routes"]


def certificate(asker: AccountReader, arn: str) -> Answer[Certificate]:
    """A certificate of ACM or IAM; None when it does not exist."""
    if ":acm:" in arn:

        def described() -> Certificate:
            found = asker.client("acm", arn.split(":")[3]).describe_certificate(CertificateArn=arn)["Certificate"]
            names = dict.fromkeys((found["DomainName"], *found.get("SubjectAlternativeNames", ())))
            expires = found.get("NotAfter")
            return Certificate(
                status=found["Status"], names=tuple(names), expires=expires and expires.date().isoformat()
            )

        return asker.found("acm:DescribeCertificate", described, "ResourceNotFoundException")

    def uploaded() -> Certificate:
        name = arn.rpartition("/")[2]
        found = asker.client("iam").get_server_certificate(ServerCertificateName=name)["ServerCertificate"]
        expires = found["ServerCertificateMetadata"].get("Expiration")
        return Certificate(
            status="ISSUED",
            names=_names_of(found["CertificateBody"]),
            expires=expires and expires.date().isoformat(),
        )

    return asker.found("iam:GetServerCertificate", uploaded, "NoSuchEntity")


def _names_of(pem: str) -> tuple[str, ...]:
    """The DNS names of a certificate, by its subject alternative names; empty when it has none that can be read."""
    try:
        extensions = x509.load_pem_x509_certificate(pem.encode()).extensions
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(found.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound):
        return ()


def domain(asker: AccountReader, name: str) -> DomainFacts:
    """How a domain name is resolved here, and which public hosted zones of the account have it."""
    try:
        resolves = bool(socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        resolves = False

    def question() -> tuple[str, ...]:
        pages = asker.pages("route53", "list_hosted_zones")
        hosted = [one for page in pages for one in page["HostedZones"]]
        names = {one["Name"].rstrip(".") for one in hosted if not one.get("Config", {}).get("PrivateZone")}
        return tuple(sorted(zone for zone in names if name == zone or name.endswith(f".{zone}")))

    return DomainFacts(resolves=resolves, zones=asker.ask("route53:ListHostedZones", question))
