"""The instance table."""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path

import pytest

from lisa_schema.instances import (
    InstanceType,
    instance_type,
    instance_type_names,
    nearest_instance_types,
    reservable_mib,
)

ROOT = Path(__file__).parents[2]


def test_a_gpu_host_with_nvme() -> None:
    assert instance_type("g5.12xlarge") == InstanceType(
        name="g5.12xlarge",
        vcpus=48,
        memory_mib=196608,
        architecture="x86_64",
        gpus=4,
        gpu_name="A10G",
        gpu_memory_mib=22888,
        gpu_manufacturer="NVIDIA",
        nvme_gb=3800,
        nvme_disks=1,
        network="40 Gigabit",
        current=False,
        registered_mib=191142,
    )


def test_a_host_without_gpu_or_nvme() -> None:
    host = instance_type("m5.large")
    assert host is not None
    assert (host.gpus, host.gpu_name, host.gpu_memory_mib, host.nvme_gb, host.nvme_disks) == (0, None, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("t3.small", -3072),
        ("g5.xlarge", 16 * 1024 - 5 * 1024),
        ("p5.48xlarge", 2048 * 1024 * 9 // 10),
    ],
)
def test_reservable_memory(name: str, mib: int) -> None:
    host = instance_type(name)
    assert host is not None
    assert reservable_mib(host, 5 * 1024) == mib


def test_reservable_memory_is_at_most_what_is_registered() -> None:
    host = instance_type("t2.small")
    assert host is not None
    assert host.registered_mib == 1800
    assert reservable_mib(host, 0) == 1800


def test_registered_memory_names_its_sources() -> None:
    published = json.loads((ROOT / "tools" / "registered_memory.json").read_text())
    assert {source for _, source in published["types"].values()} == set(published["sources"])
    assert set(published["types"]) <= set(instance_type_names())


def test_several_disks_are_added_up() -> None:
    host = instance_type("p4d.24xlarge")
    assert host is not None
    assert (host.nvme_gb, host.nvme_disks) == (8000, 8)


def test_a_slice_of_a_gpu_counts_as_one() -> None:
    host = instance_type("g6f.xlarge")
    assert host is not None
    assert (host.gpus, host.gpu_memory_mib) == (1, 2861)


@pytest.mark.parametrize("family", ["m5", "m5d", "m6i", "g4dn", "g5", "g6", "g6e", "p3", "p4d", "p4de", "p5"])
def test_the_families_that_the_format_promises(family: str) -> None:
    assert any(name.startswith(f"{family}.") for name in instance_type_names())


def test_graviton_is_marked_by_its_architecture() -> None:
    host = instance_type("m7g.large")
    assert host is not None
    assert host.architecture == "arm64"


@pytest.mark.parametrize("name", ["", "g5", "g5.3xlarge", "G5.xlarge", "m5.metal", "inf2.xlarge"])
def test_unknown_types(name: str) -> None:
    assert instance_type(name) is None


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("g5.3xlarge", "g5.2xlarge"), ("m5.larg", "m5.large"), ("ml.g5.xlarge", "g5.xlarge"), ("G5.XLARGE", "g5.xlarge")],
)
def test_the_nearest_names(wrong: str, meant: str) -> None:
    assert meant in nearest_instance_types(wrong)


def test_nonsense_is_near_nothing() -> None:
    assert nearest_instance_types("!!!") == ()


def test_every_row_makes_sense() -> None:
    for name in instance_type_names():
        host = instance_type(name)
        assert host is not None
        assert host.vcpus > 0
        assert host.memory_mib > 0
        assert (host.gpus > 0) == (host.gpu_name is not None) == (host.gpu_memory_mib > 0)
        assert (host.nvme_gb > 0) == (host.nvme_disks > 0)


def test_the_table_stays_small() -> None:
    table = resources.files("lisa_schema") / "data" / "instances.json"
    assert len(table.read_bytes()) < 150_000


def test_the_tables_are_what_their_sources_say(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ROOT / "schema" / "lisa_schema" / "data"
    recorded = json.loads((data / "regions.json").read_text())
    import refresh_tables

    for name, text in refresh_tables.tables(recorded["date"]).items():
        assert (data / name).read_text() == text, f"run {Path(sys.executable).name} tools/refresh_tables.py"
