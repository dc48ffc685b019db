"""The compiled repository over HTTP: a caller's token goes through the authorizer and the function to the real gateway,
which verifies it again; documents go through S3 into a real PostgreSQL."""

from __future__ import annotations

import time

import pytest

from api.conftest import REPOSITORY, Api, Repository
from runtime.lambdas.repository import files, hostile_files
from runtime.lambdas.repository.embedding_server import MODEL

pytestmark = pytest.mark.xdist_group("compiled-api")  # what it starts takes long, and is started once

BULK = f"/repository/{REPOSITORY}/bulk"
SEARCH = f"/repository/{REPOSITORY}/similaritySearch"
UPLOAD = "/repository/presigned-url"
INGESTION = {"embeddingModel": {"modelName": MODEL}, "keys": ["a.txt"]}
NO_DOCUMENT = "0" * 32


def test_what_is_uploaded_is_ingested_found_and_purged(repository: Repository) -> None:
    ann, bob, ada = (repository.api.token(*who) for who in (("ann",), ("bob",), ("ada", "admins")))
    sentence = "The anchor holds the ship."
    key = repository.upload(ann, "reports/anchor.txt", sentence.encode())
    other = repository.upload(ann, "bridge.txt", b"A bridge crosses the river.")

    first = repository.ingest(ann, key, other)
    assert first.status == 200, first
    assert [each["changed"] for each in first.body["documents"]] == [True, True]
    best = repository.search(bob, query="anchor", topK="1").body["docs"]
    assert [each["Document"]["page_content"] for each in best] == [sentence]
    assert best[0]["Document"]["metadata"]["source"].endswith(f"/{key}")

    asked = len(repository.model.seen)
    second = repository.ingest(ann, key, other)
    assert (second.status, second.body["ids"]) == (200, first.body["ids"])
    assert [each["changed"] for each in second.body["documents"]] == [False, False]
    assert len(repository.model.seen) == asked
    assert repository.found(ann, "anchor").count(sentence) == 1

    document = first.body["documents"][0]["documentId"]
    assert repository.purge(bob, document).status == 403
    assert sentence in repository.found(ann, "anchor")
    purged = repository.purge(ada, document)
    assert (purged.status, purged.body) == (200, {"documentId": document, "recordsPurged": 1})
    assert sentence not in repository.found(ann, "anchor")
    assert repository.purge(ann, document).status == 404


def test_a_question_of_ten_thousand_characters_is_searched(repository: Repository) -> None:
    token = repository.api.token("ann")
    sentence = "A garden is green."
    assert repository.ingest(token, repository.upload(token, "garden.txt", sentence.encode())).status == 200
    question = "garden " + "漢" * 9_993
    answer = repository.search_by_body(token, query=question, topK=1)
    assert answer.status == 200, answer
    assert [each["Document"]["page_content"] for each in answer.body["docs"]] == [sentence]


def test_documents_are_read_in_a_child_process_of_the_function(repository: Repository) -> None:
    token = repository.api.token("ann")
    wide = repository.upload(token, "wide.docx", hostile_files.docx_of_wide_cell("20000000"))
    keys = [
        repository.upload(token, "harbor.pdf", files.pdf("A harbor is in the north.")),
        repository.upload(token, "harbor.docx", files.word("A harbor is in the south.")),
    ]
    refused = repository.ingest(token, wide, *keys)
    assert (refused.status, refused.body["code"]) == (400, "BadRequest")
    assert refused.body["message"].startswith(f"{wide}: ")
    assert refused.body["message"].endswith("The 2 other documents are ingested.")
    assert {"A harbor is in the north.", "A harbor is in the south."} <= {*repository.found(token, "harbor")}
    assert [each["changed"] for each in repository.ingest(token, *keys).body["documents"]] == [False, False]


def test_the_model_sees_the_gateways_key_and_never_the_callers_token(repository: Repository) -> None:
    token = repository.api.token("ann")
    assert repository.search(token, query="candle").status == 200
    assert repository.model.last.headers["Authorization"] == "Bearer sk-for-inference"
    assert not any(token in value for value in repository.model.last.headers.values())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/repository", None),
        ("POST", UPLOAD, "a.txt"),
        ("POST", BULK, INGESTION),
        ("GET", f"{SEARCH}?modelName={MODEL}&query=anchor", None),
        ("POST", SEARCH, {"modelName": MODEL, "query": "anchor"}),
        ("DELETE", f"/repository/{REPOSITORY}/{NO_DOCUMENT}", None),
    ],
)
@pytest.mark.parametrize("token", [None, "nonsense"])
def test_without_a_token_nothing_is_answered(api: Api, method: str, path: str, body: object, token: str | None) -> None:
    assert api(method, path, token=token, body=body).status in (401, 403)


def test_the_list_names_no_connections(repository: Repository) -> None:
    answer = repository.api("GET", "/repository", token=repository.api.token("bob"))
    assert (answer.status, answer.body) == (200, [{"repositoryId": REPOSITORY, "type": "pgvector"}])


def test_nobody_uploads_over_anothers_file(repository: Repository) -> None:
    key = repository.upload(repository.api.token("eve"), "candle.txt", b"The candle burns.")
    assert key == "eve/candle.txt"
    assert repository.upload(repository.api.token("mallory"), key, b"It is out.") == f"mallory/{key}"


def test_users_ingest_their_own_files_and_administrators_all(repository: Repository) -> None:
    key = repository.upload(repository.api.token("eve"), "desert.txt", b"The desert is dry.")
    refused = repository.ingest(repository.api.token("mallory"), key)
    assert (refused.status, refused.body["code"]) == (403, "Forbidden")
    assert "The desert is dry." not in repository.found(repository.api.token("eve"), "desert")
    assert repository.ingest(repository.api.token("ada", "admins"), key).status == 200
    assert repository.found(repository.api.token("eve"), "desert")[0] == "The desert is dry."


def test_the_uploader_purges(repository: Repository) -> None:
    token = repository.api.token("eve")
    document = repository.ingest(token, repository.upload(token, "engine.txt", b"An engine.")).body["documents"][0]
    assert repository.purge(token, document["documentId"]).body["recordsPurged"] == 1
    assert "An engine." not in repository.found(token, "engine")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", UPLOAD, "../bob/a.txt", 400),
        ("POST", UPLOAD, "a.exe", 400),
        ("POST", BULK, {**INGESTION, "keys": []}, 400),
        ("POST", BULK, {**INGESTION, "keys": ["ann/../bob/a.txt"]}, 400),
        ("POST", f"{BULK}?chunkSize=99", INGESTION, 400),
        ("POST", BULK, {**INGESTION, "keys": ["absent.txt"]}, 404),
        ("POST", "/repository/none/bulk", INGESTION, 404),
        ("GET", f"{SEARCH}?modelName={MODEL}", None, 400),
        ("GET", f"{SEARCH}?modelName={MODEL}&query=anchor&topK=0", None, 400),
        ("GET", f"{SEARCH}?modelName=unknown&query=anchor", None, 400),
        ("POST", SEARCH, {"modelName": MODEL}, 400),
        ("POST", SEARCH, {"modelName": MODEL, "query": "anchor", "topK": 0}, 400),
        ("POST", SEARCH, {"modelName": "unknown", "query": "anchor"}, 400),
        ("POST", "/repository/none/similaritySearch", {"modelName": MODEL, "query": "anchor"}, 404),
        ("GET", f"/repository/none/similaritySearch?modelName={MODEL}&query=anchor", None, 404),
        ("DELETE", f"/repository/{REPOSITORY}/{NO_DOCUMENT}", None, 404),
    ],
)
def test_bad_requests_are_refused(repository: Repository, method: str, path: str, body: object, status: int) -> None:
    answer = repository.api(method, path, token=repository.api.token("ann"), body=body)
    assert answer.status == status, answer
    assert set(answer.body) == {"message", "code"}
    assert answer.headers["access-control-allow-origin"] == repository.api.origin


def test_a_repository_that_a_later_deployment_adds_is_found(repository: Repository) -> None:
    """The function is warm, with the same code and variables. It lists the repository for a minute: the last test."""
    token, aws = repository.api.token("ann"), repository.api.aws.client("ssm")
    path = repository.api.compiled.deployment.names.parameter("repositories")
    assert repository.api("GET", "/repository", token=token).status == 200
    later = {"modelName": MODEL, "query": "anchor"}
    assert repository.api("POST", "/repository/later/similaritySearch", token=token, body=later).status == 404
    connection = aws.get_parameter(Name=f"{path}/{REPOSITORY}")["Parameter"]["Value"]
    aws.put_parameter(Name=f"{path}/later", Value=connection, Type="String")
    time.sleep(1.1)
    answer = repository.api("POST", "/repository/later/similaritySearch", token=token, body=later)
    aws.delete_parameter(Name=f"{path}/later")
    assert (answer.status, answer.body) == (200, {"docs": []})
