"""The task of a container service: its container, volumes and log group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_ecs as ecs

from lisa_compiler.emit.cloudformation.constructs.container_isolation import (
    OWNER,
    isolation,
    linux_parameters,
    owner_of_weights,
)
from lisa_compiler.emit.cloudformation.constructs.stack import ASSET_KEYS
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.names import CONTAINER_NAME_LIMIT, LOG_STREAM_PREFIX_LIMIT, fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.scheduling import Schedule
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import Deployment, ServicePlan

CONTAINER_PORT = 8080

_WEIGHTS = "nvme"
"""Name of the volume with the weights."""

_SPOOL = "lisa-audit"
"""Name of the volume with the gateway's audit records that are not delivered yet."""

_SPOOL_PATH = "/var/lib/lisa-audit"
"""Where the gateway has it: AUDIT_FOLDER of templates/containers/rest-api/Dockerfile.j2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRoles:
    """Roles of a container service.

    Attributes:
        task_arn: what its tasks work with.
        execution_arn: what ECS starts them with.
        instance_profile_arn: what its instances work with.
    """

    task_arn: str
    execution_arn: str
    instance_profile_arn: str


def add_task(
    scope: Construct,
    stack: LisaStack,
    *,
    service: ServicePlan,
    schedule: Schedule,
    roles: ContainerRoles,
    image_uri: str,
    environment: Mapping[str, str],
    secrets: Mapping[str, str],
    holds_weights: bool,
) -> ecs.CfnTaskDefinition:
    """Add the task definition of a container service, with its log group.

    Args:
        scope: the construct that it is added to.
        stack: the stack of that construct.
        service: what the plan knows.
        schedule: how its tasks are placed; it chooses the port on the instance.
        roles: what the task works with and is started with.
        image_uri: the image.
        environment: the container's variables that are not secrets.
        secrets: its variables that are, with the ARNs that ECS reads them from.
        holds_weights: whether the container serves a model from weights on the instance.
    """
    log_group = stack.log_group(scope, "LogGroup", f"/lisa/{service.cluster}")
    mounts = _mounts(stack.deployment, holds_weights=holds_weights)
    spools = [] if holds_weights else [_spool_volume()]
    health = service.container.health_check_config
    log = ecs.CfnTaskDefinition.LogConfigurationProperty(
        log_driver="awslogs",
        options={
            "awslogs-group": log_group.ref,
            "awslogs-region": stack.deployment.config.region,
            "awslogs-stream-prefix": fit(service.id, LOG_STREAM_PREFIX_LIMIT),
        },
    )
    owner = (
        owner_of_weights(
            service,
            image_uri=image_uri,
            volume=_WEIGHTS,
            path=stack.deployment.config.nvme_container_mount_path,
            log=log,
        )
        if holds_weights
        else None
    )
    task = ecs.CfnTaskDefinition(
        scope,
        "Task",
        family=service.cluster,
        network_mode="bridge",
        requires_compatibilities=["EC2"],
        task_role_arn=roles.task_arn,
        execution_role_arn=roles.execution_arn,
        volumes=[*(_host_volume(name, source) for name, source, _, _ in mounts), *spools] or None,
        container_definitions=[
            ecs.CfnTaskDefinition.ContainerDefinitionProperty(
                name=fit(service.id, CONTAINER_NAME_LIMIT),
                image=image_uri,
                command=list(service.arguments) or None,
                essential=True,
                # A reservation, no limit: the instance has no other tasks, and what it registers with ECS depends
                # on the type and the machine image. A hard limit would also count the page cache of the weights.
                memory_reservation=service.memory_reservation_mib,
                depends_on=(
                    None
                    if owner is None
                    else [ecs.CfnTaskDefinition.ContainerDependencyProperty(container_name=OWNER, condition="SUCCESS")]
                ),
                stop_timeout=service.stop_timeout_seconds,
                environment=[
                    ecs.CfnTaskDefinition.KeyValuePairProperty(name=name, value=value)
                    for name, value in sorted(environment.items())
                ],
                secrets=[
                    ecs.CfnTaskDefinition.SecretProperty(name=name, value_from=arn)
                    for name, arn in sorted(secrets.items())
                ]
                or None,
                port_mappings=[
                    ecs.CfnTaskDefinition.PortMappingProperty(
                        container_port=CONTAINER_PORT, host_port=schedule.host_port, protocol="tcp"
                    )
                ],
                resource_requirements=(
                    [ecs.CfnTaskDefinition.ResourceRequirementProperty(type="GPU", value=str(service.instance.gpus))]
                    if service.instance.gpus and holds_weights
                    else None
                ),
                linux_parameters=linux_parameters(service, holds_weights=holds_weights),
                mount_points=[
                    ecs.CfnTaskDefinition.MountPointProperty(
                        source_volume=name, container_path=target, read_only=read_only
                    )
                    for name, target, read_only in (
                        *((name, target, read_only) for name, _, target, read_only in mounts),
                        *((spool.name, _SPOOL_PATH, False) for spool in spools),
                    )
                ]
                or None,
                health_check=ecs.CfnTaskDefinition.HealthCheckProperty(
                    command=list(health.command),
                    interval=health.interval,
                    start_period=health.start_period,
                    timeout=health.timeout,
                    retries=health.retries,
                ),
                log_configuration=log,
                **isolation(service),
            ),
            *([] if owner is None else [owner]),
        ],
    )
    container = f"ContainerDefinitions[{fit(service.id, CONTAINER_NAME_LIMIT)}]"
    if "LEGACY_TOKENS" in environment:
        path = f"{container}.Environment[LEGACY_TOKENS].Value"
        stack.record_keys(task, {path: ("authConfig", "legacyTokens")})
    if "SIGN_OUT_TABLE_NAME" in environment:
        path = f"{container}.Environment[SIGN_OUT_TABLE_NAME].Value"
        stack.record_keys(task, {path: ("authConfig", "backChannelLogout")})
    if isinstance(service.image, BuiltImage):
        stack.record_keys(task, {f"{container}.Image": ASSET_KEYS})
        if holds_weights:
            stack.record_keys(task, {f"{container}.Privileged": ("mountS3DebUrl",)})
    if service.privileged:
        task.add_metadata(
            "lisa:privileged",
            "The container runs privileged because mountS3DebUrl is set: mount-s3 needs the FUSE device.",
        )
    stack.acknowledge(
        task,
        {"AwsSolutions-ECS2": "Settings, not secrets: those are references that ECS resolves at start."},
    )
    return task


def _host_volume(name: str, source: str) -> ecs.CfnTaskDefinition.VolumeProperty:
    return ecs.CfnTaskDefinition.VolumeProperty(
        name=name, host=ecs.CfnTaskDefinition.HostVolumePropertiesProperty(source_path=source)
    )


def _spool_volume() -> ecs.CfnTaskDefinition.VolumeProperty:
    """A volume of the instance for what the gateway has not delivered: the next container delivers it.

    Docker makes it when it is first used, with the owner that its directory has in the image. The instance has no
    containers of other deployments.
    """
    return ecs.CfnTaskDefinition.VolumeProperty(
        name=_SPOOL,
        docker_volume_configuration=ecs.CfnTaskDefinition.DockerVolumeConfigurationProperty(
            scope="shared", autoprovision=True, driver="local"
        ),
    )


def _mounts(deployment: Deployment, *, holds_weights: bool) -> list[tuple[str, str, str, bool]]:
    """Volumes as (name, path on the instance, path in the container, read only)."""
    config = deployment.config
    mounts = []
    if holds_weights:
        mounts.append((_WEIGHTS, f"{config.nvme_host_mount_path}/weights", config.nvme_container_mount_path, False))
    if deployment.trust is not None:
        mounts.append((*deployment.trust.volume, True))
    return mounts
