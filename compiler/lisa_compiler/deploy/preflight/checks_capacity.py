"""Checks of what instances need: quotas, zones that offer their types, AMIs and the key of their volumes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from lisa_compiler.deploy.preflight.facts import MISSING
from lisa_compiler.deploy.preflight.result import Result, Status
from lisa_compiler.plan.amis import ARCHITECTURE, ConfiguredAmi, DynamicAmi, PinnedAmi, UnpinnedAmi

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight.facts import Facts, MachineImage
    from lisa_compiler.deploy.preflight.requirements import InstanceGroup, Requirements

# Quotas of running On-Demand instances, in vCPUs (EC2 User Guide, "Amazon EC2 instance type quotas").
_STANDARD = ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances")
_QUOTAS = {
    "dl": ("L-6E869C2A", "Running On-Demand DL instances"),
    "f": ("L-74FC7D96", "Running On-Demand F instances"),
    "g": ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "gr": ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "hpc": ("L-F7808C92", "Running On-Demand HPC instances"),
    "inf": ("L-1945791B", "Running On-Demand Inf instances"),
    "p": ("L-417A185B", "Running On-Demand P instances"),
    "trn": ("L-2C3B7624", "Running On-Demand Trn instances"),
    "u": ("L-43DA4232", "Running On-Demand High Memory instances"),
    "vt": ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "x": ("L-7295265B", "Running On-Demand X instances"),
}
_LETTERS = re.compile(r"[a-z]+")
_OLD_DAYS = 180


def quota_of(instance_type: str) -> tuple[str, str]:
    """Code and name of the quota that limits an instance type."""
    match = _LETTERS.match(instance_type)
    return _QUOTAS.get(match[0] if match else "", _STANDARD)


def check_quotas(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """The vCPU quotas against the fewest instances, an update, and the most."""
    groups: dict[tuple[str, str], list[InstanceGroup]] = defaultdict(list)
    for group in requirements.groups:
        groups[quota_of(group.instance_type)].append(group)
    own = {group.name for group in requirements.groups}
    for (code, name), members in sorted(groups.items()):
        need = sum(group.minimum * group.vcpus for group in members)
        updating = sum(group.updating * group.vcpus for group in members)
        most = sum(group.maximum * group.vcpus for group in members)
        reasons = [one.unknown for one in (facts.quotas, facts.running) if one.unknown]
        limit = (facts.quotas.value or {}).get(code)
        if reasons or limit is None:
            reason = "; ".join(reasons) or f"the account has no quota {code}"
            yield Result(
                "quota", name, Status.UNKNOWN, f"It is unknown whether {need} to {most} vCPUs are available: {reason}."
            )
            continue
        others = sum(
            one.vcpus
            for one in facts.running.value or ()
            if one.group not in own and quota_of(one.instance_type)[0] == code
        )
        yield _quota(code, name, limit - others, others, (need, updating, most))


def _quota(code: str, name: str, free: float, others: int, needs: tuple[int, int, int]) -> Result:
    need, updating, most = needs
    fix = f"Request a quota of at least {most + others} vCPUs: Service Quotas, Amazon EC2, {code}."
    limit = f"{free:.0f} vCPUs are available" + (f" ({others} are in use by other instances)" if others else "")
    if free < need:
        return Result("quota", name, Status.FAILS, f"minCapacity requires {need} vCPUs, but {limit}.", fix)
    if free < updating:
        return Result("quota", name, Status.WARNING, f"A rolling update requires {updating} vCPUs, but {limit}.", fix)
    if free < most:
        return Result("quota", name, Status.WARNING, f"maxCapacity requires {most} vCPUs, but {limit}.", fix)
    return Result("quota", name, Status.OK, f"{need} to {most} vCPUs are required; {limit}.")


def check_zones(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """The zones that offer each instance type against the zones of the private subnets."""
    zones, reason = used_zones(requirements, facts)
    for name in sorted({group.instance_type for group in requirements.groups}):
        offered = (facts.offerings.value or {}).get(name)
        if reason or facts.offerings.unknown or offered is None:
            why = reason or facts.offerings.unknown or MISSING
            yield Result("zone", name, Status.UNKNOWN, f"It is unknown whether the zones offer it: {why}.")
        elif not offered:
            fix = "Use another instanceType or Region."
            yield Result("zone", name, Status.FAILS, f"{requirements.region} does not offer it to the account.", fix)
        elif missing := [zone for zone in zones if zone not in offered]:
            there = [zone for zone in zones if zone in offered]
            where = f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not offer it; {', '.join(offered)} "
            message = where + ("does." if len(offered) == 1 else "do.")
            fix = f"Use subnets in {', '.join(offered)}, or choose another instanceType."
            yield Result("zone", name, Status.WARNING if there else Status.FAILS, message, fix)
        else:
            yield Result("zone", name, Status.OK, f"Offered in {', '.join(zones)}.")


def used_zones(requirements: Requirements, facts: Facts) -> tuple[list[str], str]:
    """The zones that instances launch in; and, when they are unknown, why."""
    if requirements.imported is not None:
        if facts.vpc.value is None:
            return [], facts.vpc.unknown or f"{requirements.imported.vpc_id} does not exist"
        found = [
            facts.vpc.value.subnets[one].zone for one in requirements.imported.private if one in facts.vpc.value.subnets
        ]
        return sorted(set(found)), "" if found else "the VPC does not have these subnets"
    if facts.zones.value is None:
        return [], facts.zones.unknown
    offered = facts.zones.value
    names = [
        zone if isinstance(zone, str) else offered[zone] for zone in requirements.zones if _is_there(zone, offered)
    ]
    return names, "" if names else "the Region has too few zones"


def _is_there(zone: int | str, offered: tuple[str, ...]) -> bool:
    return isinstance(zone, str) or zone < len(offered)


def check_amis(requirements: Requirements, facts: Facts) -> Iterator[Result]:
    """That each AMI exists, can boot the instances, and is neither deprecated nor superseded."""
    for group in requirements.groups:
        subject = f"{group.component}: {group.image_id or group.ami_parameter}"
        if isinstance(group.ami, UnpinnedAmi):
            fix = f"Run `lisa ami refresh --env {requirements.environment}`, compile, review and commit."
            yield Result("ami", subject, Status.FAILS, "The AMI is not pinned; `lisa deploy` rejects it.", fix)
            continue
        image_id, reason = _image_id(group, facts)
        if image_id is None or facts.images.value is None:
            why = reason or facts.images.unknown
            yield Result("ami", subject, Status.UNKNOWN, f"It is unknown whether the AMI can be used: {why}.")
            continue
        image = facts.images.value.get(image_id)
        if image is None:
            message = f"{image_id} does not exist in {requirements.region}, or is not shared with the account."
            yield Result("ami", subject, Status.FAILS, message, _choose_ami(group, requirements))
            continue
        yield _ami(subject, group, image, requirements, facts)


def _image_id(group: InstanceGroup, facts: Facts) -> tuple[str | None, str]:
    if not isinstance(group.ami, DynamicAmi):
        return group.image_id, ""
    if facts.ami_parameters.value is None:
        return None, facts.ami_parameters.unknown
    value = facts.ami_parameters.value.get(group.ami.parameter)
    return value or None, "" if value else f"the parameter {group.ami.parameter} does not exist or contains no AMI ID"


def _ami(subject: str, group: InstanceGroup, image: MachineImage, requirements: Requirements, facts: Facts) -> Result:
    fix = _choose_ami(group, requirements)
    if problem := _ami_problem(group, image):
        return Result("ami", subject, Status.FAILS, problem, fix)
    if doubt := _ami_doubt(group, image, facts):
        return Result("ami", subject, Status.WARNING, doubt, fix)
    return Result("ami", subject, Status.OK, f"{image.name}, created {image.creation_date[:10]}.")


def _ami_problem(group: InstanceGroup, image: MachineImage) -> str:
    """Why instances cannot boot the AMI; empty when they can."""
    if image.state != "available":
        return f"Its state is {image.state}."
    if image.architecture != ARCHITECTURE:
        return f"It is for {image.architecture} processors."
    if image.root_device != group.root_device:
        return f"Its root device is {image.root_device}, but the launch template sets the size of {group.root_device}."
    if image.root_gib > group.root_gib:
        return f"Its root volume has {image.root_gib} GiB, but the launch template sets {group.root_gib} GiB."
    return ""


def _ami_doubt(group: InstanceGroup, image: MachineImage, facts: Facts) -> str:
    """Why another AMI is better; empty when none is known to be."""
    taken = datetime.fromisoformat(facts.taken)
    if image.deprecation_time and datetime.fromisoformat(image.deprecation_time) <= taken:
        return f"{image.name} has been deprecated since {image.deprecation_time[:10]}."
    newest = (facts.ami_parameters.value or {}).get(group.ami_parameter or "")
    if newest and newest != group.image_id and isinstance(group.ami, PinnedAmi):
        return f"{group.ami_parameter} names {newest} now."
    days = (taken - datetime.fromisoformat(image.creation_date)).days if image.creation_date else 0
    return f"{image.name} is {days} days old." if days > _OLD_DAYS else ""


def _choose_ami(group: InstanceGroup, requirements: Requirements) -> str:
    if isinstance(group.ami, ConfiguredAmi):
        return "Set amiId to another AMI, or share this one with the account."
    return f"Run `lisa ami refresh --env {requirements.environment}`, or set amiId."


def check_volume_key(requirements: Requirements, facts: Facts) -> Iterator[Result]:  # noqa: ARG001  # as every check
    """That Auto Scaling may use the key that EBS encrypts the instances' volumes with."""
    ebs = facts.ebs.value
    subject = ebs.key if ebs else "default key of EBS"
    if ebs is None:
        message = f"It is unknown whether instances can use the default key: {facts.ebs.unknown}."
        yield Result("volume-key", subject, Status.UNKNOWN, message)
    elif ebs.state != "Enabled":
        message = f"The default key of EBS is {ebs.state}: instances terminate immediately after launch."
        yield Result("volume-key", subject, Status.FAILS, message, "Enable the key, or set another default key.")
    elif ebs.autoscaling.value is None:
        message = f"It is unknown whether Auto Scaling has permission to use the key: {ebs.autoscaling.unknown}."
        yield Result("volume-key", subject, Status.UNKNOWN, message)
    elif not ebs.autoscaling.value:
        message = "Auto Scaling has no permission to use the default key of EBS: instances terminate after launch."
        fix = "Permit AWSServiceRoleForAutoScaling in the key policy, or with `aws kms create-grant`."
        yield Result("volume-key", subject, Status.FAILS, message, fix)
    else:
        yield Result("volume-key", subject, Status.OK, "Instances can use the default key of EBS.")
