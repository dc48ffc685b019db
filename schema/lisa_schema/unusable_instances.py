"""EC2 instance types that exist and that no host is made of. The table is data/unusable_instances.json."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Final

from lisa_schema.instances import InstanceType, instance_type, instance_type_names

_GPU_TYPES: Final = (
    ("g6.xlarge", "g5.xlarge", "g6e.xlarge", "g4dn.xlarge"),
    ("g6.12xlarge", "g5.12xlarge", "g6e.12xlarge", "g4dn.12xlarge"),
    ("p5en.48xlarge", "p6-b200.48xlarge", "p5.48xlarge", "p4d.24xlarge", "g6e.48xlarge"),
)
"""Suggestions for a model, best first: one GPU, four and eight."""
_FAMILY_FACTS: Final = (
    (re.compile(r"(inf|trn)[0-9]+[a-z0-9]*"), "AWS Neuron accelerators"),
    # Grace Blackwell and Vera Rubin superchips: p6e-gb200, p6e-gb300.
    (re.compile(r"p[0-9]+e-[gv][a-z]*[0-9]+[a-z]*"), "Arm processors"),
)
"""Families that may be newer than the table, and what their names show."""
_PLAIN_TYPES: Final = ("m7i.large", "m6i.large", "m5.large")


def unusable_fault(name: str) -> str | None:
    """Describe why a type cannot be used, a sentence without a full stop; None for a type that can, or is unknown.

    Args:
        name: name of the type, in lower case.
    """
    if instance_type(name) is not None:
        return None
    for reason, names in _table().items():
        if name in names:
            return f"The instance type `{name}` exists, but has {reason}, which LISA does not support"
    family, dot, _ = name.partition(".")
    if not dot or family in _families():
        return None
    for pattern, reason in _FAMILY_FACTS:
        if pattern.fullmatch(family):
            return f"Instance types of the family {family} have {reason}, which LISA does not support"
    return None


def gpu_alternatives(name: str) -> tuple[str, ...]:
    """Types with NVIDIA GPUs and x86_64 processors to use instead of a type of about that size, best first."""
    host = instance_type(name)
    times = name.partition(".")[2].removesuffix("xlarge")
    size = int(times) if times.isdecimal() else 1
    gpus = host.gpus if host is not None else 1 if size <= _ONE_GPU else 4 if size <= _FOUR_GPUS else 8
    return _GPU_TYPES[0 if gpus <= 1 else 1 if gpus <= _GPUS_OF_A_GROUP else 2]


def plain_alternatives(name: str) -> tuple[str, ...]:
    """Types without GPUs and with x86_64 processors that are as large as a type, best first."""
    host = instance_type(name)
    if host is None:
        return _PLAIN_TYPES
    wanted = (host.vcpus, host.memory_mib)
    alike = [one for one in _x86_hosts() if (one.vcpus, one.memory_mib) == wanted and one.family in _FAMILIES]
    return tuple(one.name for one in sorted(alike, key=lambda one: _FAMILIES.index(one.family))) or _PLAIN_TYPES


_ONE_GPU: Final = 8
_FOUR_GPUS: Final = 24
_GPUS_OF_A_GROUP: Final = 4
_FAMILIES: Final = ("m7i", "m6i", "m5", "c7i", "c6i", "c5", "r7i", "r6i", "r5")


@cache
def _families() -> frozenset[str]:
    """Families whose types are in a table, so that another size is a mistake."""
    names = (name for listed in _table().values() for name in listed)
    return frozenset(name.partition(".")[0] for name in (*names, *instance_type_names()))


@cache
def _x86_hosts() -> tuple[InstanceType, ...]:
    hosts = (instance_type(name) for name in instance_type_names())
    return tuple(host for host in hosts if host is not None and host.architecture == "x86_64")


@cache
def _table() -> dict[str, frozenset[str]]:
    text = (resources.files("lisa_schema") / "data" / "unusable_instances.json").read_text(encoding="utf-8")
    return {reason: frozenset(names.split()) for reason, names in json.loads(text)["types"].items()}
