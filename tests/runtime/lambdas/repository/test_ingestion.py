"""The ingestion of documents by the repository API, with both stores."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lisa_lambdas.repository.extraction import ExtractionLimits
from runtime.lambdas.proxy_events import ADMIN, BOB, content, refusal
from runtime.lambdas.repository import files, hostile_files
from runtime.lambdas.repository.deployment import Deployment
from runtime.lambdas.repository.embedding_server import MODEL, EmbeddingServer, failure
from runtime.lambdas.repository.ingestion import ANNS, TEXT, ingested


def with_body(**changes: object) -> dict[str, object]:
    return {"embeddingModel": {"modelName": MODEL}, "keys": ["a.txt"], **changes}


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
