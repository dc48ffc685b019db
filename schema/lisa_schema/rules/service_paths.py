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


def texts(path: Path, value: object) -> Iterator[tuple[Path, str]]:
    """Every text in plain data, with its path, in the order of the data."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts((*path, str(key)), item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts((*path, index), item)
