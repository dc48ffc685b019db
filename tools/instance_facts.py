"""What moto and botocore have of instance types: hardware, and why no host is made of a type.

Read by refresh_tables.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from packaged_data import packaged, resource

# Families that no ECS host is made of: Apple hosts, high-performance computing behind EFA, terabyte-memory hosts, FPGA
# and transcoding cards, accelerators that are not GPUs, and instances from before VPC.
LEFT_OUT = (
    *("mac-m3ultra", "mac-m4", "mac-m4max", "mac-m4pro", "mac1", "mac2", "mac2-m1ultra", "mac2-m2", "mac2-m2pro"),
    *("hpc6a", "hpc6id", "hpc7a", "hpc7g", "hpc8a"),
    *("u-3tb1", "u-6tb1", "u7i-12tb", "u7i-6tb", "u7i-8tb", "u7in-16tb", "u7in-24tb", "u7in-32tb"),
    *("f2", "vt1", "dl2q", "inf1", "inf2", "trn1", "trn1n", "trn2", "trn2u"),
    *("a1", "c1", "c3", "d2", "h1", "i2", "m1", "m2", "m3", "r3", "t1"),
)

# Types that moto's record of us-east-1 no longer has and other regions still offer, as
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html gives them.
SUPPLEMENT: dict[str, list[Any]] = {
    "p3.2xlarge": [8, 62464, "x86_64", 1, "V100", 16384, "NVIDIA", 0, 0, "Up to 10 Gigabit", False],
    "p3.8xlarge": [32, 249856, "x86_64", 4, "V100", 16384, "NVIDIA", 0, 0, "10 Gigabit", False],
    "p3.16xlarge": [64, 499712, "x86_64", 8, "V100", 16384, "NVIDIA", 0, 0, "25 Gigabit", False],
}

# Why families are left out, as messages name it. Names are those of botocore and moto.
UNUSABLE: dict[str, tuple[str, ...]] = {
    "AWS Neuron accelerators": ("inf1", "inf2", "trn1", "trn1n", "trn2", "trn2u", "trn3"),
    "Arm processors": ("a1", "hpc7g", "m9g", "m9gd", "p6e-gb200", "p6e-gb300"),
    "AMD GPUs": ("g4ad",),
    "Gaudi accelerators": ("dl1",),
    "Qualcomm accelerators": ("dl2q",),
    "FPGAs": ("f1", "f2"),
    "media transcoding cards": ("vt1",),
    "Apple hardware": LEFT_OUT[:9],
    "an interconnect for high-performance computing": ("hpc6a", "hpc6id", "hpc7a", "hpc8a"),
    "terabytes of memory": tuple(name for name in LEFT_OUT if name.startswith("u-") or name.startswith("u7i")),
    "hardware of a previous generation": (
        *("c1", "c3", "cc1", "cc2", "cg1", "cr1", "d2", "g2", "g3", "g3s", "h1", "hi1", "hs1", "i2", "m1", "m2", "m3"),
        *("p2", "r3", "t1"),
    ),
}
BARE_METAL = "bare metal"
NO_FACTS = "no facts"
COLUMNS = (
    *("vcpus", "memoryMiB", "architecture", "gpus", "gpuName", "gpuMemoryMiB", "gpuManufacturer"),
    *("nvmeGB", "nvmeDisks", "network", "current"),
)


def instance_row(record: dict[str, Any]) -> list[Any]:
    """One row of the instance table from one answer of DescribeInstanceTypes."""
    gpu = (record.get("GpuInfo") or {}).get("Gpus", [None])[0]
    storage = record.get("InstanceStorageInfo") or {}
    nvme = storage if storage.get("NvmeSupport") in {"required", "supported"} else {}
    architectures = record["ProcessorInfo"]["SupportedArchitectures"]
    return [
        record["VCpuInfo"]["DefaultVCpus"],
        record["MemoryInfo"]["SizeInMiB"],
        "x86_64" if "x86_64" in architectures else "arm64",
        # A slice of a GPU (g6f) counts as one GPU with the slice's memory.
        (gpu.get("LogicalGpuCount") or gpu["Count"]) if gpu else 0,
        gpu["Name"] if gpu else None,
        gpu["MemoryInfo"]["SizeInMiB"] if gpu else 0,
        gpu["Manufacturer"] if gpu else None,
        nvme.get("TotalSizeInGB", 0),
        sum(disk["Count"] for disk in nvme.get("Disks", [])),
        record["NetworkInfo"]["NetworkPerformance"],
        record["CurrentGeneration"],
    ]


def instance_rows() -> dict[str, list[Any]]:
    """Every row of the instance table, by family and then by size."""
    records = packaged("moto", "ec2/resources/instance_types.json.gz")
    rows = {
        name: instance_row(record)
        for name, record in records.items()
        if not record["BareMetal"] and name.partition(".")[0] not in LEFT_OUT
    }
    rows = SUPPLEMENT | rows
    return dict(sorted(rows.items(), key=lambda row: (row[0].partition(".")[0], row[1][0], row[1][1], row[0])))


def unusable_types(rows: dict[str, list[Any]]) -> dict[str, str]:
    """Types that exist and that no host is made of, by reason."""
    reasons = {family: reason for reason, families in UNUSABLE.items() for family in families}
    names = {*packaged("moto", "ec2/resources/instance_types.json.gz"), *instance_type_enumeration()} - set(rows)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        family, _, size = name.partition(".")
        reason = reasons.get(family, "terabytes of memory" if family.startswith("u") else NO_FACTS)
        by_reason[BARE_METAL if size.startswith("metal") and family not in reasons else reason].append(name)
    return {reason: " ".join(found) for reason, found in sorted(by_reason.items())}


def instance_type_enumeration() -> list[str]:
    """The names of all instance types in botocore's description of EC2."""
    versions = sorted(path.name for path in resource("botocore", "data/ec2").iterdir())
    shapes = packaged("botocore", f"data/ec2/{versions[-1]}/service-2.json.gz")["shapes"]
    names: list[str] = shapes["InstanceType"]["enum"]
    return names


def registered_memory(types: dict[str, list[Any]]) -> dict[str, int]:
    """MiB that instances register with ECS, by type, where registered_memory.json has a figure."""
    text = (Path(__file__).resolve().parent / "registered_memory.json").read_text(encoding="utf-8")
    return {name: mib for name, (mib, _) in json.loads(text)["types"].items() if name in types}
