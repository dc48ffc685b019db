"""Where the parts of a configuration are that several rules look at."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.document import Path
from lisa_schema.models import Config, EcsModel, RestApiConfig

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
