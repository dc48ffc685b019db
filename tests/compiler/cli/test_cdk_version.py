"""Output of another aws-cdk-lib: told as such, since compiling it again would undo what was reviewed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lisa_compiler.output import cdk_version

from .conftest import Lisa, Pipeline

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture
def compiled(project: Path, lisa: Lisa) -> Path:
    assert lisa("compile", "--env", "dev").code == 0
    return project


def test_manifest_names_the_version(compiled: Path) -> None:
    manifest = json.loads((compiled / "generated/dev/manifest.json").read_bytes())
    assert manifest["cdkVersion"] == cdk_version.installed_version() != ""


@pytest.mark.parametrize("form", ["text", "github"])
def test_other_version_is_told_with_the_fix(
    compiled: Path, lisa: Lisa, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    assert compiled
    monkeypatch.setattr("lisa_compiler.output.manifest.installed_version", lambda: "2.999.0")
    monkeypatch.setattr(cdk_version, "installed_version", lambda: "2.999.0")
    pipeline.extra["cloudformation/iam.template.json"] = b'{"of": "another CDK"}\n'
    result = lisa("compile", "--env", "dev", "--check", "--no-cache", "--format", form)
    assert result.code == 3
    said = (result.err + result.out).replace("%0A", "\n")
    assert (
        f"It was compiled with aws-cdk-lib {cdk_version.importlib.metadata.version('aws-cdk-lib')}, and 2.999.0 is"
        in said
    )
    assert "pip install --require-hashes --no-deps -r requirements.txt" in said


def test_same_version_and_older_manifests_are_not_told(compiled: Path, lisa: Lisa, pipeline: Pipeline) -> None:
    pipeline.extra["cloudformation/iam.template.json"] = b'{"changed": true}\n'
    assert "aws-cdk-lib" not in lisa("compile", "--env", "dev", "--check", "--no-cache").err
    manifest = compiled / "generated/dev/manifest.json"
    content = json.loads(manifest.read_bytes())
    del content["cdkVersion"]
    manifest.write_text(json.dumps(content))
    assert "aws-cdk-lib" not in lisa("compile", "--env", "dev", "--check", "--no-cache").err
    manifest.write_text("[")
    assert cdk_version.describe_other_version(compiled / "generated/dev") == ""
