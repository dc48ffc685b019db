"""What the host of a model must have beside GPUs: memory, disk and shared memory. Estimates, so only ever warnings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from lisa_compiler.fit.quantity import GIB

if TYPE_CHECKING:
    from lisa_compiler.fit.question import Question
    from lisa_schema.instances import InstanceType

_KEPT_MIB: Final = 5 * 1024
"""MiB of an instance's memory that a model's task does not get."""

_MEMORY_GIB: Final = 3.0
_MEMORY_GIB_PER_GPU: Final = 2.0
_DISK_OVERHEAD: Final = 1.02
_DISK_USABLE: Final = 0.95
_ROOT_GIB: Final = 440
"""GiB of the root volume that weights may take on an instance without NVMe; the image takes the rest of 500."""

_QUEUES_MIB: Final = 160
_NCCL_MIB: Final = 64
_DOCKER_DEFAULT_MIB: Final = 64


class HostPart(StrEnum):
    """A part of a host that may be too small."""

    MEMORY = "memory"
    DISK = "disk"
    SHARED_MEMORY = "shared memory"


@dataclass(frozen=True, slots=True)
class HostIssue:
    """A part of the host that may be too small.

    Attributes:
        part: which one.
        message: what is wrong, a sentence.
        fix: what to do about it, a sentence.
    """

    part: HostPart
    message: str
    fix: str


def host_issues(host: InstanceType, question: Question, *, shared_mib: int) -> tuple[HostIssue, ...]:
    """Return what may be too small on a host.

    Args:
        host: the instance type.
        question: the model, its engine and the GPUs that share each layer.
        shared_mib: MiB of shared memory; 0 for Docker's default.
    """
    facts, engine = question.facts, question.engine
    gpus = min(question.tensor_parallel, max(1, host.gpus))
    memory_mib = host.memory_mib - _KEPT_MIB
    found = []
    needed = _MEMORY_GIB + _MEMORY_GIB_PER_GPU * gpus
    if question.adapters is not None:
        # Each of the processes keeps all adapters in the host's memory.
        needed += (question.adapters.memory_bytes or 0) / GIB * gpus
    if engine == "vllm" and memory_mib / 1024 < needed:
        message = (
            f"The task has {memory_mib / 1024:.1f} GiB of memory on {host.name}; vLLM needs about {needed:.0f} GiB for "
            f"{gpus} GPU{'' if gpus == 1 else 's'}."
        )
        found.append(HostIssue(HostPart.MEMORY, message, "Choose an instance type with more memory."))
    size = facts.total_bytes or (facts.tensors.low if facts.tensors is not None else None)
    if size is not None and (disk := _disk_issue(host, facts.name, size * _DISK_OVERHEAD)) is not None:
        found.append(disk)
    shared = shared_memory_mib(gpus)
    if engine == "vllm" and gpus > 1 and (shared_mib or _DOCKER_DEFAULT_MIB) < shared:
        message = (
            f"The shared memory has {shared_mib or _DOCKER_DEFAULT_MIB:,} MiB; vLLM needs about {shared:,} MiB for "
            f"{gpus} GPUs."
        )
        found.append(HostIssue(HostPart.SHARED_MEMORY, message, f"Set `sharedMemorySize` to {shared} or more."))
    return tuple(found)


def shared_memory_mib(gpus: int) -> int:
    """Compute MiB of /dev/shm that vLLM's message queues and NCCL need for so many GPUs."""
    return _QUEUES_MIB * (1 + gpus) + _NCCL_MIB * gpus


def _disk_issue(host: InstanceType, name: str, needed: float) -> HostIssue | None:
    if host.nvme_gb:
        available, where = host.nvme_gb * 10**9 * _DISK_USABLE, "instance store"
    else:
        available, where = float(_ROOT_GIB * GIB), "root volume"
    if needed <= available:
        return None
    message = (
        f"The weights of {name} have {needed / 10**9:,.0f} GB; the {where} of {host.name} holds "
        f"{available / 10**9:,.0f} GB."
    )
    return HostIssue(HostPart.DISK, message, "Choose an instance type with a larger instance store.")
