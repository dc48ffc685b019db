"""The table of GPUs, and what the tag of an image says about the engine."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest

from lisa_schema.engine_images import named_image, read_image
from lisa_schema.errors import LisaError
from lisa_schema.gpus import gpu_instance_types, gpu_named, gpu_of, has_cuda12, has_nvlink, minimum_capability, tei_tag
from lisa_schema.instances import instance_type, instance_type_names


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
    ("reference", "engine", "version", "suffix"),
    [
        ("vllm/vllm-openai:v0.9.2", "vllm", (0, 9, 2), ""),
        ("vllm/vllm-openai:v0.29.0-cu129", "vllm", (0, 29, 0), "-cu129"),
        ("vllm/vllm-openai:v0.10.1.1", "vllm", (0, 10, 1), ""),
        (f"localhost:5000/vllm/vllm-openai:v0.9.2@sha256:{'0a' * 32}", "vllm", (0, 9, 2), ""),
        ("ghcr.io/huggingface/text-generation-inference:3.3", "tgi", (3, 3, 0), ""),
        # An image under a name of its own is read as one of the container's engine, one of another engine is not.
        ("registry.example.com/team/server:v0.9.2-1", "vllm", (0, 9, 2), "-1"),
        ("registry.example.com/team/server:2026.11", "vllm", None, ""),
        ("lmsysorg/sglang:v0.5.23", "vllm", None, ""),
        ("vllm/vllm-openai:v0.9.2", "tgi", None, ""),
        ("team/instructor:1.0", "instructor", None, ""),
        # NVIDIA counts months; the first version of an image of Hugging Face on AWS is that of PyTorch.
        ("nvcr.io/nvidia/vllm:25.09-py3", "vllm", None, ""),
        ("aws/huggingface-pytorch-tgi-inference:2.7.0-tgi3.3.6-gpu-py311", "tgi", (3, 3, 6), "-gpu-py311"),
        ("aws/huggingface-pytorch-tgi-inference:2.7-gpu-py311", "tgi", None, ""),
        ("vllm/vllm-openai:latest", "vllm", None, ""),
        ("localhost:5000/vllm", "vllm", None, ""),
        ("vllm/vllm-openai", "vllm", None, ""),
    ],
)
def test_engine_version(reference: str, engine: str, version: tuple[int, int, int] | None, suffix: str) -> None:
    found = read_image(reference).running(engine)
    assert (found.version.release if found else None, found.suffix if found else "") == (version, suffix)


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [("-cu129", True), ("-ubuntu2404-cu129", True), ("-cuda12.8", True), ("-cu130", False), ("", False)],
)
def test_cuda12_in_a_suffix(suffix: str, expected: bool) -> None:
    assert has_cuda12(suffix) is expected


def test_what_is_no_reference_is_an_error_with_the_fix() -> None:
    with pytest.raises(LisaError, match=r"has the scheme `https://`. Write `ghcr.io/team/vllm:v0.9.2`."):
        named_image("https://ghcr.io/team/vllm:v0.9.2")
    with pytest.raises(LisaError, match=r"is not the reference of an image. Write it as for `docker pull`."):
        named_image("-")


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
