"""The compiled API, deployed to a local AWS, with an identity provider, a database and a gateway."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from aiohttp import web
from tests.compiler.conftest import Project

from api.preflights import complete_preflights
from gateway.conftest import local_aws as gateway_aws
from gateway.conftest import settings
from gateway.processes import gateway
from gateway.stub_model import StubModel
from gateway.stub_model import serving as serving_model
from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.dev import local_aws, stacks
from lisa_compiler.dev.local_aws import LocalAws
from lisa_compiler.dev.processes import Processes
from oidc.served_issuer import ServedIssuer, serve_issuer
from runtime.lambdas.repository import postgres
from runtime.lambdas.repository.embedding_server import MODEL, embeddings, vector

REPOSITORY = "docs"


@dataclass(frozen=True)
class Answer:
    """What came over HTTP."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """The API, and the people who call it.

    Attributes:
        url: its address, with the stage.
        origin: the origin of the web application, that answers name.
        compiled: what is deployed.
        aws: where it is deployed.
        issuer: of the people's tokens.
    """

    url: str
    origin: str
    compiled: Compiled
    aws: LocalAws
    issuer: ServedIssuer

    def token(self, subject: str, *groups: str) -> str:
        return self.issuer.token(subject, *groups, preferred_username=subject)

    def __call__(
        self, method: str, path: str, *, token: str | None = None, body: object = None, headers: Any = None
    ) -> Answer:
        sent = {"Content-Type": "application/json", "Origin": self.origin, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self.url}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return _answer(answer)
        except urllib.error.HTTPError as error:
            return _answer(error)


def _answer(answer: Any) -> Answer:
    content = answer.read().decode()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(answer.status, headers, json.loads(content) if content and is_json else content)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with serve_issuer() as issuer, Processes() as processes:
        authority = issuer.authority.replace("http://", "https://")
        auth = {
            "authority": authority,
            "clientId": "lisa-client",
            "adminGroup": "admins",
            "jwtGroupsProperty": "realm_access.roles",
            "backChannelLogout": True,
        }
        database = {"dbHost": "127.0.0.1", "username": postgres.USER, "passwordSecretId": "docs-password"}
        repository = {"repositoryId": REPOSITORY, "type": "pgvector", "rdsConfig": database}
        project = Project(folder).write(deployChat=True, deployRag=True, ragRepositories=[repository], authConfig=auth)
        compiled = project.compile()
        names = compiled.deployment.names
        aws, program = local_aws.plan(processes.folder(), account=names.account, region=names.region)
        processes.start(program)
        url = stacks.deploy(compiled, aws, authority=issuer.authority)
        api_id = aws.client("ssm").get_parameter(Name=names.parameter("api/id"))["Parameter"]["Value"]
        origin = f"https://{api_id}.execute-api.us-east-1.amazonaws.com"
        complete_preflights(compiled, aws, api_id, origin)
        yield Api(url, origin, compiled, aws, issuer)


@dataclass(frozen=True)
class Repository:
    """The deployed repository, in front of a real database and the real gateway.

    Attributes:
        model: the embedding model behind the gateway.
    """

    api: Api
    model: StubModel

    def upload(self, token: str, name: str, content: bytes) -> str:
        """Upload a file as a browser does; returns its key."""
        allowed = self.api("POST", "/repository/presigned-url", token=token, body=name)
        assert allowed.status == 200, allowed
        form = allowed.body["response"]
        answer = requests.post(form["url"], data=form["fields"], files={"file": (name, content)}, timeout=30)
        assert answer.ok, answer.text
        key: str = form["fields"]["key"]
        return key

    def ingest(self, token: str, *keys: str) -> Answer:
        body = {"embeddingModel": {"modelName": MODEL}, "keys": list(keys)}
        return self.api("POST", f"/repository/{REPOSITORY}/bulk", token=token, body=body)

    def search(self, token: str, **asked: str) -> Answer:
        query = urllib.parse.urlencode({"modelName": MODEL, **asked})
        return self.api("GET", f"/repository/{REPOSITORY}/similaritySearch?{query}", token=token)

    def search_by_body(self, token: str, **asked: object) -> Answer:
        body = {"modelName": MODEL, **asked}
        return self.api("POST", f"/repository/{REPOSITORY}/similaritySearch", token=token, body=body)

    def found(self, token: str, query: str) -> list[str]:
        """The texts that a search finds, the best first."""
        answer = self.search(token, query=query, topK="100")
        assert answer.status == 200, answer
        return [each["Document"]["page_content"] for each in answer.body["docs"]]

    def purge(self, token: str, document_id: str) -> Answer:
        return self.api("DELETE", f"/repository/{REPOSITORY}/{document_id}", token=token)


async def _embed(request: web.Request) -> web.StreamResponse:
    """Embed so that the nearest neighbours of a text are those with its words."""
    asked = await request.json()
    if asked["model"] != MODEL:
        return web.json_response({"error": {"message": "There is no such model."}}, status=404)
    return web.Response(body=embeddings([vector(text) for text in asked["input"]]).content)


@pytest.fixture(scope="session")
def repository(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running() as database, serving_model() as model, gateway_aws() as tokens:
        model.behaviours["/embeddings"] = _embed
        environment = settings(tokens, api.issuer.authority, model.url)
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as rest_api:
            stacks.connect(api.compiled, api.aws, rest_api=rest_api.url, database=database.server)
            yield Repository(api, model)
