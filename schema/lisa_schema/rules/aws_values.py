"""Rules about values that AWS refuses although they have the right form: buckets, mount points, zones, domains."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.hosts import aws_host
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import services

_RESERVED_BUCKET: Final = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)")
"""Prefixes and suffixes of buckets (Amazon S3 User Guide, "General purpose bucket naming rules")."""

_CONTAINER_MOUNTS: Final = ("/tmp", "/dev/shm", "/opt/lisa")  # noqa: S108  # where LISA mounts other volumes
_SYSTEM: Final = (
    *("/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sbin", "/sys"),
    *("/tmp", "/usr", "/var"),  # noqa: S108  # compared
)
_BELOW_SYSTEM: Final = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
_LAST_ZONE: Final = "f"
"""The last letter of an Availability Zone: us-east-1 has six, and no Region has more."""


@rule("LISA536", "bucket-name", "Write the name of the bucket, as the S3 console shows it.")
def bucket_name(config: Config) -> Iterator[RuleViolation]:
    """`s3BucketModels` must be a name that S3 permits."""
    name = config.s3_bucket_models
    reason = ""
    if ".." in name or ".-" in name or "-." in name:
        reason = "dots must be between letters and digits"
    elif _is_address(name):
        reason = "a name must not be an IP address"
    elif _RESERVED_BUCKET.fullmatch(name):
        reason = "S3 reserves this prefix or suffix"
    if reason:
        yield RuleViolation(("s3BucketModels",), f"No bucket can have the name `{name}`: {reason}.")


@rule("LISA539", "mount-path", "Use a separate directory, such as /nvme.")
def mount_path(config: Config) -> Iterator[RuleViolation]:
    """NVMe disks must be mounted to an empty directory, on instances and in containers."""
    host = config.nvme_host_mount_path.rstrip("/") or "/"
    if host == "/" or host in _SYSTEM or host.startswith(tuple(f"{one}/" for one in _BELOW_SYSTEM)):
        message = f"`{host}` is a directory of the operating system: the disks would hide what is in it."
        yield RuleViolation(("nvmeHostMountPath",), message)
    inside = config.nvme_container_mount_path.rstrip("/") or "/"
    other = next((one for one in _CONTAINER_MOUNTS if inside == one or one.startswith(f"{inside}/")), None)
    if (
        other
        or inside == "/"
        or inside in _SYSTEM
        or inside.startswith(("/proc/", "/sys/", "/dev/", "/etc/", "/opt/lisa/"))
    ):
        what = f"where LISA mounts another volume, {other}" if other and inside != "/" else "a directory of the image"
        message = f"`{inside}` in the container is {what}: the container does not start, or lacks its files."
        yield RuleViolation(("nvmeContainerMountPath",), message)


@rule("LISA548", "zone-plausible", "List the zones with `aws ec2 describe-availability-zones`.", Severity.WARNING)
def zone_plausible(config: Config) -> Iterator[RuleViolation]:
    """An Availability Zone should have a letter that the zones of a Region have."""
    places: list[tuple[Path, str]] = [
        (("availabilityZones", index), zone) for index, zone in enumerate(config.availability_zones)
    ]
    if config.vpc is not None:
        places += [
            (("vpc", "availabilityZones", index), zone) for index, zone in enumerate(config.vpc.availability_zones)
        ]
    for path, zone in places:
        if re.fullmatch(re.escape(config.region) + "[a-z]", zone) and zone[-1] > _LAST_ZONE:
            message = f"It is not known whether the Availability Zone `{zone}` exists: no Region has more than six."
            yield RuleViolation(path, message)


@rule("LISA549", "own-domain", "Write a domain of yours, or remove the key.")
def own_domain(config: Config) -> Iterator[RuleViolation]:
    """`domainName` must be a domain of yours: AWS issues no certificates for names of its services."""
    places: list[tuple[Path, str | None]] = [
        (("apiGatewayConfig", "domainName"), config.api_gateway_config.domain_name)
    ]
    places += [
        ((*path, "loadBalancerConfig", "domainName"), service.load_balancer_config.domain_name)
        for path, service in services(config)
    ]
    for path, name in places:
        if name and (
            aws_host(name.lower()) or name.lower().endswith((".amazonaws.com", ".amazonaws.com.cn", ".cloudfront.net"))
        ):
            message = f"`{name}` is a name of AWS: neither a certificate nor a DNS record of yours can have it."
            yield RuleViolation(path, message)


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
