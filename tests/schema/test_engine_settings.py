"""The tables of engines: their options, variables and vulnerabilities by version."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from lisa_schema.engine_images import Accelerator, engine_image
from lisa_schema.engine_settings import Support, other_versions, support, table_date
from lisa_schema.engine_versions import read_tag, version
from lisa_schema.models import EcrImage, RegistryImage, TarballImage
from lisa_schema.server_arguments import holds_value, option_name
from lisa_schema.vulnerabilities import known_vulnerabilities, safe_versions


@pytest.mark.parametrize(
    ("engine", "kind", "name", "installed", "expected"),
    [
        ("vllm", "options", "max-model-len", "0.9.2", Support.YES),
        ("vllm", "options", "max-model-lenght", "0.9.2", Support.NO),
        ("vllm", "options", "task", "0.12.0", Support.YES),
        ("vllm", "options", "task", "0.32.0", Support.NO),
        # Between two releases of the table, either may have it.
        ("vllm", "options", "task", "0.12.1", Support.YES),
        ("vllm", "options", "task", None, Support.YES),
        # Newer and older than the table.
        ("vllm", "options", "brand-new-option", "0.99.0", Support.UNKNOWN),
        ("vllm", "options", "task", "0.99.0", Support.NO),
        ("vllm", "options", "gone-long-ago", "0.4.0", Support.UNKNOWN),
        ("vllm", "variables", "VLLM_USE_V1", "0.9.2", Support.YES),
        ("vllm", "variables", "VLLM_USE_V1", "0.32.0", Support.NO),
        ("sglang", "options", "mem-fraction-static", "0.5.23", Support.YES),
        ("sglang", "options", "gpu-memory-utilization", "0.5.23", Support.NO),
        ("tgi", "options", "max-batch-prefill-tokens", "3.3.4", Support.YES),
        ("tei", "variables", "POOLING", None, Support.YES),
        ("tei", "variables", "QUANTIZE", None, Support.NO),
    ],
)
def test_support(engine: str, kind: str, name: str, installed: str | None, expected: Support) -> None:
    assert support(engine, kind, name, version(installed) if installed else None) is expected  # type: ignore[arg-type]


def test_other_versions_are_named() -> None:
    assert other_versions("vllm", "variables", "VLLM_USE_V1") == "0.8.5 to 0.10.2"
    assert other_versions("vllm", "variables", "VLLM_NO_SUCH") == ""
    assert other_versions("tgi", "options", "quantize") == ""
    assert table_date() >= "2026-11-29"


@pytest.mark.parametrize(
    ("engine", "tag", "expected"),
    [
        ("vllm", "v0.9.2", "0.9.2"),
        ("vllm", "0.10.1.1-cu130", "0.10.1.1"),
        ("vllm", "v0.11-gpu-py312", "0.11"),
        ("vllm", "v0.12.0rc1", "0.12.0rc1"),
        ("vllm", "25.09-py3", None),
        ("vllm", "nightly", None),
        ("vllm", "", None),
        ("sglang", "v0.5.12.post1-cu129", "0.5.12.post1"),
        ("tgi", "3.3.4-rocm", "3.3.4"),
        ("tei", "86-1.8", "1.8"),
        ("tei", "cpu-arm64-1.8.2", "1.8.2"),
        ("tei", "120-latest", None),
    ],
)
def test_versions_of_tags(engine: str, tag: str, expected: str | None) -> None:
    found = read_tag(engine, tag)
    assert (str(found.version) if found else None) == expected


def test_versions_are_compared_by_their_numbers() -> None:
    ordered = ["0.9.2", "0.10.1", "0.10.1.1", "0.10.2rc1", "0.10.2", "0.10.2.post1", "0.10.2.post2", "0.11"]
    assert sorted(map(version, reversed(ordered))) == [version(text) for text in ordered]
    assert version("0.11") == version("0.11.0")
    with pytest.raises(ValueError, match="latest"):
        version("latest")


@pytest.mark.parametrize(
    ("reference", "engine", "accelerator"),
    [
        ("vllm/vllm-openai:v0.32.0", "vllm", None),
        ("public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.32.0", "vllm", Accelerator.CPU),
        ("rocm/vllm:latest", "vllm", Accelerator.AMD),
        (
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:2.7-gpu-py311",
            "tgi",
            Accelerator.NVIDIA,
        ),
        ("ghcr.io/huggingface/text-generation-inference:3.3.4-intel-xpu", "tgi", Accelerator.INTEL),
        ("ghcr.io/huggingface/text-embeddings-inference:cpu-1.8", "tei", Accelerator.CPU),
        ("ghcr.io/huggingface/text-embeddings-inference:hpu-1.8", "tei", Accelerator.GAUDI),
        ("ghcr.io/huggingface/text-embeddings-inference:sha-0123456", "tei", None),
        ("our/tei:1.7", "tei", None),
        ("our/tei:86-1.7", "tei", Accelerator.NVIDIA),
        ("lmsysorg/sglang:v0.5.23-cann8.5-910b", "sglang", None),
        ("our/vllm-sglang:1", None, None),
        ("our/model-server:1", None, None),
    ],
)
def test_images(reference: str, engine: str | None, accelerator: Accelerator | None) -> None:
    found = engine_image(RegistryImage(type="registry", registry=reference))
    assert (found.engine, found.accelerator) == (engine, accelerator)


def test_images_of_other_kinds() -> None:
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/mirror/lisa-vllm"
    ecr = engine_image(EcrImage.model_validate({"type": "ecr", "repositoryArn": arn, "tag": "v0.9.2"}))
    assert (ecr.engine, str(ecr.version), ecr.name) == ("vllm", "0.9.2", "mirror/lisa-vllm:v0.9.2")
    tarball = engine_image(TarballImage(type="tarball", path="artifacts/vllm/tgi.tar"))
    assert (tarball.engine, tarball.version, tarball.is_pinned) == ("tgi", None, True)


def test_vulnerabilities_name_their_source() -> None:
    text = (resources.files("lisa_schema") / "data" / "vulnerabilities.json").read_text(encoding="utf-8")
    table = json.loads(text)
    for engine, rows in table["engines"].items():
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids))
        for row in rows:
            assert row["source"].startswith("https://")
            assert row["published"] <= table["date"]
            assert ("fixed" in row) != ("lastAffected" in row)
            first = "0.0.0" if row["introduced"] == "0" else row["introduced"]
            assert version(first) < version(row.get("fixed") or row["lastAffected"]), (engine, row["id"])


def test_the_version_that_is_advised_has_no_known_vulnerability() -> None:
    assert safe_versions("vllm") == "0.32.0 or later"
    assert known_vulnerabilities("vllm", version("0.32.0")) == ()
    assert safe_versions("sglang") == "later than 0.5.22"
    assert known_vulnerabilities("sglang", version("0.5.23")) == ()


def test_vulnerabilities_of_a_version() -> None:
    found = [one.id for one in known_vulnerabilities("vllm", version("0.18.0"))]
    assert "CVE-2026-115911" not in found, "0.19.0 brought it"
    assert "CVE-2026-27893" not in found, "0.18.0 fixed it"
    assert "CVE-2026-105757" in found
    assert known_vulnerabilities("vllm", version("0.13.0"))[0].id == "CVE-2026-22778", "the highest score comes first"
    assert [one.id for one in known_vulnerabilities("sglang", version("0.5.20"))] == ["CVE-2026-111391"]
    assert known_vulnerabilities("tgi", version("3.3.4")) == ()


def test_words_that_name_options() -> None:
    assert [option_name(word) for word in ("--seed=1", "-tp", "--max_model_len", "-1", "x", "--", "--a.b")] == [
        *("seed", "tp", "max-model-len", None, None, None, "a"),
    ]
    assert [holds_value(word) for word in ("--seed 1", '--x {"a": 1}', '--x={"a": 1}', "--x", "a b", "-tp 2")] == [
        *(True, True, False, False, False, True),
    ]
