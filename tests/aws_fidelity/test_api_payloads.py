"""Requests and answers of the functions within the limits of API Gateway and Lambda."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.parse
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aws_fidelity import api_gateway
from aws_fidelity.api_gateway import answered
from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import TooLargeError, UnavailableError
from lisa_lambdas.repository import service as service_module
from lisa_lambdas.repository.access import RepositoryAccess
from lisa_lambdas.repository.embeddings import Embeddings
from lisa_lambdas.repository.identifiers import chunk_ids
from lisa_lambdas.repository.ingestion import MAX_CHUNKS, Ingestion, RefusedDocumentError, Splitting
from lisa_lambdas.repository.requests import Search
from lisa_lambdas.repository.stores import Collection, Stored
from lisa_lambdas.session import conversation
from lisa_lambdas.session.api import create_app
from lisa_lambdas.session.revision import Revision
from runtime.lambdas.proxy_events import CONTEXT, ORIGIN, proxy_event, refusal

REPOSITORY = Path(__file__).parents[2]
LARGEST_ASSET = 10 * 1024 * 1024
PYTHON = sys.version_info[:2]


def test_files_of_web_application_are_within_payload() -> None:
    files = [path for path in (REPOSITORY / "runtime/web/dist").rglob("*") if path.is_file()]
    assert files
    assert max(path.stat().st_size for path in files) < api_gateway.PAYLOAD_BYTES


class Table:
    """A table of sessions that keeps them in memory, as much as they may be."""

    def __init__(self) -> None:
        self.packed: dict[str, bytes] = {}
        self.version = 0

    def find(self, user: str, session_id: str) -> Any:  # noqa: ARG002
        packed = self.packed.get(session_id)
        summary = conversation.Summary(session_id, "t" * 27, "t" * 27, "title")
        return (
            SimpleNamespace(summary=summary, revision=Revision(self.version, 0, None), packed=packed)
            if packed
            else None
        )

    def keep(self, user: str, session_id: str, *, packed: bytes, **others: Any) -> Any:  # noqa: ARG002
        self.packed[session_id] = packed
        self.version += 1
        return conversation.Summary(session_id, "t" * 27, "t" * 27, "title")


# As long as an event of Lambda may be, of what compresses well: prose that repeats, quotation marks, Chinese, emoji.
@pytest.mark.parametrize("text", ["lorem ipsum ", 'say "so" ', "漢字", "🚢⚓"])
def test_session_that_is_kept_can_be_read(text: str) -> None:
    """It grows by a few messages at a time, each within Lambda's limit, until it is refused."""
    table: Any = Table()
    app = create_app(table, web_origin=ORIGIN)
    part = [{"type": "human", "content": text * (1_000_000 // len(json.dumps(text)))}]
    for count in range(40):
        body = {"messages": part, "version": table.version, "offset": count} if count else {"messages": part}
        answer = app.resolve(proxy_event("PUT", "/session/one", body=body), CONTEXT)
        read = app.resolve(proxy_event("GET", "/session/one"), CONTEXT)
        assert answered(read, PYTHON) == 200
        if answer["statusCode"] != 200:
            break
        stale = app.resolve(proxy_event("PUT", "/session/one", body={"messages": []}), CONTEXT)
        assert answered(stale, PYTHON) == 409
    assert refusal(answer) == (413, "TooLarge")
    assert count >= 1


def test_list_of_sessions_is_within_limit() -> None:
    summary = conversation.Summary("s" * 64, "t" * 27, "t" * 27, "🚢" * 100)
    body = json.dumps({"sessions": [summary.as_json()] * 100, "nextCursor": "c" * 256}, ensure_ascii=False)
    assert answered({"statusCode": 200, "body": body}, (3, 8)) == 200


def test_largest_answer_of_ingestion_is_within_limit() -> None:
    ids = chunk_ids("d" * 32, "r" * 16, MAX_CHUNKS)
    documents = [{"documentId": "d" * 32, "key": "é" * 512, "chunks": 100, "changed": True}] * 500
    body = json.dumps(
        {"ids": ids, "count": len(ids), "documents": documents}, separators=(",", ":"), ensure_ascii=False
    )
    assert answered({"statusCode": 200, "body": body}, (3, 8)) == 200


def test_documents_that_are_there_already_count_as_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their ids are in the answer as well."""
    monkeypatch.setattr("lisa_lambdas.repository.ingestion.identifiers.revision", lambda *_: "r")
    bucket: Any = SimpleNamespace(
        source=lambda key: f"s3://b/{key}", fetch=lambda _: nullcontext(SimpleNamespace(file=None, digest="d"))
    )
    store: Any = SimpleNamespace(find=lambda *_: Stored("r", 30_000))
    ingestion = Ingestion(
        bucket=bucket,
        store=store,
        collection=Collection("docs", "m"),
        splitting=Splitting(512, 51),
        embed=lambda _: [],
        time_left=lambda: 900_000,
    )
    assert ingestion.ingest("a.txt", MAX_CHUNKS).chunks == 30_000
    with pytest.raises(RefusedDocumentError) as raised:
        ingestion.ingest("b.txt", MAX_CHUNKS - 30_000)
    assert isinstance(raised.value.reason, TooLargeError)


def test_search_gives_up_before_api_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that accepts connections and never answers, as one that is starting: 503 with a reason, not 504."""
    assert service_module._SEARCH_EMBEDDING_SECONDS <= api_gateway.INTEGRATION_SECONDS - 9
    monkeypatch.setattr(service_module, "_SEARCH_EMBEDDING_SECONDS", 0.5)
    registry: Any = SimpleNamespace(find=lambda _: SimpleNamespace(id="docs", type="pgvector"), store=lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service = service_module.RepositoryService(
            registry=registry,
            bucket=cast("Any", None),
            embeddings=Embeddings(lambda: f"http://127.0.0.1:{silent.getsockname()[1]}/"),
            splitting=Splitting(512, 51),
            access=RepositoryAccess(cast("Any", None), ""),
        )
        begin = time.monotonic()
        with pytest.raises(UnavailableError):
            service.search(
                Caller("u-1", "ann", is_admin=False), "docs", Search(modelName="m", query="q"), authorization="Bearer t"
            )
        assert time.monotonic() - begin < 10


SEARCH = "/repository/{repositoryId}/similaritySearch"
SEARCH_HEADERS = {"Authorization": f"Bearer {'t' * 4000}", "Content-Type": "application/json", "Origin": ORIGIN}


@pytest.mark.parametrize(
    ("query", "accepted"), [("x" * 2_000, True), ("x" * 10_000, False), ("ü" * 2_000, False), ("漢" * 1_000, False)]
)
def test_query_of_search_with_get_shares_the_request_line_with_the_token(query: str, accepted: bool) -> None:
    """What docs/rag.md states: API Gateway rejects a long question before the function sees it."""
    asked = urllib.parse.urlencode({"modelName": "m" * 64, "query": query, "topK": "3"})
    line = f"/prod{SEARCH.format(repositoryId='docs')}?{asked}"
    assert api_gateway.accepts_request("GET", line, SEARCH_HEADERS) is accepted


@pytest.mark.parametrize("character", ["x", "ü", "漢", "🚢", "\0"])
def test_longest_query_of_search_with_post_is_accepted(character: str) -> None:
    """With the longest path, and the longest body that the function accepts, each character escaped."""
    query = character * 10_000
    body = {"modelName": "m" * 256, "query": query, "repositoryType": "opensearch", "topK": 100}
    assert Search.model_validate(body).query == query
    assert len(json.dumps(body)) <= api_gateway.PAYLOAD_BYTES
    path = f"/{'S' * 128}{SEARCH.format(repositoryId='r' * 63)}"
    assert api_gateway.accepts_request("POST", path, SEARCH_HEADERS)
    event = proxy_event("POST", path, body=body, headers=SEARCH_HEADERS)
    assert len(json.dumps(event)) <= api_gateway.LAMBDA_PAYLOAD_BYTES
