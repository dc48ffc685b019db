"""Which repositories and documents callers may use, by their groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import NotFoundError, UnavailableError
from lisa_lambdas.parameters import Parameters
from lisa_lambdas.repository.access import RepositoryAccess
from runtime.lambdas.proxy_events import ANN, BOB, content, refusal
from runtime.lambdas.repository.deployment import Deployment, aws_session, deploy, pgvector_connection
from runtime.lambdas.repository.embedding_server import MODEL
from runtime.lambdas.repository.http_server import serving
from runtime.lambdas.repository.ingestion import ANNS, TEXT, ingested
from runtime.lambdas.repository.opensearch_server import OpenSearchServer

IN_A_DOMAIN = pytest.mark.xdist_group("opensearch")
ACCESS = {"groups": {"science": ["docs"], "law": ["*"]}, "everyone": []}
SCIENTIST = {**ANN, "groups": '["science","other"]'}
LAWYER = {**BOB, "groups": '["law"]'}
BOTH = {**BOB, "groups": '["law","science"]'}


@pytest.fixture(params=["pgvector", "opensearch", pytest.param("opensearch-domain", marks=IN_A_DOMAIN)])
def limited(aws_environment: str, rest_api: str, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A function with the repositories `docs` and `cases`."""
    name = f"/access/{request.node.name}"
    aws_session().client("ssm", endpoint_url=aws_environment).put_parameter(
        Name=name, Value=json.dumps(ACCESS), Type="String"
    )
    with serving(OpenSearchServer()) as endpoint:
        if request.param == "pgvector":
            connection = pgvector_connection(aws_environment, request.getfixturevalue("database_server"))
        elif request.param == "opensearch":
            connection = {"type": "opensearch", "endpoint": endpoint}
        else:
            connection = {"type": "opensearch", "endpoint": request.getfixturevalue("search_domain").url}
        connections = {"docs": connection, "cases": connection}
        yield deploy(aws_environment, rest_api, connections, REPOSITORY_ACCESS_PS_NAME=name)


def test_callers_see_the_repositories_of_their_groups(limited: Deployment) -> None:
    def seen(caller: dict[str, str]) -> list[str]:
        return [found["repositoryId"] for found in content(limited.call("GET", "/repository", caller=caller))]

    assert seen(SCIENTIST) == ["docs"]
    assert seen(LAWYER) == seen(BOTH) == ["cases", "docs"]
    assert seen(ANN) == []


def test_every_route_of_another_groups_repository_is_one_that_does_not_exist(limited: Deployment) -> None:
    body = {"embeddingModel": {"modelName": MODEL}, "keys": [ANNS]}
    query = {"modelName": MODEL, "query": "anchor"}
    for method, path, request in (
        ("POST", "bulk", {"body": body}),
        ("GET", "similaritySearch", {"query": query}),
        ("POST", "similaritySearch", {"body": query}),
        ("DELETE", "0" * 32, {}),
    ):
        answers = [
            limited.call(method, f"/repository/{repository}/{path}", caller=SCIENTIST, **request)  # type: ignore[arg-type]
            for repository in ("cases", "nowhere")
        ]
        assert [refusal(answer) for answer in answers] == [(404, "NotFound")] * 2
        messages = [content(answer)["message"].replace("cases", "nowhere") for answer in answers]
        assert messages[0] == messages[1]


def test_documents_of_groups_are_found_by_their_groups(limited: Deployment) -> None:
    def ingest(key: str, *groups: str) -> dict[str, Any]:
        body = {"embeddingModel": {"modelName": MODEL}, "keys": [key], "groups": list(groups)}
        return limited.call("POST", "/repository/docs/bulk", body=body, caller=SCIENTIST)

    limited.put(ANNS, TEXT.encode())
    assert content(ingest(ANNS, "law"))["documents"][0]["changed"]
    assert limited.found("anchor", caller=SCIENTIST) == []
    assert limited.found("anchor", caller=LAWYER) != []
    # The same content for other groups is another revision, and the caller's groups are not the caller's to choose.
    assert content(ingest(ANNS, "science"))["documents"][0]["changed"]
    assert not content(ingest(ANNS, "science"))["documents"][0]["changed"]
    assert limited.found("anchor", caller=LAWYER) == []
    assert limited.found("anchor", caller=LAWYER, query={"groups": "science"}) == []
    assert limited.found("anchor", caller=SCIENTIST) != []
    refused = ingest(ANNS, "sciense")
    assert refusal(refused) == (400, "BadRequest")
    assert "law, science" in content(refused)["message"]


def test_without_access_configuration_all_is_open_but_documents_of_groups(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    ingested(deployment, ANNS)
    assert deployment.found("anchor", caller=BOB) != []
    body = {"embeddingModel": {"modelName": MODEL}, "keys": [ANNS], "groups": ["science"]}
    refused = deployment.call("POST", "/repository/docs/bulk", body=body)
    assert refusal(refused) == (400, "BadRequest")
    assert "accessConfig" in content(refused)["message"]


def test_access_is_read_again_after_a_minute_and_kept_while_it_cannot_be_read() -> None:
    class Source(Parameters):
        def __init__(self) -> None:
            self.value: Any = {"groups": {}, "everyone": ["docs"]}

        def one(self, name: str) -> Any:  # noqa: ARG002
            if self.value is ...:
                raise UnavailableError("no")
            return self.value

    source, now = Source(), [100.0]
    caller = Caller("ann", "ann", False)
    access = RepositoryAccess(source, "/access", clock=lambda: now[0])
    access.must_permit(caller, "docs")
    source.value = {"groups": {}, "everyone": []}
    access.must_permit(caller, "docs")
    now[0] += 60
    with pytest.raises(NotFoundError):
        access.must_permit(caller, "docs")
    now[0] += 60
    source.value = ...
    assert not access.permits(caller, "docs")
    for nothing in (None, {"groups": []}):
        source.value = nothing
        with pytest.raises(UnavailableError):
            RepositoryAccess(source, "/access").permits(caller, "docs")
