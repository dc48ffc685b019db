"""Checks of the network: endpoints, the VPC that the configuration names, certificates and domain names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from lisa_compiler.deploy.preflight.facts import MISSING
from lisa_compiler.deploy.preflight.result import Result, Status

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight.domains import CertificateUse
    from lisa_compiler.deploy.preflight.facts import Answer, Certificate, Facts, ImportedVpc
    from lisa_compiler.deploy.preflight.requirements import ImportedSubnets, Requirements

_FREE_ADDRESSES = 8
"""Free addresses that a load balancer needs in each of its subnets (ELB User Guide)."""

_EXPIRES_SOON_DAYS = 30
_VPCS, _ADDRESSES = "L-F678F1CE", "L-0263D0A3"
"""Quotas of VPCs and of Elastic IP addresses in a region."""

_LOAD_BALANCERS = {
    "application": ("Application Load Balancers", "L-53DA6B97"),
    "network": ("Network Load Balancers", "L-69A177A2"),
}
"""Quotas of load balancers in a region (ELB User Guide, "Quotas")."""


def check_endpoints(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the region has the endpoint services that the VPC gets endpoints of."""
    offered = facts.endpoint_services
    for name in requirements.endpoint_services:
        if offered.value is None:
            message = f"It is unknown whether the Region has it: {offered.unknown}."
            yield Result("endpoint", name, Status.UNKNOWN, message)
        elif name in offered.value:
            yield Result("endpoint", name, Status.OK, "The Region has it.")
        else:
            message = f"{requirements.region} has no endpoint service of this name: the VPC cannot be created."
            alike = [one for one in offered.value if one.endswith(f".{name.rpartition('.')[2]}")]
            fix = (
                f"Report this as a bug of LISA; the Region has {', '.join(alike[:3])}."
                if alike
                else "Name an existing VPC."
            )
            yield Result("endpoint", name, Status.FAILS, message, fix)


def check_network_quotas(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the region has room for the VPC and the addresses that are created."""
    if facts.stacks.value is not None and any("-networking-" in name for name in facts.stacks.value):
        return
    wanted = (
        ("VPCs of the Region", requirements.new_vpcs, facts.vpcs, _VPCS, "vpcs"),
        ("Elastic IP addresses", requirements.new_addresses, facts.addresses, _ADDRESSES, "addresses"),
    )
    for subject, new, used, code, _ in wanted:
        if not new:
            continue
        limit = (facts.quotas.value or {}).get(code)
        if used.value is None or limit is None:
            why = used.unknown or facts.quotas.unknown or f"the account has no quota {code}"
            message = f"It is unknown whether {new} more can be created: {why}."
            yield Result("network-quota", subject, Status.UNKNOWN, message)
        elif used.value + new > limit:
            message = f"{used.value} of {limit:.0f} are in use; the deployment creates {new} more."
            fix = f"Request a higher quota {code}, or delete unused ones."
            yield Result("network-quota", subject, Status.FAILS, message, fix)
        else:
            yield Result("network-quota", subject, Status.OK, f"{used.value} of {limit:.0f} are in use.")


def check_load_balancers(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the region has room for the load balancers that the deployment does not have yet."""
    for kind, required in sorted(requirements.load_balancers.items()):
        subject, code = _LOAD_BALANCERS[kind]
        limit, found = (facts.quotas.value or {}).get(code), facts.load_balancers
        if found.value is None or limit is None:
            why = found.unknown or facts.quotas.unknown or f"the account lists no quota {code}"
            message = f"It is unknown whether {required} can exist: {why}."
            yield Result("network-quota", subject, Status.UNKNOWN, message)
            continue
        used = found.value.get(kind, ())
        own = facts.stack_resources.value or ()
        new = max(required - sum(1 for one in used if one in own), 0)
        if len(used) + new <= limit:
            yield Result("network-quota", subject, Status.OK, f"{len(used)} of {limit:.0f} are in use.")
        elif facts.stack_resources.value is None:
            message = f"It is unknown which of {len(used)} belong to the deployment: {facts.stack_resources.unknown}."
            yield Result("network-quota", subject, Status.UNKNOWN, message)
        else:
            message = f"{len(used)} of {limit:.0f} are in use, and {new} more {'is' if new == 1 else 'are'} created."
            fix = f"Request a higher quota {code}, or delete load balancers that are not used."
            yield Result("network-quota", subject, Status.FAILS, message, fix)


def check_vpc(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That the VPC which the configuration names resolves names, has its subnets, and a way out of them."""
    imported = requirements.imported
    if imported is None:
        return
    if facts.vpc.unknown:
        message = f"It is unknown whether the VPC can be used: {facts.vpc.unknown}."
        yield Result("vpc", imported.vpc_id, Status.UNKNOWN, message)
        return
    vpc = facts.vpc.value
    if vpc is None:
        fix = f"Correct vpcId, or run `lisa vpc describe --env {requirements.environment}`."
        yield Result("vpc", imported.vpc_id, Status.FAILS, "The VPC does not exist in this account and Region.", fix)
        return
    if vpc.dns_support and vpc.dns_hostnames:
        yield Result("vpc", imported.vpc_id, Status.OK, "DNS resolution and DNS host names are on.")
    else:
        message = "DNS resolution or DNS host names are off; the private names of models cannot be resolved."
        command = f"aws ec2 modify-vpc-attribute --vpc-id {imported.vpc_id}"
        fix = f"Run `{command} --enable-dns-support` and `{command} --enable-dns-hostnames`."
        yield Result("vpc", imported.vpc_id, Status.FAILS, message, fix)
    yield from _address_ranges(imported, vpc, requirements)
    yield from _subnets(imported, vpc, requirements)


def _address_ranges(imported: ImportedSubnets, vpc: ImportedVpc, requirements: Requirements) -> Iterator[Result]:
    """That the address ranges which security groups permit are those of the VPC."""
    if not vpc.cidr_blocks:
        return
    subject = f"{imported.vpc_id}: address ranges"
    fix = f"Run `lisa vpc describe --env {requirements.environment}` and correct the vpc block."
    if absent := [one for one in imported.cidr_blocks if one not in vpc.cidr_blocks]:
        message = f"The VPC does not have the address range {', '.join(absent)}, which security groups would permit."
        yield Result("vpc", subject, Status.FAILS, message, fix)
    if missing := [one for one in vpc.cidr_blocks if one not in imported.cidr_blocks]:
        message = (
            f"The vpc block lacks {', '.join(missing)} of the VPC: hosts there cannot reach an internal gateway, nor "
            "endpoints that LISA creates."
        )
        yield Result("vpc", subject, Status.WARNING, message, fix)


def _subnets(imported: ImportedSubnets, vpc: ImportedVpc, requirements: Requirements) -> Iterator[Result]:
    for subnet_id in dict.fromkeys((*imported.private, *imported.balancers)):
        subnet = vpc.subnets.get(subnet_id)
        if subnet is None:
            fix = f"Run `lisa vpc describe --env {requirements.environment}` and correct the vpc block."
            yield Result("subnet", subnet_id, Status.FAILS, f"{imported.vpc_id} does not have this subnet.", fix)
            continue
        if subnet.free_addresses < _FREE_ADDRESSES:
            message = f"{subnet.free_addresses} addresses are free; a load balancer requires {_FREE_ADDRESSES}."
            yield Result("subnet", subnet_id, Status.FAILS, message, "Choose a larger subnet, or free addresses in it.")
        if subnet_id in imported.private:
            yield _egress(subnet_id, vpc, requirements)


def _egress(subnet_id: str, vpc: ImportedVpc, requirements: Requirements) -> Result:
    """A private subnet reaches AWS by its default route, else by endpoints."""
    subnet = vpc.subnets[subnet_id]
    route = subnet.default_route
    if route and subnet.blackhole:
        fix = "Replace the target of the route."
        return Result(
            "egress", subnet_id, Status.FAILS, f"The target {route} of its default route no longer exists.", fix
        )
    if route and route.startswith("igw-"):
        message = f"The target of its default route is {route}: instances have no public addresses and cannot use it."
        fix = "In privateSubnetIds, use a subnet with a route to a NAT gateway."
        return Result("egress", subnet_id, Status.FAILS, message, fix)
    if route:
        return Result("egress", subnet_id, Status.OK, f"The target of its default route is {route}.")
    missing = [
        name
        for name in requirements.interface_services
        if not any(endpoint.endswith(f".{requirements.region}.{name}") for endpoint in vpc.endpoints)
    ]
    if missing:
        message = f"It has no default route, and the VPC has no endpoint for {', '.join(missing)}."
        fix = "Add a NAT gateway and a route to it, or these endpoints."
        return Result("egress", subnet_id, Status.FAILS, message, fix)
    message = "It has no default route; the VPC has the endpoints for AWS calls. Other addresses cannot be reached."
    return Result(
        "egress", subnet_id, Status.WARNING, message, "Make sure that the identity provider is reachable from the VPC."
    )


def check_certificates(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That certificates exist, are issued, do not expire soon, and are for the names that clients use."""
    for use in requirements.certificates:
        answer = facts.certificates.get(use.arn)
        subject = f"{use.owner}: {use.arn.rpartition('/')[2]}"
        if answer is None or answer.unknown:
            why = answer.unknown if answer else MISSING
            message = f"It is unknown whether the certificate can be used: {why}."
            yield Result("certificate", subject, Status.UNKNOWN, message)
        else:
            yield _certificate(subject, use, answer, date.fromisoformat(facts.taken[:10]))


def _certificate(subject: str, use: CertificateUse, answer: Answer[Certificate], today: date) -> Result:
    found = answer.value
    if found is None:
        return Result("certificate", subject, Status.FAILS, f"{use.arn} does not exist.", "Correct the ARN.")
    left = (date.fromisoformat(found.expires) - today).days if found.expires else None
    if problem := _certificate_problem(found, use, left):
        return Result("certificate", subject, Status.FAILS, *problem)
    if use.domain and not found.names:
        message = f"It is unknown whether it is for {use.domain}: its names cannot be read."
        return Result("certificate", subject, Status.UNKNOWN, message)
    if left is not None and left < _EXPIRES_SOON_DAYS:
        return Result("certificate", subject, Status.WARNING, f"It expires on {found.expires}.", "Renew it.")
    end = f", until {found.expires}" if found.expires else ""
    return Result("certificate", subject, Status.OK, f"It is for {', '.join(found.names) or 'unknown names'}{end}.")


def _certificate_problem(found: Certificate, use: CertificateUse, left: int | None) -> tuple[str, str] | None:
    """What is wrong and how to fix it; None when clients can use the certificate."""
    if found.status != "ISSUED":
        return f"Its status is {found.status}.", "Complete its validation, or use another certificate."
    if left is not None and left < 0:
        return f"It expired on {found.expires}.", "Renew it."
    if use.domain and found.names and not any(_covers(name, use.domain) for name in found.names):
        message = f"It is for {', '.join(found.names)}, but clients use {use.domain}."
        return message, f"Use a certificate for {use.domain}."
    return None


def _covers(pattern: str, domain: str) -> bool:
    """A wildcard stands for one label (RFC 9525)."""
    pattern, domain = pattern.lower(), domain.lower()
    if pattern.startswith("*."):
        return domain.partition(".")[2] == pattern[2:]
    return pattern == domain


def check_domains(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That domain names resolve, or that the account has a zone where their record can be made."""
    for name, key in requirements.domains.items():
        found = facts.domains.get(name)
        if found is None:
            message = "It is unknown whether the name resolves: it is missing in the facts. Export them again."
            yield Result("domain", name, Status.UNKNOWN, message)
        elif found.resolves:
            yield Result("domain", name, Status.OK, "It resolved when the facts were exported.")
        elif found.zones.value is None:
            message = f"It does not resolve here; whether the account has its zone is unknown: {found.zones.unknown}."
            yield Result("domain", name, Status.UNKNOWN, message)
        elif found.zones.value:
            message = f"It does not resolve yet; the account has the zone {found.zones.value[-1]}."
            yield Result("domain", name, Status.WARNING, message, "Create its record after the deployment.")
        else:
            message = f"It does not resolve, and the account has no public zone for it ({key})."
            fix = "After the deployment, create its record in its zone; clients cannot reach it before."
            yield Result("domain", name, Status.WARNING, message, fix)
