"""What OpenSearch does beside the stores' contract: what happens in between, and failures of the domain."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials
from opensearchpy import Urllib3AWSV4SignerAuth

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.stores import Chunk, Collection, Document, Stored
from lisa_lambdas.repository.stores.opening import opensearch_client
from lisa_lambdas.repository.stores.opensearch import OpenSearchStore
from runtime.lambdas.repository.http_server import Answer, serving
from runtime.lambdas.repository.opensearch_server import OpenSearchServer

COLLECTION = Collection("docs", "model")
FIRST = Document("d", "s3://documents/ann/a.txt", "first")
SECOND = Document("d", "s3://documents/ann/a.txt", "second")


@pytest.fixture
def server() -> OpenSearchServer:
    return OpenSearchServer()


@pytest.fixture
def address(server: OpenSearchServer) -> Iterator[str]:
    with serving(server) as address:
        yield address


@pytest.fixture
def store(address: str) -> OpenSearchStore:
    return OpenSearchStore(opensearch_client(address, sleep=lambda _: None))


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lisa_lambdas.repository.stores.opensearch.FIRST_WAIT_SECONDS", 0)


def chunks(count: int, text: str = "chunk") -> list[list[Chunk]]:
    return [[Chunk(position, f"{text} {position}", (1.0, 0.0))] for position in range(count)]


def found(store: OpenSearchStore) -> list[str]:
    return [hit.text for hit in store.search(COLLECTION, (1.0, 0.0), 10)]


def test_a_bulk_that_is_not_taken_whole_is_a_failure(store: OpenSearchStore, server: OpenSearchServer) -> None:
    server.fail_bulk_after = 1
    with pytest.raises(UnavailableError, match="did not store all chunks"):
        store.replace(COLLECTION, FIRST, chunks(3))
    assert server.chunks() == 1
    assert found(store) == []


def test_chunks_that_were_refused_for_now_are_sent_again(store: OpenSearchStore, server: OpenSearchServer) -> None:
    server.busy_chunks = 3
    batch = [Chunk(position, f"chunk {position}", (1.0, 0.0)) for position in range(5)]
    assert store.replace(COLLECTION, FIRST, [batch]) == 5
    assert found(store) == [f"chunk {position}" for position in range(5)]
    assert sum(path.endswith("/_bulk") for _, path in server.requests) == 2


def test_what_a_failure_left_goes_when_the_document_is_indexed_again_or_purged(
    store: OpenSearchStore, server: OpenSearchServer
) -> None:
    server.fail_bulk_after = 2
    with pytest.raises(UnavailableError):
        store.replace(COLLECTION, FIRST, chunks(3))
    server.fail_bulk_after = None
    store.replace(COLLECTION, SECOND, chunks(1))
    assert server.chunks() == 3
    assert store.purge("docs", "d") == 3
    assert server.chunks() == 0


def test_old_chunks_go_when_new_ones_are_found(store: OpenSearchStore, server: OpenSearchServer) -> None:
    store.replace(COLLECTION, FIRST, chunks(3))
    store.replace(COLLECTION, SECOND, chunks(1, "new"))
    assert server.chunks() == 1


def test_a_document_that_another_call_changed_meanwhile_is_not_overwritten(store: OpenSearchStore) -> None:
    def batches() -> Iterator[list[Chunk]]:
        yield from chunks(1, "late")
        store.replace(COLLECTION, FIRST, chunks(2, "early"))

    with pytest.raises(UnavailableError, match="Another request changed"):
        store.replace(COLLECTION, SECOND, batches())
    assert found(store) == ["early 0", "early 1"]
    assert store.find(COLLECTION, "d") == Stored("first", 2)


def test_two_that_index_the_same_revision_agree(store: OpenSearchStore) -> None:
    def batches() -> Iterator[list[Chunk]]:
        yield from chunks(2)
        store.replace(COLLECTION, FIRST, chunks(2))

    assert store.replace(COLLECTION, FIRST, batches()) == 2
    assert found(store) == ["chunk 0", "chunk 1"]


def test_a_document_that_is_purged_meanwhile_does_not_come_back_in_part(store: OpenSearchStore) -> None:
    def batches() -> Iterator[list[Chunk]]:
        yield from chunks(2)
        store.replace(COLLECTION, FIRST, chunks(1))
        store.purge("docs", "d")

    with pytest.raises(UnavailableError, match="Another request changed"):
        store.replace(COLLECTION, FIRST, batches())
    assert found(store) == []


def test_a_domain_that_is_busy_is_asked_again(store: OpenSearchStore, server: OpenSearchServer) -> None:
    store.replace(COLLECTION, FIRST, chunks(1))
    server.busy = 2
    assert found(store) == ["chunk 0"]


def test_a_domain_that_stays_busy_is_unavailable(store: OpenSearchStore, server: OpenSearchServer) -> None:
    server.busy = 100
    with pytest.raises(UnavailableError, match="does not respond"):
        store.find(COLLECTION, "d")


def test_a_domain_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="does not respond"):
        OpenSearchStore(opensearch_client("http://127.0.0.1:9", sleep=lambda _: None)).find(COLLECTION, "d")


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, "security_exception", r"does not permit the function's requests\. .* access policy"),
        (403, "security_exception", r"does not permit the function's requests\. .* access policy"),
        (403, "cluster_block_exception", r"read-only\. Ask an administrator"),
        (429, "cluster_block_exception", r"read-only\. Ask an administrator"),
        (503, "cluster_block_exception", r"does not respond; try again later\."),
        (400, "validation_exception", r"rejects a request \(validation_exception\)\. .* logs"),
        (500, "null_pointer_exception", r"does not respond; try again later\."),
    ],
)
def test_a_failure_says_what_can_be_done_and_its_kind_is_logged(
    status: int, kind: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    problem = json.dumps({"error": {"type": kind, "reason": "a secret of a document"}, "status": status}).encode()
    with (
        serving(lambda _: Answer(status, problem)) as address,
        pytest.raises(UnavailableError, match=message) as refused,
    ):
        OpenSearchStore(opensearch_client(address, sleep=lambda _: None)).find(COLLECTION, "d")
    (logged,) = [record for record in caplog.records if record.name.startswith("lisa_lambdas")]
    assert f"status {status}: {kind}" in logged.getMessage()
    assert "secret" not in logged.getMessage() + refused.value.message


def test_requests_are_signed_for_the_domain(address: str, server: OpenSearchServer) -> None:
    signer = Urllib3AWSV4SignerAuth(Credentials("key", "secret", "token"), "eu-west-1", "es")
    OpenSearchStore(opensearch_client(address, signer)).find(COLLECTION, "d")
    signed = server.headers[-1]
    assert signed["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
    assert "/eu-west-1/es/aws4_request" in signed["authorization"]
    assert signed["x-amz-security-token"] == "token"


def test_a_user_and_a_password_in_the_address_are_sent(address: str, server: OpenSearchServer) -> None:
    OpenSearchStore(opensearch_client(address.replace("//", "//ann:p%40ss@"))).find(COLLECTION, "d")
    assert server.headers[-1]["authorization"] == "Basic YW5uOnBAc3M="
