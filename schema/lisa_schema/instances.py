"""EC2 instance types: what a host has to offer. The table is data/instances.json, made by refresh_tables.py."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One EC2 instance type, as DescribeInstanceTypes tells it.

    Attributes:
        name: `g5.12xlarge`.
        vcpus: by default, hyper-threads included.
        memory_mib: MiB of memory.
        architecture: `x86_64` or `arm64`.
        gpus: how many; a slice of a GPU (g6f) counts as one with the memory of the slice.
        gpu_name: `A10G`; None without a GPU.
        gpu_memory_mib: MiB of each GPU; 0 without a GPU.
        gpu_manufacturer: `NVIDIA`; None without a GPU.
        nvme_gb: GB of NVMe instance store in total; 0 when there is none.
        nvme_disks: how many disks that is.
        network: `Up to 25 Gigabit`.
        current: whether AWS counts it among the current generation.
        registered_mib: MiB that such an instance registers with ECS, where a figure is published; always less than
            `memory_mib`, because firmware and kernel keep a part.
    """

    name: str
    vcpus: int
    memory_mib: int
    architecture: str
    gpus: int
    gpu_name: str | None
    gpu_memory_mib: int
    gpu_manufacturer: str | None
    nvme_gb: int
    nvme_disks: int
    network: str
    current: bool
    registered_mib: int | None = None

    @property
    def family(self) -> str:
        """What stands before the dot: `g5`."""
        return self.name.partition(".")[0]


@cache
def instance_type(name: str) -> InstanceType | None:
    """The type of that exact name, or None when the table does not have it."""
    row = _rows().get(name)
    return InstanceType(*(name, *row, _table()["registeredMiB"].get(name))) if row else None


def reservable_mib(host: InstanceType, kept_mib: int) -> int:
    """MiB of a host's memory that its task may reserve; not positive when the host is too small.

    ECS places a task only where the reservation is at most what the instance registered. That is between 93 % and
    98 % of the advertised memory for instances of 8 GiB and more (tools/registered_memory.json); 90 % leaves room for
    types and machine images without a published figure.

    Args:
        host: the instance type.
        kept_mib: MiB that the operating system, the ECS agent and the file cache need.
    """
    placeable = min(host.memory_mib * 9 // 10, host.registered_mib or host.memory_mib)
    return min(host.memory_mib - kept_mib, placeable)


def instance_type_names() -> tuple[str, ...]:
    """Every name in the table, by family and then by size."""
    return tuple(_rows())


def nearest_instance_types(name: str, n: int = 3) -> tuple[str, ...]:
    """The names most like a wrong one, best first: the nearest sizes of its family, else the nearest spellings."""
    wanted = name.strip().lower()
    if wanted in _rows():
        return (wanted,)
    family = [known for known in _rows() if known.partition(".")[0] == wanted.partition(".")[0]]
    if (size := _size(wanted)) is not None and family:
        return tuple(sorted(family, key=lambda known: abs((_size(known) or 0) - size))[:n])
    matches = difflib.get_close_matches(wanted, family, n, cutoff=0.0)
    return tuple(matches or difflib.get_close_matches(wanted, _rows(), n, cutoff=0.6))


def _size(name: str) -> float | None:
    """How many times an xlarge it is; None for a size that says no number."""
    named = {"medium": 0.25, "large": 0.5, "xlarge": 1.0}
    size = name.partition(".")[2]
    times = size.removesuffix("xlarge")
    return float(times) if times.isdecimal() and times != size else named.get(size)


def _rows() -> dict[str, list[Any]]:
    return cast("dict[str, list[Any]]", _table()["types"])


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "instances.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
