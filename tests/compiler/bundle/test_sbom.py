"""sbom.cdx.json is valid CycloneDX 1.6, and names what the bundle brings."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from tests.compiler.bundle.conftest import Enclave


@pytest.fixture
def text(enclave: Enclave) -> str:
    with tarfile.open(enclave.make()) as tar:
        stream = tar.extractfile("sbom.cdx.json")
        assert stream is not None
        return stream.read().decode()


def test_it_is_valid_by_the_official_schema(text: str) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = text.replace('"machine-learning-model"', '"model"')
    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_it_names_programs_models_images_and_what_they_install(text: str) -> None:
    components: dict[str, Any] = {component["bom-ref"]: component for component in json.loads(text)["components"]}
    installed = ("pkg:pypi/litellm@", "pkg:pypi/fastapi@", "pkg:pypi/aws-lambda-powertools@")
    assert all(any(name.startswith(package) for name in components) for package in installed)
    assert set(components) >= {
        "image:images/rest-api.tar",
        "image:images/small.tar",
        "image:python:3.12",
        "image:tgi:1",
        "model:org/small-model",
        "pkg:npm/aws-cdk@2.9.9",
        "pkg:pypi/fastapi@1.2.3",
        "pkg:pypi/lisa-gitops@3.0.0",
        "pkg:pypi/some-library@1.0",
        "pkg:pypi/uvicorn@4.5",
    }
    model = components["model:org/small-model"]
    assert (model["type"], model["version"]) == ("machine-learning-model", "abc")
    assert model["components"][0]["hashes"][0]["alg"] == "SHA-256"
    assert components["pkg:pypi/lisa-gitops@3.0.0"]["licenses"] == [{"expression": "Apache-2.0"}]
    assert "licenses" not in components["pkg:pypi/some-library@1.0"]
