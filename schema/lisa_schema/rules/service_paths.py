"""Where the parts of a configuration are that several rules look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from lisa_schema.document import Path
from lisa_schema.legacy_syntax import BUILT_IN_CONTEXTS, REST_API_CONTEXT
from lisa_schema.models import AssetImage, Config, EcsModel, RestApiConfig
from lisa_schema.settable_variables import GATEWAY

Service = RestApiConfig | EcsModel


def services(config: Config) -> Iterator[tuple[Path, Service]]:
    """The REST API and every hosted model, deployed or not."""
    yield ("restApiConfig",), config.rest_api_config
    for index, model in enumerate(config.ecs_models):
        yield ("ecsModels", index), model


def deployed_services(config: Config) -> Iterator[tuple[Path, Service]]:
    """The REST API and every hosted model that is deployed."""
    for path, service in services(config):
        if isinstance(service, RestApiConfig) or service.deploy:
            yield path, service


def container_kind(service: Service) -> str:
    """The container of a service: `rest-api` or an inference container."""
    return str(service.inference_container) if isinstance(service, EcsModel) else GATEWAY


def build_context(image: AssetImage) -> str:
    """The build context of an image as a normalized path; empty for the built-in one of its container."""
    return str(PurePosixPath(image.path)) if image.path else ""


def runs_own_entrypoint(service: Service) -> bool:
    """Whether LISA's entrypoint starts the server: the image is built from a built-in context."""
    image = service.container_config.image
    return isinstance(image, AssetImage) and build_context(image) in {"", REST_API_CONTEXT, *BUILT_IN_CONTEXTS.values()}
