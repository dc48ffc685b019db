"""The stores and services that the repository's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import parts
from opensearch.server import SearchServer, search_server
from runtime.lambdas.repository import postgres
from runtime.lambdas.repository.deployment import Deployment, aws, deploy, pgvector_connection
from runtime.lambdas.repository.embedding_server import EmbeddingServer
from runtime.lambdas.repository.http_server import serving
from runtime.lambdas.repository.opensearch_server import OpenSearchServer


@pytest.fixture(scope="session")
def database_server() -> Iterator[postgres.Postgres]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def search_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchServer]:
    """A real OpenSearch; tests that use it are of the group `opensearch`, so that there is one in a run."""
    if not parts.opensearch().is_installed:
        pytest.skip(f"OpenSearch is not installed: run `{parts.opensearch().command}`")
    with search_server(tmp_path_factory.mktemp("opensearch")) as server:
        yield server


@pytest.fixture
def embedding_server() -> EmbeddingServer:
    return EmbeddingServer()


@pytest.fixture
def rest_api(embedding_server: EmbeddingServer) -> Iterator[str]:
    with serving(embedding_server) as address:
        yield address


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    with aws() as endpoint:
        yield endpoint


@pytest.fixture
def aws_environment(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws_endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lisa_lambdas.repository.embeddings._LONGEST_WAIT_SECONDS", 0.0)
    return aws_endpoint


@pytest.fixture(params=["pgvector", "opensearch"])
def deployment(request: pytest.FixtureRequest, aws_environment: str, rest_api: str) -> Iterator[Deployment]:
    """A function whose repository `docs` is in one of the stores."""
    if request.param == "pgvector":
        server = request.getfixturevalue("database_server")
        yield deploy(aws_environment, rest_api, {"docs": pgvector_connection(aws_environment, server)})
    else:
        with serving(OpenSearchServer()) as endpoint:
            yield deploy(aws_environment, rest_api, {"docs": {"type": "opensearch", "endpoint": endpoint}})
