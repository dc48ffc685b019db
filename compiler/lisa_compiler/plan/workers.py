"""How many worker processes the gateway's container has."""

from __future__ import annotations

_BASE_MIB = 512
_WORKER_MIB = 512


def gateway_workers(vcpus: int, memory_mib: int) -> int:
    """A worker of the gateway and one of LiteLLM for each vCPU, as far as the memory goes; at least one of each.

    Args:
        vcpus: of the instance.
        memory_mib: of the container.
    """
    return max(1, min(vcpus, (memory_mib - _BASE_MIB) // _WORKER_MIB))
