"""The repository API, called as API Gateway does, with both stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lisa_lambdas.repository.extraction import ExtractionLimits
from runtime.lambdas.proxy_events import ADMIN, ANN, BOB, content, refusal
from runtime.lambdas.repository import files, hostile_files
from runtime.lambdas.repository.deployment import Deployment, aws_session, deploy
from runtime.lambdas.repository.embedding_server import MODEL, EmbeddingServer, failure

TEXT = "The anchor holds.\n\nA bridge crosses the river. A bridge carries trains.\n\nThe candle burns." * 2
ANNS = "subject-ann/a.txt"

ENDPOINTS = [
    ("GET", "/repository", {}),
    ("POST", "/repository/presigned-url", {"body": "a.txt"}),
    ("POST", "/repository/docs/bulk", {"body": {"embeddingModel": {"modelName": MODEL}, "keys": ["a.txt"]}}),
    ("GET", "/repository/docs/similaritySearch", {"query": {"modelName": MODEL, "query": "anchor"}}),
    ("POST", "/repository/docs/similaritySearch", {"body": {"modelName": MODEL, "query": "anchor"}}),
    ("DELETE", f"/repository/docs/{'0' * 32}", {}),
]


def ingested(deployment: Deployment, *keys: str, **others: Any) -> dict[str, Any]:
    answer = deployment.ingest(*keys, **others)
    assert answer["statusCode"] == 200, answer["body"]
    found: dict[str, Any] = content(answer)
    return found


def with_body(**changes: object) -> dict[str, object]:
    return {"embeddingModel": {"modelName": MODEL}, "keys": ["a.txt"], **changes}


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


def test_documents_of_every_kind_are_ingested_and_found(deployment: Deployment) -> None:
    deployment.put("subject-ann/a.txt", b"The anchor holds the ship.")
    deployment.put("subject-ann/b.pdf", files.pdf("Nothing.", "A bridge crosses the river."))
    deployment.put("subject-ann/c.docx", files.word("The candle burns."))
    answer = ingested(deployment, "subject-ann/a.txt", "subject-ann/b.pdf", "c.docx")
    assert answer["count"] == len(answer["ids"]) == len(set(answer["ids"])) == 4
    assert [each["chunks"] for each in answer["documents"]] == [1, 2, 1]
    bucket = deployment.environment["BUCKET_NAME"]
    for query, key, page, text in (
        ("anchor", "a.txt", None, "The anchor holds the ship."),
        ("bridge", "b.pdf", 2, "A bridge crosses the river."),
        ("candle", "c.docx", None, "The candle burns."),
    ):
        best = deployment.found(query)[0]
        assert best["page_content"] == text
        assert best["metadata"]["source"] == f"s3://{bucket}/subject-ann/{key}"
        assert best["metadata"].get("page") == page
        assert 0.9 < best["metadata"]["score"] <= 1.0
        assert best["metadata"]["documentId"] in {each["documentId"] for each in answer["documents"]}


def test_ingesting_again_changes_nothing_and_embeds_nothing(
    deployment: Deployment, embedding_server: EmbeddingServer
) -> None:
    deployment.put(ANNS, TEXT.encode())
    first = ingested(deployment, ANNS, ANNS)
    asked = embedding_server.asked
    second = ingested(deployment, ANNS)
    assert embedding_server.asked == asked
    assert second["ids"] == first["ids"]
    assert [each["changed"] for each in (*first["documents"], *second["documents"])] == [True, False]
    assert len(deployment.found("bridge", query={"topK": "100"})) == first["count"]


def test_a_changed_document_or_splitting_replaces_what_was_there(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    first = ingested(deployment, ANNS)
    deployment.put(ANNS, b"Only a desert.")
    second = ingested(deployment, ANNS)
    assert [each["page_content"] for each in deployment.found("anchor")] == ["Only a desert."]
    third = ingested(deployment, ANNS, query={"chunkSize": "200", "chunkOverlap": "0"})
    assert not {*first["ids"]} & {*second["ids"]}
    assert not {*second["ids"]} & {*third["ids"]}
    assert len(deployment.found("anchor")) == 1
    assert {each["documents"][0]["documentId"] for each in (first, second, third)} == {
        first["documents"][0]["documentId"]
    }


def test_chunks_are_as_long_as_is_asked_for(deployment: Deployment) -> None:
    deployment.put(ANNS, b"anchor " * 200)
    ingested(deployment, ANNS)
    assert {len(each["page_content"]) for each in deployment.found("anchor", query={"topK": "100"})} <= {*range(101)}
    ingested(deployment, ANNS, query={"chunkSize": "300", "chunkOverlap": "20"})
    assert max(len(each["page_content"]) for each in deployment.found("anchor", query={"topK": "100"})) > 250


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ("not json", {}),
        ("[]", {}),
        (with_body(keys=[]), {}),
        (with_body(keys=["a.txt"] * 501), {}),
        (with_body(keys=[7]), {}),
        (with_body(keys=[""]), {}),
        (with_body(keys="a.txt"), {}),
        (with_body(embeddingModel={}), {}),
        (with_body(embeddingModel={"modelName": ""}), {}),
        (with_body(embeddingModel={"modelName": "unknown"}), {}),
        (with_body(), {"chunkSize": "99"}),
        (with_body(), {"chunkSize": "10001"}),
        (with_body(), {"chunkSize": "many"}),
        (with_body(), {"chunkOverlap": "-1"}),
        (with_body(), {"chunkSize": "200", "chunkOverlap": "200"}),
        (with_body(), {"repositoryType": "other"}),
        (with_body(keys=["subject-ann/../subject-bob/a.txt"]), {}),
        (with_body(keys=["a.exe"]), {}),
    ],
)
def test_a_bad_ingestion_is_refused_and_nothing_is_stored(
    deployment: Deployment, body: object, query: dict[str, str]
) -> None:
    deployment.put(ANNS, TEXT.encode())
    answer = deployment.call("POST", "/repository/docs/bulk", body=body, query=query)
    assert refusal(answer) == (400, "BadRequest")
    assert deployment.found("anchor") == []


@pytest.mark.parametrize(
    ("name", "document", "status", "message"),
    [
        ("a.txt", b"caf\xe9", 400, "not UTF-8"),
        ("a.txt", b"  ", 400, "no text"),
        ("a.pdf", b"plain text", 400, "not a PDF"),
        ("a.pdf", files.encrypted_pdf("secret"), 400, "encrypted"),
        ("a.pdf", files.pdf("", ""), 400, "no text"),
        ("a.docx", b"plain text", 400, "not a DOCX"),
        ("a.docx", files.zip_bomb(200 * 2**20), 413, "unpacked"),
        ("a.txt", b"desert\n" * 5_000 + b"\xff", 400, "not UTF-8"),
    ],
)
def test_a_bad_document_is_refused_by_name_and_nothing_is_stored(
    deployment: Deployment, name: str, document: bytes, status: int, message: str
) -> None:
    deployment.put("subject-ann/good.txt", b"The anchor holds.")
    deployment.put(f"subject-ann/{name}", document)
    answer = deployment.ingest("good.txt", name)
    assert answer["statusCode"] == status
    assert content(answer)["message"].startswith(f"subject-ann/{name}: ")
    assert message in content(answer)["message"]
    assert [each["page_content"] for each in deployment.found("desert")] == ["The anchor holds."]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a document may take a second of processor time."""
    limits = ExtractionLimits(processor_seconds=1, elapsed_seconds=300)
    monkeypatch.setattr(ExtractionLimits, "for_document", lambda _size: limits)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("name", "document", "status", "message"),
    [
        ("span.docx", lambda: hostile_files.docx_of_wide_cell("20000000"), 400, "spans 20000000 columns"),
        ("runs.docx", hostile_files.docx_of_many_runs, 413, "1 second of processor time"),
        ("shared.pdf", hostile_files.pdf_of_shared_stream, 413, "1 second of processor time"),
    ],
)
def test_hostile_document_is_refused_by_name_and_the_others_are_ingested(
    deployment: Deployment, name: str, document: Callable[[], bytes], status: int, message: str
) -> None:
    deployment.put("subject-ann/first.txt", b"The anchor holds.")
    deployment.put(f"subject-ann/{name}", document())
    deployment.put("subject-ann/last.txt", b"The candle burns.")
    answer = deployment.ingest("first.txt", name, "last.txt")
    assert refusal(answer)[0] == status
    text = content(answer)["message"]
    assert text.startswith(f"subject-ann/{name}: ")
    assert message in text
    assert text.endswith("The 2 other documents are ingested.")
    assert {each["page_content"] for each in deployment.found("anchor")} == {"The anchor holds.", "The candle burns."}
    assert [each["changed"] for each in ingested(deployment, "first.txt", "last.txt")["documents"]] == [False, False]


def test_every_refused_document_is_named(deployment: Deployment) -> None:
    for number in range(12):
        deployment.put(f"subject-ann/{number}.txt", b"\xff")
    deployment.put(ANNS, b"The anchor holds.")
    answer = deployment.ingest("absent.txt", *[f"{number}.txt" for number in range(12)], "a.txt")
    assert refusal(answer) == (404, "NotFound")
    text = content(answer)["message"]
    assert all(f"subject-ann/{name}.txt: " in text for name in ("absent", *range(9)))
    assert text.endswith("3 more were rejected. The 1 other document is ingested.")


def test_refused_documents_are_named_when_nothing_else_can_be_ingested(
    deployment: Deployment, embedding_server: EmbeddingServer
) -> None:
    deployment.put("subject-ann/bad.txt", b"\xff")
    deployment.put(ANNS, TEXT.encode())
    embedding_server.failures = [failure(429, Retry_After="0")] * 4
    answer = deployment.ingest("bad.txt", "a.txt")
    assert refusal(answer) == (429, "TooManyRequests")
    assert content(answer)["message"].startswith(f"{ANNS}: ")
    assert "subject-ann/bad.txt: The document is not UTF-8" in content(answer)["message"]


def test_a_failure_of_the_model_in_the_middle_leaves_no_half_of_a_document(
    deployment: Deployment, embedding_server: EmbeddingServer
) -> None:
    deployment.put(ANNS, b"The desert is wide and dry and hot and has no water in it at all for a long way.\n" * 200)
    embedding_server.fail_after = 3
    embedding_server.failures = []
    assert refusal(deployment.ingest(ANNS)) == (503, "Unavailable")
    embedding_server.fail_after = None
    assert deployment.found("desert") == []
    assert ingested(deployment, ANNS)["documents"][0]["changed"]
    assert len(deployment.found("desert")) == 3


def test_a_function_that_runs_out_of_time_says_so_and_leaves_no_half(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    deployment.time_left = 10_000
    answer = deployment.ingest(ANNS)
    assert refusal(answer) == (503, "Unavailable")
    assert "Time ran out" in content(answer)["message"]
    assert deployment.found("anchor") == []


def test_too_many_chunks_are_refused_whole(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_lambdas.repository.service.MAX_CHUNKS", 40)
    deployment.put("subject-ann/small.txt", b"anchor " * 30)
    deployment.put("subject-ann/large.txt", b"desert " * 1000)
    assert refusal(deployment.ingest("small.txt", "large.txt")) == (413, "TooLarge")
    assert "desert" not in json.dumps(deployment.found("desert", query={"topK": "100"}))


def test_a_busy_model_is_a_429(deployment: Deployment, embedding_server: EmbeddingServer) -> None:
    deployment.put(ANNS, TEXT.encode())
    embedding_server.failures = [failure(429, Retry_After="0")] * 4
    assert refusal(deployment.ingest(ANNS)) == (429, "TooManyRequests")


def test_users_ingest_their_own_files_and_administrators_all(deployment: Deployment) -> None:
    deployment.put(ANNS, TEXT.encode())
    assert refusal(deployment.ingest(ANNS, caller=BOB)) == (403, "Forbidden")
    assert refusal(deployment.ingest("a.txt", caller=BOB)) == (404, "NotFound")
    assert deployment.found("anchor") == []
    assert ingested(deployment, ANNS, caller=ADMIN)["count"] > 0


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
