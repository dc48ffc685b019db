"""Where images come from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lisa_compiler.plan.images import (
    BUILT_IN_PATHS,
    DEFAULT_TOOLS_IMAGE,
    BuiltImage,
    EcrRepositoryImage,
    RegistryImageReference,
    TarballImage,
    plan_image,
)
from lisa_schema.models.container import ContainerConfig

ASSET = {"baseImage": "example/base:1"}


def configuration(rest_image: dict[str, str] | None = None, **changes: Any) -> Any:
    """As much of a configuration as images depend on."""
    rest = ContainerConfig.model_validate({"image": rest_image or {"baseImage": "python:3.12"}})
    defaults: dict[str, Any] = {
        "pypi_config": SimpleNamespace(index_url="", trusted_host=""),
        "mount_s3_deb_url": None,
        "conda_url": "",
        "rest_api_config": SimpleNamespace(container_config=rest),
    }
    return SimpleNamespace(**(defaults | changes))


FULL = {
    "pypi_config": SimpleNamespace(index_url="https://pypi.example.com", trusted_host="pypi.example.com"),
    "mount_s3_deb_url": "https://example.com/m.deb",
    "conda_url": "https://example.com/c.sh",
}


def planned(image: dict[str, str], kind: str = "tgi", config: Any = None) -> Any:
    container = ContainerConfig.model_validate({"image": image})
    return plan_image("one", container, kind=kind, config=config or configuration())


@pytest.mark.parametrize(("path", "kind"), BUILT_IN_PATHS.items())
def test_lisas_own_paths_name_a_built_in_context(path: str, kind: str) -> None:
    image = planned(ASSET | {"path": path})
    assert (image.kind, image.custom_path, image.context) == (kind, None, "containers/one")
    assert planned(ASSET | {"path": f"./{path}/"}).kind == kind


@pytest.mark.parametrize("kind", ["rest-api", "tgi", "tei", "vllm", "sglang", "instructor"])
def test_without_a_path_the_kind_decides(kind: str) -> None:
    assert planned(ASSET, kind).kind == kind


def test_any_other_path_is_the_users_own() -> None:
    image = planned(ASSET | {"path": "serve/mine"})
    assert (image.kind, image.custom_path) == ("custom", "serve/mine")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (
            {"type": "ecr", "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/tgi", "tag": "2"},
            EcrRepositoryImage(repository_arn="arn:aws:ecr:us-east-1:123456789012:repository/tgi", reference=":2"),
        ),
        ({"type": "registry", "registry": "example/x:1"}, RegistryImageReference(uri="example/x:1")),
        ({"type": "tarball", "path": "x.tar"}, TarballImage(path="x.tar")),
    ],
)
def test_images_that_exist(image: dict[str, str], expected: object) -> None:
    assert planned(image) == expected


def names(image: BuiltImage) -> list[str]:
    return [name for name, _ in image.build_args]


def test_empty_arguments_are_left_out() -> None:
    assert names(planned(ASSET)) == ["BASE_IMAGE"]


@pytest.mark.parametrize(
    ("kind", "path", "own"),
    [
        ("rest-api", "", []),
        ("rest-api", "mine", []),
        ("tgi", "", ["MOUNTS3_DEB_URL"]),
        ("vllm", "", ["MOUNTS3_DEB_URL"]),
        ("tei", "", ["MOUNTS3_DEB_URL"]),
        ("instructor", "", ["CONDA_URL", "LOCAL_CODE_PATH", "MOUNTS3_DEB_URL"]),
        ("tgi", "mine", ["CONDA_URL", "LOCAL_CODE_PATH", "MOUNTS3_DEB_URL"]),
    ],
)
def test_arguments_apply_by_kind(kind: str, path: str, own: list[str]) -> None:
    image = planned(ASSET | {"path": path}, kind, configuration(**FULL))
    assert names(image) == sorted(["BASE_IMAGE", "PYPI_INDEX_URL", "PYPI_TRUSTED_HOST", *own])


def test_tools_come_from_the_rest_apis_python_image() -> None:
    assert planned(ASSET).tools_image == "python:3.12"
    registry = configuration({"type": "registry", "registry": "example/x"})
    assert planned(ASSET, config=registry).tools_image == DEFAULT_TOOLS_IMAGE
