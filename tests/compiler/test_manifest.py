"""manifest.json: what an environment was made from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lisa_compiler.output import manifest
from lisa_compiler.output.cdk_version import installed_version
from lisa_compiler.product.artifact import (
    FunctionRecipe,
    ImageRecipe,
    LayerRecipe,
    ProductArtifact,
    WebRecipe,
    from_data,
)
from lisa_schema.models import Config
from lisa_schema.version import VERSION

from .cli.conftest import CONFIG


def config(**changes: Any) -> Config:
    content = yaml.safe_load(CONFIG)
    return Config.model_validate({**content["base"], **content["dev"], **changes})


FILES = {"b/x.txt": b"x", "a.txt": b"a"}
PRODUCTS = (
    ProductArtifact(
        name="containers/rest-api",
        sha256="1" * 64,
        recipe=ImageRecipe(kind="rest-api", build_args=(("BASE_IMAGE", "python:3.13"), ("PYPI_INDEX_URL", "x"))),
    ),
    ProductArtifact(name="functions/rag", sha256="2" * 64, recipe=FunctionRecipe(path="own")),
    ProductArtifact(name="functions/session", sha256="3" * 64, recipe=FunctionRecipe()),
    ProductArtifact(name="layers/common", sha256="4" * 64, recipe=LayerRecipe(python="3.13", index_url="https://x")),
    ProductArtifact(name="web/application", sha256="5" * 64, recipe=WebRecipe()),
)


def build(made: Config | None = None, options: tuple[tuple[str, str], ...] = ()) -> bytes:
    return manifest.build("dev", made or config(), options=options, files=FILES, products=PRODUCTS)


def test_content() -> None:
    assert json.loads(build(options=(("--region", "us-east-1"),))) == {
        "schemaVersion": 2,
        "lisaVersion": VERSION,
        "cdkVersion": installed_version(),
        "environment": "dev",
        "inputs": {"configuration": manifest.configuration_digest(config())},
        "options": {"--region": "us-east-1"},
        "artifacts": {
            "containers/rest-api": {
                "sha256": "1" * 64,
                "kind": "rest-api",
                "buildArgs": {"BASE_IMAGE": "python:3.13", "PYPI_INDEX_URL": "x"},
                "platform": "linux/amd64",
            },
            "functions/rag": {"sha256": "2" * 64, "path": "own"},
            "functions/session": {"sha256": "3" * 64},
            "layers/common": {"sha256": "4" * 64, "python": "3.13", "indexUrl": "https://x", "trustedHost": ""},
            "web/application": {"sha256": "5" * 64},
        },
        "outputs": {"a.txt": manifest.sha256(b"a"), "b/x.txt": manifest.sha256(b"x")},
    }


def test_it_is_the_same_whatever_the_order() -> None:
    turned = manifest.build("dev", config(), options=(), files=dict(reversed(FILES.items())), products=PRODUCTS)
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


def test_products_are_read_back() -> None:
    assert tuple(manifest.products(build()).values()) == PRODUCTS
    assert manifest.products(b'{"schemaVersion": 1, "outputs": {}}') == {}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lambdas/session", {"sha256": "1"}),
        ("functions/session", {}),
        ("layers/common", {"sha256": "1"}),
        ("containers/rest-api", {"sha256": "1", "kind": "rest-api", "platform": "linux/amd64"}),
    ],
)
def test_product_of_another_form_is_an_error(name: str, data: dict[str, str]) -> None:
    with pytest.raises((ValueError, KeyError)):
        from_data(name, data)


def test_assembly_has_one_digest_that_follows_names_and_contents() -> None:
    files = {"cloudformation/a.json": "1", "cloudformation/b.json": "2", "SUMMARY.md": "3"}
    found = manifest.output_digests(files)
    assert list(found) == ["SUMMARY.md", "cloudformation/"]
    others = (
        {**files, "cloudformation/b.json": "4"},
        {**files, "cloudformation/c.json": "2"},
        {name: digest for name, digest in files.items() if name != "cloudformation/b.json"},
    )
    assert len({found["cloudformation/"], *(manifest.output_digests(each)["cloudformation/"] for each in others)}) == 4


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
