"""The repository API, called as API Gateway does, with both stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runtime.lambdas.proxy_events import ADMIN, ANN, BOB, content, refusal
from runtime.lambdas.repository.deployment import Deployment, aws_session, deploy
from runtime.lambdas.repository.embedding_server import MODEL, EmbeddingServer
from runtime.lambdas.repository.ingestion import ANNS, TEXT, ingested

ENDPOINTS = [
    ("GET", "/repository", {}),
    ("POST", "/repository/presigned-url", {"body": "a.txt"}),
    ("POST", "/repository/docs/bulk", {"body": {"embeddingModel": {"modelName": MODEL}, "keys": ["a.txt"]}}),
    ("GET", "/repository/docs/similaritySearch", {"query": {"modelName": MODEL, "query": "anchor"}}),
    ("POST", "/repository/docs/similaritySearch", {"body": {"modelName": MODEL, "query": "anchor"}}),
    ("DELETE", f"/repository/docs/{'0' * 32}", {}),
]


@pytest.mark.parametrize(("method", "path", "request_"), ENDPOINTS)
def test_a_request_that_did_not_pass_the_authorizer_is_refused(
    deployment: Deployment, method: str, path: str, request_: Mapping[str, Any]
) -> None:
    assert refusal(deployment.call(method, path, caller=None, **request_)) == (401, "Unauthorized")


@pytest.mark.parametrize(("method", "path", "request_"), ENDPOINTS[2:5])
def test_what_needs_embeddings_needs_a_token_that_the_rest_api_takes(
    deployment: Deployment, method: str, path: str, request_: Mapping[str, Any]
) -> None:
    deployment.put(ANNS, TEXT.encode())
    assert refusal(deployment.call(method, path, authorization=None, **request_)) == (401, "Unauthorized")
    assert refusal(deployment.call(method, path, authorization="Bearer old", **request_)) == (403, "Forbidden")
    assert deployment.found("anchor") == []


def test_repositories_are_listed_without_their_connections(deployment: Deployment) -> None:
    found = content(deployment.call("GET", "/repository", caller=BOB))
    assert [set(each) for each in found] == [{"repositoryId", "type"}]
    assert found[0]["repositoryId"] == "docs"


@pytest.mark.parametrize("body", ["report.pdf", '"report.pdf"'])
def test_an_upload_is_allowed_below_the_callers_prefix(deployment: Deployment, body: str) -> None:
    found = content(deployment.call("POST", "/repository/presigned-url", body=body))
    assert set(found) == {"response"}
    assert set(found["response"]) == {"url", "fields"}
    fields = found["response"]["fields"]
    assert (fields["key"], fields["x-amz-meta-user"]) == ("subject-ann/report.pdf", "ann")
    assert fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


@pytest.mark.parametrize("body", ["", "../subject-bob/a.txt", "/a.txt", "a.exe", "a\0.txt", "x" * 1100 + ".txt", "[1]"])
def test_an_upload_of_a_bad_name_is_refused(deployment: Deployment, body: str) -> None:
    assert refusal(deployment.call("POST", "/repository/presigned-url", body=body)) == (400, "BadRequest")


def test_an_upload_over_anothers_file_is_one_of_the_callers_own(deployment: Deployment) -> None:
    found = content(deployment.call("POST", "/repository/presigned-url", caller=BOB, body=ANNS))
    assert found["response"]["fields"]["key"] == f"subject-bob/{ANNS}"


def test_repositories_are_shared_by_all_users(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    ingested(deployment, ANNS)
    assert deployment.found("anchor", caller=BOB) == deployment.found("anchor", caller=ANN)


@pytest.mark.parametrize(
    "query",
    [
        {"topK": "0"},
        {"topK": "101"},
        {"topK": "many"},
        {"query": ""},
        {"query": "x" * 10_001},
        {"modelName": ""},
        {"modelName": "unknown"},
        {"repositoryType": "other"},
    ],
)
def test_a_bad_search_is_refused(deployment: Deployment, query: dict[str, str]) -> None:
    assert refusal(deployment.search("anchor", query=query)) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        {"topK": 0},
        {"topK": 101},
        {"topK": "many"},
        {"query": ""},
        {"query": "x" * 10_001},
        {"query": None},
        {"modelName": ""},
        {"modelName": "unknown"},
        {"repositoryType": "other"},
    ],
)
def test_a_bad_search_by_body_is_refused(deployment: Deployment, body: dict[str, object]) -> None:
    assert refusal(deployment.search_by_body("anchor", body=body)) == (400, "BadRequest")


@pytest.mark.parametrize("body", ["", "modelName=m&query=anchor", "[]"])
def test_a_search_by_body_requires_a_json_object(deployment: Deployment, body: str) -> None:
    answer = deployment.call("POST", "/repository/docs/similaritySearch", body=body)
    assert refusal(answer) == (400, "BadRequest")


def test_a_search_by_body_finds_what_a_search_by_query_finds(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    ingested(deployment, ANNS)
    asked = {"topK": 2, "repositoryType": content(deployment.call("GET", "/repository"))[0]["type"]}
    by_body = deployment.search_by_body("anchor", body=asked, caller=BOB)
    assert by_body["statusCode"] == 200
    found = [each["Document"] for each in content(by_body)["docs"]]
    assert found == deployment.found("anchor", query={name: str(value) for name, value in asked.items()})
    assert len(found) == 2


@pytest.mark.parametrize("character", ["x", "ü", "漢", "🚢"])
def test_the_longest_query_fits_a_body(
    deployment: Deployment, embedding_server: EmbeddingServer, character: str
) -> None:
    assert deployment.search_by_body(character * 10_000)["statusCode"] == 200
    assert embedding_server.requests[-1] == [character * 10_000]
    assert refusal(deployment.search_by_body(character * 10_001)) == (400, "BadRequest")


def test_a_search_finds_three_unless_told_otherwise(deployment: Deployment) -> None:
    deployment.put(ANNS, b"anchor " * 1000)
    ingested(deployment, ANNS)
    assert len(deployment.found("anchor")) == 3
    assert len(deployment.found("anchor", query={"topK": "1"})) == 1
    assert len(deployment.found("anchor", query={"topK": "50"})) == 50


@pytest.mark.parametrize(("method", "path", "request_"), ENDPOINTS[2:])
def test_a_repository_that_is_not_there_is_not_found(
    deployment: Deployment, method: str, path: str, request_: Mapping[str, Any]
) -> None:
    answer = deployment.call(method, path.replace("docs", "none"), **request_)
    assert refusal(answer) == (404, "NotFound")
    assert "none" in content(answer)["message"]


def test_a_purge_deletes_every_chunk_and_says_how_many(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    deployment.put("subject-ann/b.txt", b"A harbor.")
    answer = ingested(deployment, ANNS, "b.txt")
    document = answer["documents"][0]
    purged = content(deployment.call("DELETE", f"/repository/docs/{document['documentId']}"))
    assert purged == {"documentId": document["documentId"], "recordsPurged": document["chunks"]}
    assert [each["page_content"] for each in deployment.found("anchor")] == ["A harbor."]
    again = deployment.call("DELETE", f"/repository/docs/{document['documentId']}")
    assert refusal(again) == (404, "NotFound")
    assert ingested(deployment, ANNS)["documents"][0] == document


def test_only_the_uploader_or_an_administrator_purges(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    path = f"/repository/docs/{ingested(deployment, ANNS, caller=ADMIN)['documents'][0]['documentId']}"
    assert refusal(deployment.call("DELETE", path, caller=BOB)) == (403, "Forbidden")
    assert deployment.found("anchor")
    assert content(deployment.call("DELETE", path, caller=ANN))["recordsPurged"] > 0
    ingested(deployment, ANNS)
    assert content(deployment.call("DELETE", path, caller=ADMIN))["recordsPurged"] > 0


@pytest.mark.parametrize("document_id", ["0" * 32, "none", "0" * 32 + ".aaaa.0", "%27%3B"])
def test_a_document_that_is_not_there_is_not_found(deployment: Deployment, document_id: str) -> None:
    assert refusal(deployment.call("DELETE", f"/repository/docs/{document_id}"))[0] == 404


def test_repositories_of_the_same_type_are_apart(deployment: Deployment, aws_environment: str, rest_api: str) -> None:
    # Two repositories in one store: what one has is not found in the other, nor purged from it.
    ssm = aws_session().client("ssm", endpoint_url=aws_environment)
    name = f"{deployment.environment['REPOSITORIES_PS_PATH']}/docs"
    connection = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    both = deploy(aws_environment, rest_api, {"docs": connection, "more": connection})
    both.put(ANNS, TEXT.encode())
    first, second = ingested(both, ANNS), ingested(both, ANNS, repository="more")
    assert not {*first["ids"]} & {*second["ids"]}
    both.call("DELETE", f"/repository/docs/{first['documents'][0]['documentId']}")
    assert both.found("anchor") == []
    assert both.found("anchor", repository="more")


@pytest.mark.parametrize(
    "connection", [{"type": "pgvector"}, {"type": "other"}, {"type": "opensearch", "endpoint": "http://127.0.0.1:9"}]
)
def test_a_store_that_cannot_be_reached_is_unavailable(
    aws_environment: str, rest_api: str, connection: dict[str, object]
) -> None:
    broken = deploy(aws_environment, rest_api, {"docs": connection})
    assert refusal(broken.search("anchor")) == (503, "Unavailable")
