"""The AMI of each service's instances, and the lock file's content that pins those named by an SSM parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_schema.models import Config, EcsModel, RestApiConfig

STANDARD_PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
"""Parameter of the ECS-optimized AMI (Amazon ECS Developer Guide, "Retrieving Amazon ECS-optimized AMI metadata")."""

GPU_PARAMETER = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
"""Parameter of the ECS-optimized AMI with NVIDIA drivers (same source)."""

ARCHITECTURE = "x86_64"
"""Architecture of the images and of the instance types that LISA deploys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAmi:
    """What an SSM parameter named when it was read.

    Attributes:
        id: the AMI.
        name: its name.
        owner: the account that owns it.
        creation_date: as EC2 writes it, `2026-11-05T18:02:11.000Z`.
        deprecation_time: likewise; None when its owner has set none.
        version: the parameter's version.
    """

    id: str
    name: str
    owner: str
    creation_date: str
    deprecation_time: str | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiLock:
    """The AMIs that an environment's parameters named.

    Attributes:
        region: the region that they were read in; empty when there is no lock file.
        amis: by parameter.
    """

    region: str = ""
    amis: Mapping[str, LockedAmi] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfiguredAmi:
    """An AMI that the configuration names by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class PinnedAmi:
    """An AMI that a parameter named when the lock file was written."""

    parameter: str
    locked: LockedAmi

    @property
    def id(self) -> str:
        """The AMI."""
        return self.locked.id


@dataclass(frozen=True, slots=True)
class UnpinnedAmi:
    """An AMI that is to be pinned: the template has a parameter without a value, and no deployment succeeds."""

    parameter: str


@dataclass(frozen=True, slots=True)
class DynamicAmi:
    """An AMI that CloudFormation reads from a parameter at each deployment, because the configuration says so."""

    parameter: str


PlannedAmi = ConfiguredAmi | PinnedAmi | UnpinnedAmi | DynamicAmi


def plan_ami(service: RestApiConfig | EcsModel, config: Config, lock: AmiLock, *, has_gpus: bool) -> PlannedAmi:
    """Plan the AMI of a service: its own, else that of `amiConfig`, else the ECS-optimized one.

    Args:
        service: the service's configuration.
        config: the whole configuration.
        lock: what is pinned; what was read in another region pins nothing.
        has_gpus: whether the service's instances have GPUs.
    """
    default = config.ami_config
    own = (service.ami_id, service.ami_parameter)
    shared = (default.gpu_ami_id, default.gpu_ami_parameter) if has_gpus else (default.ami_id, default.ami_parameter)
    image_id, parameter = own if any(own) else shared
    if image_id:
        return ConfiguredAmi(image_id)
    parameter = parameter or (GPU_PARAMETER if has_gpus else STANDARD_PARAMETER)
    if default.resolve_at_deployment:
        return DynamicAmi(parameter)
    locked = lock.amis.get(parameter) if lock.region == config.region else None
    return UnpinnedAmi(parameter) if locked is None else PinnedAmi(parameter, locked)
