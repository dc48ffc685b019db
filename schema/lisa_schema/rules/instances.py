"""Rules about EC2 instance types: that they are there, and that what runs on them fits."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.instances import instance_type, nearest_instance_types, reservable_mib
from lisa_schema.models import AssetImage, Config, EcsModel, InferenceContainer, RestApiConfig
from lisa_schema.regions import TABLE_DATE, region
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import Service, deployed_services, services
from lisa_schema.unusable_instances import gpu_alternatives, plain_alternatives, unusable_fault

_WITHOUT_GPU = (InferenceContainer.TEI, InferenceContainer.INSTRUCTOR)
_KEPT_MIB = {RestApiConfig: 2 * 1024, EcsModel: 5 * 1024}
"""Memory that stays with the host, in MiB."""


@rule("LISA320", "instance-type-known", "Use an existing instance type.")
def instance_type_known(config: Config) -> Iterator[RuleViolation]:
    """Instance types must exist."""
    for path, service in services(config):
        name = service.instance_type
        if instance_type(name) is None and unusable_fault(name) is None:
            near = nearest_instance_types(name)
            fix = f"Choose {' or '.join(near)}." if near else None
            message = f"Unknown instance type `{name}`; the instance table is of {TABLE_DATE}."
            yield RuleViolation((*path, "instanceType"), message, fix)


@rule("LISA309", "instance-type-usable", "Use a type with x86_64 processors, and for models with NVIDIA GPUs.")
def instance_type_usable(config: Config) -> Iterator[RuleViolation]:
    """Instance types must be supported: x86_64 processors, and no accelerators except NVIDIA GPUs."""
    for path, service in services(config):
        fault = unusable_fault(service.instance_type)
        if fault is not None:
            yield RuleViolation((*path, "instanceType"), f"{fault}.", _alternatives(config, service))


@rule("LISA321", "instance-type-offered", "Use a type that the Region offers.")
def instance_type_offered(config: Config) -> Iterator[RuleViolation]:
    """The Region must offer the deployed instance types; where this is not known, it is a warning."""
    home = region(config.region)
    if home is None:
        return
    for path, service in deployed_services(config):
        name = service.instance_type
        is_offered = home.offers(name)
        if instance_type(name) is None or is_offered:
            continue
        if is_offered is None:
            message = (
                f"It is not known whether {home.name} offers {name}: the list of its types in the Region table of "
                f"{TABLE_DATE} is not complete."
                if home.instance_types is not None
                else f"It is not known whether {home.name} offers {name}: the Region table of {TABLE_DATE} does not "
                "list its types."
            )
            check = f"Check with `aws ec2 describe-instance-type-offerings --region {home.name}`."
            yield RuleViolation((*path, "instanceType"), message, check, (("region",),), Severity.WARNING)
            continue
        offered = [near for near in nearest_instance_types(name, 12) if near != name and home.offers(near)]
        host = instance_type(name)
        if host is not None and host.gpus:
            offered += [other for other in gpu_alternatives(name) if home.offers(other)]
        fix = f"Choose {' or '.join(dict.fromkeys(offered[:3]))}." if offered else None
        message = f"The Region {home.name} does not offer {name}, according to the Region table of {TABLE_DATE}."
        yield RuleViolation((*path, "instanceType"), message, fix, (("region",),))


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


@rule("LISA324", "architecture", "Use a type with x86_64 processors.")
def architecture(config: Config) -> Iterator[RuleViolation]:
    """Instances must have x86_64 processors; a warning where both the image and the AMI are your own."""
    for path, service in services(config):
        host = instance_type(service.instance_type)
        if host is None or host.architecture == "x86_64":
            continue
        is_built = isinstance(service.container_config.image, AssetImage)
        own_ami = service.ami_id or service.ami_parameter or _common_ami(config, has_gpus=bool(host.gpus))
        if is_built or not own_ami:
            what = "images are built" if is_built else "the AMI is"
            message = f"{host.name} has {host.architecture} processors, but {what} for x86_64."
            yield RuleViolation((*path, "instanceType"), message, _alternatives(config, service))
        else:
            message = f"{host.name} has {host.architecture} processors; the image and the AMI must be for them."
            yield RuleViolation((*path, "instanceType"), message, None, (), Severity.WARNING)


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


def _common_ami(config: Config, *, has_gpus: bool) -> str | None:
    ami = config.ami_config
    return ami.gpu_ami_id or ami.gpu_ami_parameter if has_gpus else ami.ami_id or ami.ami_parameter


def _alternatives(config: Config, service: Service) -> str:
    """The fix that names types to use instead: with GPUs for a model that requires or had them."""
    host, home = instance_type(service.instance_type), region(config.region)
    is_plain = isinstance(service, RestApiConfig) or (
        (host is not None and not host.gpus) and service.inference_container in _WITHOUT_GPU
    )
    names = plain_alternatives(service.instance_type) if is_plain else gpu_alternatives(service.instance_type)
    offered = [name for name in names if home is None or home.offers(name) is not False]
    return f"Choose {' or '.join(offered[:3] or names[:3])}."
