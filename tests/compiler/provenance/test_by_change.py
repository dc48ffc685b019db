"""What the index says, tested by changing the configuration: a key that a value comes from changes it.

A sample of the keys in CI; all of them of all environments with LISA_EVERY_KEY=1, in `make check-provenance`.
"""

from __future__ import annotations

import os

import pytest

from lisa_compiler.compile.provenance import trace
from lisa_compiler.output.tree import output_files
from lisa_compiler.provenance.index import Index

from .variations import ROOT, check, compiled

EVERY_KEY = bool(os.environ.get("LISA_EVERY_KEY"))
ENVIRONMENTS = ("dev", "prod", "airgap")
SAMPLE = {
    "dev": ("ecsModels[].instanceType", "removalPolicy", "s3BucketModels"),
    "prod": ("restApiConfig.internetFacing", "ragRepositories[].opensearchConfig.dataNodes", "deployChat"),
    "airgap": ("pypiConfig.indexUrl", "appName"),
}


def index_of(environment: str) -> Index:
    folder = ROOT / "generated" / environment
    generated = {path: file.read_bytes() for path, file in output_files(folder)}
    return trace(ROOT, environment, compiled(environment)[0], generated)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_key_that_a_value_comes_from_changes_it(environment: str) -> None:
    index = index_of(environment)
    checked = check(environment, index, None if EVERY_KEY else SAMPLE[environment])
    print(f"{environment}: {len(checked.confirmed)} confirmed, {len(checked.refuted)} refuted")  # noqa: T201
    print("no other value:", *(index.shown(key) for key in sorted(checked.untested, key=str)))  # noqa: T201
    assert checked.confirmed
    assert [f"{index.shown(key)} does not change {place}" for key, place in checked.refuted] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_keys_of_every_value_are_known(environment: str) -> None:
    assert index_of(environment).unknown == frozenset()
