"""A deployment of the repository function on this machine: its bucket, parameters and secrets, and its stores."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from lisa_lambdas.environment import read_environment
from lisa_lambdas.repository.environment import RepositoryEnvironment
from lisa_lambdas.repository.handler import create_api
from lisa_lambdas.rest import RestApi
from runtime.lambdas.proxy_events import ANN, CONTEXT, ORIGIN, proxy_event
from runtime.lambdas.repository.embedding_server import MODEL, TOKEN
from runtime.lambdas.repository.postgres import FUNCTION_USER, PASSWORD, Postgres


@cache
def aws_session() -> boto3.Session:
    """One session: each reads the descriptions of AWS's services anew, which takes a second."""
    return boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")


@contextmanager
def aws() -> Iterator[str]:
    """AWS on this machine; yields its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass
class Deployment:
    """A function with what it uses.

    Attributes:
        api: its endpoints.
        environment: its variables.
        time_left: milliseconds that the function may still run.
    """

    api: RestApi
    environment: dict[str, str]
    s3: Any
    time_left: int = 900_000

    def call(
        self,
        method: str,
        path: str,
        *,
        caller: Mapping[str, str] | None = ANN,
        authorization: str | None = TOKEN,
        **others: Any,
    ) -> dict[str, Any]:
        """Send a request."""
        headers = {"Authorization": authorization} if authorization else {}
        event = proxy_event(method, path, caller=caller, headers=headers, **others)
        context: Any = SimpleNamespace(
            **{**vars(CONTEXT), "get_remaining_time_in_millis": lambda: self.time_left},
        )
        return self.api.resolve(event, context)

    def put(self, key: str, content: bytes) -> None:
        """Put a document into the bucket."""
        self.s3.put_object(Bucket=self.environment["BUCKET_NAME"], Key=key, Body=content)

    def ingest(self, *keys: str, repository: str = "docs", **others: Any) -> dict[str, Any]:
        """Ingest documents."""
        body = {"embeddingModel": {"modelName": MODEL}, "keys": list(keys)}
        return self.call("POST", f"/repository/{repository}/bulk", body=body, **others)

    def search(
        self, text: str, *, repository: str = "docs", query: Mapping[str, str] | None = None, **others: Any
    ) -> dict[str, Any]:
        """Search a repository as LISA 2.x clients do."""
        asked = {"modelName": MODEL, "query": text, **(query or {})}
        return self.call("GET", f"/repository/{repository}/similaritySearch", query=asked, **others)

    def search_by_body(
        self, text: str, *, repository: str = "docs", body: Mapping[str, object] | None = None, **others: Any
    ) -> dict[str, Any]:
        """Search a repository as the chat application does."""
        asked = {"modelName": MODEL, "query": text, **(body or {})}
        return self.call("POST", f"/repository/{repository}/similaritySearch", body=asked, **others)

    def found(self, text: str, **others: Any) -> list[dict[str, Any]]:
        """The documents that a search answers with."""
        answer = self.search(text, **others)
        assert answer["statusCode"] == 200
        return [each["Document"] for each in json.loads(answer["body"])["docs"]]


def deploy(
    endpoint: str, rest_api: str, connections: Mapping[str, Mapping[str, object]], **variables: str
) -> Deployment:
    """Deploy a function with a repository for each connection, by id; `variables` are of its environment."""
    session = aws_session()
    ssm, s3 = (session.client(service, endpoint_url=endpoint) for service in ("ssm", "s3"))
    name = uuid.uuid4().hex
    s3.create_bucket(Bucket=name)
    ssm.put_parameter(Name=f"/{name}/rest", Value=rest_api, Type="String")
    for repository, connection in connections.items():
        ssm.put_parameter(Name=f"/{name}/repositories/{repository}", Value=json.dumps(connection), Type="String")
    environment = {
        "BUCKET_NAME": name,
        "CHUNK_OVERLAP": "10",
        "CHUNK_SIZE": "100",
        "DATABASE_ENCRYPTED": "false",
        "LISA_API_URL_PS_NAME": f"/{name}/rest",
        "REPOSITORIES_PS_PATH": f"/{name}/repositories",
        "REST_API_VERSION": "v2",
        "WEB_ORIGIN": ORIGIN,
        **variables,
    }
    api = create_api(read_environment(RepositoryEnvironment, environment), session)
    return Deployment(api, environment, s3)


def pgvector_connection(endpoint: str, server: Postgres) -> dict[str, object]:
    """A database of its own, where the function signs in as a user of its own, with a password in a secret."""
    secrets = aws_session().client("secretsmanager", endpoint_url=endpoint)
    database = server.make_database()
    content = json.dumps({"username": FUNCTION_USER, "password": PASSWORD, "host": "127.0.0.1", "port": server.port})
    secrets.create_secret(Name=database, SecretString=content)
    return {
        "type": "pgvector",
        "dbHost": "127.0.0.1",
        "dbPort": server.port,
        "dbName": database,
        "functionUser": "password",
        "username": FUNCTION_USER,
        "passwordSecretId": database,
    }
