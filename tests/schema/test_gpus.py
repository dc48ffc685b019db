"""The table of GPUs, and what the tag of an image says about the engine."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from lisa_schema.gpus import gpu_instance_types, gpu_named, gpu_of, has_nvlink, minimum_capability, tei_tag
from lisa_schema.instances import instance_type, instance_type_names
from lisa_schema.tagged_images import read_reference


def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((resources.files("lisa_schema") / "data" / "gpus.json").read_text("utf-8"))
    return found


def test_every_row_names_its_source() -> None:
    table = _table()
    for name, row in table["gpus"].items():
        assert len(row["computeCapabilitySource"]) > 10, name
        assert len(row["cudaTotalGiB"]["source"]) > 10, name
    for section in ("links", "vllmQuantization", "teiImages", "vllmCuda"):
        assert len(table[section]["source"]) > 10, section


def test_every_nvidia_instance_type_has_a_gpu() -> None:
    for name in instance_type_names():
        host = instance_type(name)
        assert host is not None
        assert (gpu_of(host) is not None) == (bool(host.gpus) and host.gpu_manufacturer == "NVIDIA"), name
    assert "g5.xlarge" in gpu_instance_types()


@pytest.mark.parametrize(
    ("host", "gpu", "capability", "total"),
    [
        ("g4dn.xlarge", "T4", "7.5", (14.56, 14.75)),
        ("g5.xlarge", "A10G", "8.6", (22.03, 22.08)),
        ("p4de.24xlarge", "A100-80", "8.0", (79.14, 79.33)),
        ("p4d.24xlarge", "A100-40", "8.0", (39.38, 39.56)),
        ("p6-b300.48xlarge", "B300", "10.3", (267.69, 267.69)),
        # Slices, and GPUs without a published total.
        ("g6f.xlarge", "L4 slice", "8.9", None),
        ("g5g.xlarge", "T4g", "7.5", None),
        ("g7.2xlarge", "RTX PRO 4500", "12.0", None),
    ],
)
def test_gpu_of_instance_type(host: str, gpu: str, capability: str, total: tuple[float, float] | None) -> None:
    found = instance_type(host)
    assert found is not None
    known = gpu_of(found)
    assert known is not None
    assert (known.name, known.capability, known.total_gib) == (gpu, capability, total)
    assert gpu_named(gpu) == known


def test_nvlink() -> None:
    for name, expected in {"p4d.24xlarge": True, "p3.8xlarge": True, "g5.12xlarge": False, "g6f.xlarge": False}.items():
        host = instance_type(name)
        assert host is not None
        assert has_nvlink(host) is expected


@pytest.mark.parametrize(
    ("method", "version", "minimum"),
    [
        ("awq_marlin", (0, 12, 0), 80),
        ("awq_marlin", (0, 17, 0), 75),
        ("awq_marlin", None, 75),
        ("bitsandbytes", (0, 26, 0), 70),
        ("bitsandbytes", (0, 27, 0), None),
        ("bitsandbytes", None, None),
        ("eetq", (0, 12, 0), None),
        ("awq", (0, 8, 5), None),
    ],
)
def test_minimum_capability(method: str, version: tuple[int, ...] | None, minimum: int | None) -> None:
    assert minimum_capability(method, version) == minimum


@pytest.mark.parametrize(
    ("tag", "prefix"),
    [("1.7", ""), ("1.8.2-grpc", ""), ("latest", ""), ("turing-1.7", "turing-"), ("86-latest", "86-")],
)
def test_tei_tag(tag: str, prefix: str) -> None:
    kind = tei_tag(tag)
    assert kind is not None
    assert kind.prefix == prefix


@pytest.mark.parametrize("tag", ["", "sha-0d124dc", "stable", "xpu-ipex-1.9"])
def test_tei_tag_without_a_known_kind(tag: str) -> None:
    assert tei_tag(tag) is None


@pytest.mark.parametrize(
    ("reference", "version", "suffix"),
    [
        ("vllm/vllm-openai:v0.9.2", (0, 9, 2), ""),
        ("vllm/vllm-openai:v0.29.0-cu129", (0, 29, 0), "-cu129"),
        ("vllm/vllm-openai:v0.10.1.1", (0, 10, 1), ""),
        ("localhost:5000/vllm/vllm-openai:v0.9.2@sha256:00", (0, 9, 2), ""),
        ("ghcr.io/huggingface/text-generation-inference:3.3", (3, 3, 0), ""),
        ("vllm/vllm-openai:latest", None, ""),
        ("localhost:5000/vllm", None, ""),
        ("vllm/vllm-openai", None, ""),
    ],
)
def test_engine_version(reference: str, version: tuple[int, int, int] | None, suffix: str) -> None:
    image = read_reference(reference)
    assert (image.version, image.suffix) == (version, suffix)


HOSTS = {
    "p3.2xlarge": "7.0",
    "g4dn.xlarge": "7.5",
    "p4d.24xlarge": "8.0",
    "g5.xlarge": "8.6",
    "g6.xlarge": "8.9",
    "g6e.xlarge": "8.9",
    "p5.48xlarge": "9.0",
    "p5en.48xlarge": "9.0",
    "p6-b200.48xlarge": "10.0",
    "p6-b300.48xlarge": "10.3",
    "g7e.2xlarge": "12.0",
}
RUNS_ON = {
    "turing-": ["7.5"],
    "": ["8.0", "8.6", "8.9"],
    "86-": ["8.6", "8.9"],
    "89-": ["8.9"],
    "hopper-": ["9.0"],
    "100-": ["10.0"],
    "120-": ["12.0"],
    "cuda-": ["7.5", "8.0", "8.6", "8.9", "9.0"],
}


@pytest.mark.parametrize("prefix", RUNS_ON)
@pytest.mark.parametrize(("host", "capability"), HOSTS.items())
def test_tei_image_against_gpu(prefix: str, host: str, capability: str) -> None:
    found = instance_type(host)
    kind = tei_tag(f"{prefix}1.9")
    assert found is not None
    assert kind is not None
    gpu = gpu_of(found)
    assert gpu is not None
    assert gpu.capability == capability
    assert (gpu.capability in kind.runs_on) is (capability in RUNS_ON[prefix])
