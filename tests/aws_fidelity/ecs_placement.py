"""Where Amazon ECS places tasks: what an instance registers, what a task asks for, and what does not fit.

The rules are those of the ECS Developer Guide ("Amazon ECS task definition parameters", "Reserving Amazon ECS Linux
container instance memory", "Amazon ECS container instance networking"). What is not modeled: placement constraints
and attributes, which LISA does not use, and capacity that EC2 does not have.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lisa_schema.instances import InstanceType, instance_type

if TYPE_CHECKING:
    from collections.abc import Mapping

CPU_UNITS_PER_VCPU = 1024
AGENT_PORTS = frozenset({22, 2375, 2376, 51678, 51679, 51680})
"""TCP ports that the agent registers as taken."""

_SMALL_MIB = 8 * 1024
# Karpenter's default of 7.5 % was chosen so that no known type and image has less (aws/karpenter-provider-aws, 7929).
_REGISTERED_PER_MILLE = 925
# Below 8 GiB what firmware and kernel keep weighs more: t2.small registers 1,800 of 2,048 MiB.
_REGISTERED_PER_MILLE_SMALL = 875


@dataclass
class Host:
    """A container instance and what is left of it.

    Attributes:
        cpu: units.
        memory_mib: as the agent registers it.
        gpus: identifiers of GPUs.
        ports: taken on the instance.
        interfaces: network interfaces that tasks in awsvpc mode may still get.
    """

    cpu: int
    memory_mib: int
    gpus: int
    ports: set[int] = field(default_factory=lambda: set(AGENT_PORTS))
    interfaces: int = 1

    def place(self, task: Mapping[str, Any]) -> list[str]:
        """Place a task of a task definition (properties of AWS::ECS::TaskDefinition).

        Returns:
            Reasons why it is not placed, as ECS names them; empty when it is, and the host has less from then on.
        """
        containers = task["ContainerDefinitions"]
        cpu = int(task["Cpu"]) if "Cpu" in task else sum(each.get("Cpu", 0) for each in containers)
        memory = int(task["Memory"]) if "Memory" in task else sum(reserved_mib(each) for each in containers)
        gpus = sum(
            int(requirement["Value"])
            for each in containers
            for requirement in each.get("ResourceRequirements", ())
            if requirement["Type"] == "GPU"
        )
        ports = static_ports(task)
        own_interface = task["NetworkMode"] == "awsvpc"
        reasons = [
            reason
            for reason, fits in (
                ("RESOURCE:CPU", cpu <= self.cpu),
                ("RESOURCE:MEMORY", memory <= self.memory_mib),
                ("RESOURCE:GPU", gpus <= self.gpus),
                ("RESOURCE:PORTS", not self.ports & ports),
                ("RESOURCE:ENI", not own_interface or self.interfaces > 0),
            )
            if not fits
        ]
        if not reasons:
            self.cpu -= cpu
            self.memory_mib -= memory
            self.gpus -= gpus
            self.ports |= ports
            self.interfaces -= own_interface
        return reasons


def registered_mib(host: InstanceType) -> int:
    """MiB that an instance registers: the published figure, else less than any figure that is published."""
    if host.registered_mib is not None:
        return host.registered_mib
    small = host.memory_mib < _SMALL_MIB
    return host.memory_mib * (_REGISTERED_PER_MILLE_SMALL if small else _REGISTERED_PER_MILLE) // 1000


def container_instance(name: str) -> Host:
    """A new instance of a type, as its agent registers it."""
    host = instance_type(name)
    assert host is not None, name
    return Host(cpu=host.vcpus * CPU_UNITS_PER_VCPU, memory_mib=registered_mib(host), gpus=host.gpus)


def reserved_mib(container: Mapping[str, Any]) -> int:
    """MiB that a container reserves: its soft limit, else its hard one; ECS wants one of them where a task has none."""
    soft: Any = container.get("MemoryReservation")
    hard: Any = container.get("Memory")
    if soft is None and hard is None:
        raise ValueError("Invalid setting for container. At least one of 'memory' or 'memoryReservation' must be set.")
    if soft is not None and hard is not None and soft > hard:
        raise ValueError("Invalid setting for container. 'memoryReservation' must not be greater than 'memory'.")
    return int(hard) if soft is None else int(soft)


def static_ports(task: Mapping[str, Any]) -> set[int]:
    """Ports of the instance that a task takes; dynamic ones (host port 0) are never taken by another task."""
    if task["NetworkMode"] == "awsvpc":
        return set()
    mappings = [mapping for each in task["ContainerDefinitions"] for mapping in each.get("PortMappings", ())]
    ports = {
        mapping["ContainerPort"] if task["NetworkMode"] == "host" else mapping.get("HostPort", 0)
        for mapping in mappings
    }
    return ports - {0}


def tasks_at_once(service: Mapping[str, Any]) -> int:
    """How many tasks of a service an instance holds while the service is updated, at most.

    A daemon has one, and a second one only where more than 100 % may run. Of a replica service that has one task for
    each instance, `maximumPercent` says how many run meanwhile, and all may be on one instance.
    """
    limits = service["DeploymentConfiguration"]
    return max(1, -(-int(limits["MaximumPercent"]) // 100))
