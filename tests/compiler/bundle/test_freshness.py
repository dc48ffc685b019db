"""A bundle is made of reviewed output alone, as a deployment is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.compiler.bundle.conftest import Enclave, lisa, wheel
from tests.compiler.conftest import configuration

from lisa_compiler.bundle.archive import read_manifest


@pytest.fixture
def compiled(tmp_path: Path, cdk: Path) -> Enclave:
    """A project that was compiled."""
    made = Enclave(tmp_path, cdk)
    made.write("config.yaml", yaml.safe_dump({"env": "dev", "dev": configuration()}, sort_keys=False))
    result = lisa("compile", "--project", made.project)
    assert result.exit_code == 0, result.stderr
    made.images.mkdir()
    made.wheels.mkdir()
    wheel(made.wheels, "lisa_gitops", "3.0.0", "Apache-2.0")
    return made


def is_refused(enclave: Enclave, changes: str, *options: str) -> None:
    result = enclave.bundle("one.tar", "--allow-missing", *options)
    assert result.exit_code == 1
    assert f"generated/dev is out of date ({changes}). Only reviewed output can be deployed" in result.stderr
    assert "run `lisa compile --env dev`" in result.stderr
    assert not (enclave.folder / "one.tar").exists()


def test_bundle_accepts_up_to_date_output_and_refuses_any_other(compiled: Enclave) -> None:
    enclave = compiled
    bundle = enclave.make("good.tar", "--allow-missing")
    assert any(file.path == "project/generated/dev/manifest.json" for file in read_manifest(bundle).files)

    summary = enclave.project / "generated/dev/SUMMARY.md"
    reviewed = summary.read_text()
    summary.write_text(f"{reviewed}edited\n")
    is_refused(enclave, "1 changed")
    summary.unlink()
    is_refused(enclave, "1 new")
    summary.write_text(reviewed)
    enclave.write("generated/dev/stray.txt", "")
    is_refused(enclave, "1 removed")
    (enclave.project / "generated/dev/stray.txt").unlink()

    config = enclave.project / "config.yaml"
    sources = config.read_text()
    config.write_text(sources.replace("g5.xlarge", "g5.2xlarge"))
    refused = enclave.bundle("one.tar", "--allow-missing")
    assert refused.exit_code == 1
    assert "generated/dev is out of date" in refused.stderr
    config.write_text(sources)
    assert enclave.bundle("again.tar", "--allow-missing").exit_code == 0


def test_bundle_takes_the_options_that_the_output_was_compiled_with(compiled: Enclave) -> None:
    options = ["--region", "eu-west-1"]
    assert lisa("compile", "--project", compiled.project, *options).exit_code == 0
    refused = compiled.bundle("one.tar", "--allow-missing")
    assert refused.exit_code == 1
    assert "use the same options" in refused.stderr
    compiled.make("one.tar", "--allow-missing", *options)


def test_bundle_of_output_that_was_never_compiled_is_refused(compiled: Enclave) -> None:
    (compiled.project / "generated").rename(compiled.folder / "elsewhere")
    result = compiled.bundle("one.tar", "--allow-missing")
    assert result.exit_code == 1
    assert "generated/dev is out of date" in result.stderr
    assert "run `lisa compile --env dev`" in result.stderr
