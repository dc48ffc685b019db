"""Rules about EC2 instance types: that they are there, and that what runs on them fits."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.instances import instance_type, nearest_instance_types, reservable_mib
from lisa_schema.models import Config, EcsModel, RestApiConfig
from lisa_schema.regions import region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import deployed_services, services

_KEPT_MIB = {RestApiConfig: 2 * 1024, EcsModel: 5 * 1024}
"""Memory that stays with the host, in MiB."""


@rule("LISA320", "instance-type-known", "Use an existing instance type.")
def instance_type_known(config: Config) -> Iterator[RuleViolation]:
    """Instance types must exist."""
    for path, service in services(config):
        if instance_type(service.instance_type) is None:
            near = nearest_instance_types(service.instance_type)
            fix = f"Choose {' or '.join(near)}." if near else None
            message = f"Unknown instance type `{service.instance_type}`."
            yield RuleViolation((*path, "instanceType"), message, fix)


@rule("LISA321", "instance-type-offered", "Use a type that the Region offers.", Severity.WARNING)
def instance_type_offered(config: Config) -> Iterator[RuleViolation]:
    """The Region must offer the deployed instance types; an error in isolated and GovCloud Regions."""
    home = region(config.region)
    if home is None:
        return
    severity = Severity.ERROR if home.is_iso or home.is_gov else Severity.WARNING
    for path, service in deployed_services(config):
        if instance_type(service.instance_type) is not None and home.offers(service.instance_type) is False:
            offered = [name for name in nearest_instance_types(service.instance_type, 12) if home.offers(name)]
            fix = f"Choose {' or '.join(offered[:3])}." if offered else None
            message = f"The Region {home.name} does not offer {service.instance_type}, according to the Region table."
            yield RuleViolation((*path, "instanceType"), message, fix, (("region",),), severity)


@rule("LISA323", "sufficient-memory", "Use a larger instance type, or a smaller sharedMemorySize.")
def sufficient_memory(config: Config) -> Iterator[RuleViolation]:
    """The instance must have enough memory for its task, the shared memory and the host."""
    for path, service in services(config):
        host = instance_type(service.instance_type)
        if host is None:
            continue
        left = reservable_mib(host, _KEPT_MIB[type(service)])
        shared = service.container_config.shared_memory_size
        if left <= 0:
            message = f"{host.name} has {host.memory_mib:,} MiB of memory, not enough for the container."
            yield RuleViolation((*path, "instanceType"), message)
        elif shared >= left:
            at = (*path, "containerConfig", "sharedMemorySize")
            message = f"Shared memory of {shared:,} MiB does not fit in the {left:,} MiB that {host.name} leaves."
            yield RuleViolation(at, message, None, ((*path, "instanceType"),))


@rule("LISA324", "architecture", "Use a type with x86_64 processors.", Severity.WARNING)
def architecture(config: Config) -> Iterator[RuleViolation]:
    """Instances must have x86_64 processors, for which images are built."""
    for path, service in services(config):
        host = instance_type(service.instance_type)
        if host is not None and host.architecture != "x86_64":
            message = f"{host.name} has {host.architecture} processors, but images are built for x86_64."
            yield RuleViolation((*path, "instanceType"), message)


@rule("LISA326", "one-ami", "Keep one of them, and set the other to null.")
def one_ami(config: Config) -> Iterator[RuleViolation]:
    """An AMI must be specified by its id or by a parameter, not both."""
    for path, service in services(config):
        if service.ami_id and service.ami_parameter:
            yield _two_amis((*path, "amiId"), (*path, "amiParameter"))
    ami = config.ami_config
    if ami.ami_id and ami.ami_parameter:
        yield _two_amis(("amiConfig", "amiId"), ("amiConfig", "amiParameter"))
    if ami.gpu_ami_id and ami.gpu_ami_parameter:
        yield _two_amis(("amiConfig", "gpuAmiId"), ("amiConfig", "gpuAmiParameter"))


def _two_amis(by_id: Path, by_parameter: Path) -> RuleViolation:
    message = f"`{by_id[-1]}` and `{by_parameter[-1]}` both set the AMI."
    return RuleViolation(by_id, message, None, (by_parameter,))
