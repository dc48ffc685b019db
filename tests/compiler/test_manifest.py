"""manifest.json: what an environment was made from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from lisa_compiler import manifest
from lisa_schema.models import Config
from lisa_schema.version import VERSION

from .cli.conftest import CONFIG


def config(**changes: Any) -> Config:
    content = yaml.safe_load(CONFIG)
    return Config.model_validate({**content["base"], **content["dev"], **changes})


FILES = {"b/x.txt": b"x", "a.txt": b"a"}


def build(made: Config | None = None, options: tuple[tuple[str, str], ...] = ()) -> bytes:
    return manifest.build("dev", made or config(), options=options, files=FILES)


def test_content() -> None:
    assert json.loads(build(options=(("--region", "us-east-1"),))) == {
        "schemaVersion": 1,
        "lisaVersion": VERSION,
        "environment": "dev",
        "inputs": {"configuration": manifest.configuration_digest(config())},
        "options": {"--region": "us-east-1"},
        "outputs": {"a.txt": manifest.sha256(b"a"), "b/x.txt": manifest.sha256(b"x")},
    }


def test_it_is_the_same_whatever_the_order() -> None:
    turned = manifest.build("dev", config(), options=(), files=dict(reversed(FILES.items())))
    assert build() == turned
    assert build().endswith(b"}\n")
    assert build(options=(("--b", "1"), ("--a", "2"))) == build(options=(("--a", "2"), ("--b", "1")))


def test_only_what_the_configuration_means_counts() -> None:
    assert build() == build(config(appName="lisa"))  # the default, written out
    assert build() != build(config(appName="other"))


def test_secrets_in_options_are_not_told() -> None:
    options = (
        ("--set litellmConfig.general_settings.master_key", "sk-1234"),
        ("--set litellmConfig.general_settings", "{master_key: sk-1234}"),
        ("--region", "us-east-1"),
    )
    content = build(options=options)
    assert b"sk-1234" not in content
    assert b"us-east-1" in content
    assert content != build(options=(*options[1:], (options[0][0], "sk-other")))


def test_outputs_of_what_is_no_manifest_are_none() -> None:
    assert manifest.outputs(build()) == {name: manifest.sha256(content) for name, content in FILES.items()}
    for content in (b"", b"[]", b"{}", b'{"schemaVersion": 99, "outputs": {}}', b"\xff", b'{"schemaVersion": 1}'):
        assert manifest.outputs(content) == {}


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
