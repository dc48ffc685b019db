"""What a container cannot do: it runs as an unprivileged user, and writes to its mounts alone.

A container that mounts the models bucket (`mountS3DebUrl`) is privileged instead, since FUSE requires it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import aws_ecs as ecs

if TYPE_CHECKING:
    from lisa_compiler.plan import ServicePlan

# Compilers of kernels, caches and spooled uploads write here; a limit, of which only what is used takes memory.
_TEMPORARY_MIB = 2048
_TEMPORARY_MIB_WITH_WEIGHTS = 8192
# Libraries that a server compiles are loaded from there, which `noexec`, the default of Docker, would prevent.
_TMPFS_OPTIONS = ["rw", "nosuid", "nodev", "exec", "mode=1777"]
_OWNER_MIB = 16


def isolation(service: ServicePlan) -> dict[str, Any]:
    """Properties of the container definition of a service, without its Linux parameters."""
    if service.privileged:
        return {"privileged": True}
    return {
        "user": service.container.user,
        "readonly_root_filesystem": service.container.read_only_root_filesystem,
        "docker_security_options": ["no-new-privileges"],
    }


def linux_parameters(service: ServicePlan, *, holds_weights: bool) -> ecs.CfnTaskDefinition.LinuxParametersProperty:
    """The Linux parameters of the container of a service."""
    shared_memory = service.container.shared_memory_size or None
    if service.privileged:
        return ecs.CfnTaskDefinition.LinuxParametersProperty(
            shared_memory_size=shared_memory, init_process_enabled=True
        )
    size = _TEMPORARY_MIB_WITH_WEIGHTS if holds_weights else _TEMPORARY_MIB
    return ecs.CfnTaskDefinition.LinuxParametersProperty(
        shared_memory_size=shared_memory,
        init_process_enabled=True,
        capabilities=_no_capabilities(),
        tmpfs=[
            ecs.CfnTaskDefinition.TmpfsProperty(container_path=path, size=size, mount_options=_TMPFS_OPTIONS)
            for path in ("/tmp", *service.container.writable_paths)  # noqa: S108  # a mount of the container's own
        ],
    )


def owner_of_weights(
    service: ServicePlan, *, image_uri: str, volume: str, path: str, log: ecs.CfnTaskDefinition.LogConfigurationProperty
) -> ecs.CfnTaskDefinition.ContainerDefinitionProperty | None:
    """A container that gives the directory of the weights to the user of the service, before that starts.

    The directory is on the instance: Docker creates it for root, and containers of earlier versions wrote as root.
    Files that have the owner already are left as they are, since a change would make the service verify them again.

    Args:
        service: the service.
        image_uri: its image, which has `find` and `chown`.
        volume: name of the volume with the weights.
        path: where it is mounted.
        log: where its output goes.

    Returns:
        The container; None where the service runs as root.
    """
    user, _, group = service.container.user.partition(":")
    if service.privileged or user == "0":
        return None
    owner = f"{user}:{group or user}"
    return ecs.CfnTaskDefinition.ContainerDefinitionProperty(
        name=OWNER,
        image=image_uri,
        entry_point=["find"],
        command=[
            *(path, "(", "!", "-user", user, "-o", "!", "-group", group or user, ")"),
            *("-exec", "chown", "-h", owner, "{}", "+"),
        ],
        essential=False,
        memory_reservation=_OWNER_MIB,
        user="0:0",
        readonly_root_filesystem=True,
        docker_security_options=["no-new-privileges"],
        linux_parameters=ecs.CfnTaskDefinition.LinuxParametersProperty(
            capabilities=ecs.CfnTaskDefinition.KernelCapabilitiesProperty(
                add=["CHOWN", "DAC_READ_SEARCH"], drop=["ALL"]
            )
        ),
        mount_points=[
            ecs.CfnTaskDefinition.MountPointProperty(source_volume=volume, container_path=path, read_only=False)
        ],
        log_configuration=log,
    )


OWNER = "weights-owner"
"""Name of the container that `owner_of_weights` adds."""


def _no_capabilities() -> ecs.CfnTaskDefinition.KernelCapabilitiesProperty:
    return ecs.CfnTaskDefinition.KernelCapabilitiesProperty(drop=["ALL"])
