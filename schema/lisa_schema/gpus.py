"""GPUs of EC2 instances: memory that CUDA reports, compute capability, and what engines require of them.

The table is data/gpus.json; each row names its source. `gpuMemoryMiB` of DescribeInstanceTypes is not what CUDA reports
(up to 1.2 GiB more), so that memory is never budgeted from it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lisa_schema.engine_versions import release
from lisa_schema.instances import InstanceType, instance_type, instance_type_names

_CUDA12 = re.compile(r"(?:^|[-_.])cu(?:da)?12")
_PLAIN_TEI_TAG = re.compile(r"(\d+(\.\d+){1,2}|latest)(-grpc)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One kind of GPU.

    Attributes:
        name: `A100-80`; the memory is part of the name where there are several sizes.
        compute_capability: (8, 6).
        total_gib: lowest and highest total memory in GiB that CUDA reports; None when it is unknown, as for slices.
        total_source: source of the totals.
        architecture: `Ampere`.
    """

    name: str
    compute_capability: tuple[int, int]
    total_gib: tuple[float, float] | None
    total_source: str
    architecture: str

    @property
    def capability(self) -> str:
        """The compute capability as NVIDIA writes it: `8.6`."""
        return "{}.{}".format(*self.compute_capability)

    @property
    def capability_number(self) -> int:
        """The compute capability as engines compare it: 10 times the major version plus the minor one."""
        major, minor = self.compute_capability
        return 10 * major + minor


@dataclass(frozen=True, slots=True, kw_only=True)
class TeiTag:
    """Images of text-embeddings-inference whose tag has one prefix.

    Attributes:
        prefix: `turing-`; empty for a plain tag such as `1.7`.
        built_for: compute capability that the image is built for, 10 times the major version plus the minor one; None
            for several, or for none.
        runs_on: compute capabilities that the image accepts, as NVIDIA writes them; empty for a CPU image.
        note: more about it; None when there is nothing.
    """

    prefix: str
    built_for: int | None
    runs_on: tuple[str, ...]
    note: str | None


def gpu_of(host: InstanceType) -> Gpu | None:
    """Return the GPU of an instance type; None without an NVIDIA GPU, or for one that the table does not have."""
    if not host.gpus or host.gpu_manufacturer != "NVIDIA":
        return None
    return _by_instance_gpu().get((host.gpu_name, host.gpu_memory_mib))


def gpu_named(name: str) -> Gpu | None:
    """Return a GPU by its name in the table."""
    row = _table()["gpus"].get(name)
    return None if row is None else _gpu(name, row)


def has_nvlink(host: InstanceType) -> bool:
    """Return whether the GPUs of an instance type are connected by NVLink or NVSwitch."""
    return str(_table()["links"]["values"].get(host.family)).startswith("NV")


def minimum_capability(method: str, version: tuple[int, ...] | None) -> int | None:
    """Return the lowest compute capability that vLLM runs a quantization method on, 10 times major plus minor.

    Args:
        method: a method of the table, such as `awq` or `fp8 W8A8`.
        version: vLLM's version; None takes the lowest value of all versions, so that only what never runs is rejected.

    Returns:
        None when the method or the version is not in the table, which means unknown.
    """
    rows = _table()["vllmQuantization"]["rows"]
    found = [
        row["minimum"].get(method)
        for row in rows
        if version is None
        or (release(row["from"]) <= version and (row["below"] is None or version < release(row["below"])))
    ]
    if not found or any(value is None for value in found):
        return None
    return min(cast("list[int]", found))


def first_cuda13_version() -> tuple[int, ...]:
    """Return the first vLLM release whose default image has CUDA 13."""
    return release(_table()["vllmCuda"]["firstCuda13"])


def has_cuda12(suffix: str) -> bool:
    """Return whether what follows the version in the tag of a vLLM image names CUDA 12, such as `-cu129`."""
    return _CUDA12.search(suffix) is not None


def tei_tags() -> tuple[TeiTag, ...]:
    """Return the kinds of images of text-embeddings-inference."""
    return tuple(
        TeiTag(
            prefix=row["prefix"],
            built_for=row["computeCapability"],
            runs_on=tuple(row["runsOn"]),
            note=row.get("note"),
        )
        for row in _table()["teiImages"]["tags"]
    )


def tei_tag(tag: str) -> TeiTag | None:
    """Return the kind of a TEI image by its tag; None when the tag has no known prefix and is not a version."""
    for known in tei_tags():
        if known.prefix and tag.startswith(known.prefix):
            return known
    if _PLAIN_TEI_TAG.fullmatch(tag):
        return next(known for known in tei_tags() if not known.prefix)
    return None


def gpu_instance_types() -> tuple[str, ...]:
    """Return the names of all instance types with a GPU of the table."""
    return tuple(
        name for name in instance_type_names() if (host := instance_type(name)) is not None and gpu_of(host) is not None
    )


def _gpu(name: str, row: dict[str, Any]) -> Gpu:
    major, _, minor = str(row["computeCapability"]).partition(".")
    total = row["cudaTotalGiB"]
    return Gpu(
        name=name,
        compute_capability=(int(major), int(minor)),
        total_gib=None if total["low"] is None else (float(total["low"]), float(total["high"])),
        total_source=str(total["source"]),
        architecture=str(row["architecture"]),
    )


@cache
def _by_instance_gpu() -> dict[tuple[str | None, int], Gpu]:
    return {
        (name, memory): _gpu(key, row) for key, row in _table()["gpus"].items() for name, memory in row["instanceGpus"]
    }


@cache
def _table() -> dict[str, Any]:
    text = (resources.files("lisa_schema") / "data" / "gpus.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
