"""The OpenSearch store in a real server: what its stand-in cannot show, and how the server fails.

With the engine of the mapping, faiss, the server compares all vectors (opensearch/server.py says why); with lucene it
searches by a graph, as a domain does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.stores import Chunk, Collection, Document, Stored, mapping
from lisa_lambdas.repository.stores.opening import opensearch_client
from lisa_lambdas.repository.stores.opensearch import OpenSearchStore
from opensearch.server import SearchServer

pytestmark = pytest.mark.xdist_group("opensearch")

COLLECTION = Collection("docs", "model")
DOCUMENT = Document("d", "s3://documents/ann/a.txt", "first")
EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
_SECONDS_TO_RECOVER = 60


@pytest.fixture
def domain(search_domain: SearchServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchServer]:
    monkeypatch.setattr("lisa_lambdas.repository.stores.opensearch.FIRST_WAIT_SECONDS", 0)
    search_domain.forget()
    yield search_domain
    search_domain.forget()


@pytest.fixture
def store(domain: SearchServer) -> OpenSearchStore:
    return OpenSearchStore(opensearch_client(domain.url, sleep=lambda _: None))


def chunks(count: int, text: str = "chunk", vector: tuple[float, ...] = EAST) -> list[list[Chunk]]:
    return [[Chunk(position, f"{text} {position}", vector) for position in range(count)]]


def texts(store: OpenSearchStore, *groups: str, limit: int = 3) -> list[str]:
    return [hit.text for hit in store.search(COLLECTION, EAST, limit, groups)]


def index_of(domain: SearchServer) -> str:
    (name,) = domain.ask("GET", "/lisa-rag-*")
    return str(name)


def test_the_server_takes_the_mapping_as_it_is_written(store: OpenSearchStore, domain: SearchServer) -> None:
    store.replace(COLLECTION, DOCUMENT, chunks(1))
    made = domain.ask("GET", "/lisa-rag-*")[index_of(domain)]
    written = mapping.index_body(COLLECTION, 2)["mappings"]
    method = made["mappings"]["properties"]["embedding"]["method"]
    # The server adds what the method does not say.
    del method["parameters"]
    assert made["mappings"] == {**written, "dynamic": "strict"}
    assert method["engine"] == "faiss"
    assert made["settings"]["index"]["knn"] == "true"


@pytest.fixture(params=["faiss", "lucene"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have indexes made with an engine."""
    monkeypatch.setitem(mapping._METHOD, "engine", request.param)
    return str(request.param)


def test_groups_are_a_filter_inside_the_search(store: OpenSearchStore, domain: SearchServer, engine: str) -> None:
    """The nearest are all of another group: a filter that was applied to them would leave nothing."""
    hidden = [[Chunk(position, "hidden", (1.0, position / 1e6)) for position in range(400)]]
    own = [[Chunk(position, f"own {position}", (1.0, 1.0 + position / 10)) for position in range(400)]]
    store.replace(COLLECTION, replace(DOCUMENT, id="hidden", groups=("board",)), hidden)
    store.replace(COLLECTION, replace(DOCUMENT, id="own", groups=("science",)), own)

    nearest = {"knn": {"embedding": {"vector": EAST, "k": 100}}}
    afterwards = {"size": 100, "query": nearest, "post_filter": {"term": {"groups": "science"}}}
    assert domain.ask("POST", f"/{index_of(domain)}/_search", afterwards)["hits"]["hits"] == []
    assert texts(store, "science", limit=100) == [f"own {position}" for position in range(100)]
    assert texts(store, "board", limit=100) == ["hidden"] * 100
    assert texts(store) == []


def test_a_document_changes_its_groups(store: OpenSearchStore) -> None:
    for revision, groups in (("board", ("board",)), ("both", ("board", "science")), ("all", ()), ("law", ("law",))):
        store.replace(COLLECTION, replace(DOCUMENT, revision=revision, groups=groups), chunks(2, revision))
        for asked in ("board", "science", "law"):
            expected = [f"{revision} 0", f"{revision} 1"] if asked in groups or not groups else []
            assert texts(store, asked) == expected, (revision, asked)


def test_what_is_written_is_found_and_what_is_purged_is_not_before_the_domain_refreshes(
    store: OpenSearchStore, domain: SearchServer
) -> None:
    store.replace(COLLECTION, DOCUMENT, chunks(1))
    domain.ask("PUT", f"/{index_of(domain)}/_settings", {"index": {"refresh_interval": "-1"}})
    store.replace(COLLECTION, replace(DOCUMENT, revision="second"), chunks(2, "new"))
    assert texts(store) == ["new 0", "new 1"]
    assert store.source("docs", "d") == DOCUMENT.source
    assert store.purge("docs", "d") == 2
    assert texts(store) == []
    assert store.source("docs", "d") is None


def test_an_index_of_an_earlier_version_gets_groups(
    store: OpenSearchStore, domain: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.delitem(mapping._FIELDS, "groups")
        store.replace(COLLECTION, DOCUMENT, chunks(1, "old"))
    assert "groups" not in domain.ask("GET", "/lisa-rag-*")[index_of(domain)]["mappings"]["properties"]
    assert texts(store, "law") == ["old 0"]
    store.replace(COLLECTION, Document("e", "s3://documents/ann/b.txt", "first", ("law",)), chunks(1, "new"))
    assert texts(store) == ["old 0"]
    assert sorted(texts(store, "law")) == ["new 0", "old 0"]


def test_two_that_make_the_index_at_once_agree(domain: SearchServer) -> None:
    def index(name: str) -> None:
        OpenSearchStore(opensearch_client(domain.url)).replace(COLLECTION, replace(DOCUMENT, id=name), chunks(3, name))

    threads = [threading.Thread(target=index, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = OpenSearchStore(opensearch_client(domain.url))
    assert sorted(texts(store, limit=100)) == sorted(f"{one} {other}" for one in range(4) for other in range(3))


def test_an_index_that_goes_while_it_is_written_is_not_taken_for_one_of_ours(
    store: OpenSearchStore, domain: SearchServer
) -> None:
    """OpenSearch makes an index for what is written to one that is not there, with a mapping that it guesses."""

    def batches() -> Iterator[list[Chunk]]:
        yield from chunks(1)
        domain.forget()
        yield [Chunk(1, "chunk 1", EAST)]

    with pytest.raises(UnavailableError):
        store.replace(COLLECTION, DOCUMENT, batches())
    for ask in (lambda: texts(store), lambda: store.replace(COLLECTION, DOCUMENT, chunks(1))):
        with pytest.raises(UnavailableError, match=r"lisa-rag-\S+ was not made by LISA\. .* delete it"):
            ask()
    domain.forget()
    assert store.replace(COLLECTION, DOCUMENT, chunks(1)) == 1


def test_leftovers_of_many_failures_do_not_hide_what_is_whole(
    store: OpenSearchStore, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Iterator[list[Chunk]]:
        yield from chunks(120, "leftover")
        raise RuntimeError

    monkeypatch.setattr("lisa_lambdas.repository.stores.opensearch._MOST_CANDIDATES", 100)
    store.replace(COLLECTION, DOCUMENT, chunks(3, "whole", NORTH))
    for name in ("e", "f", "g"):
        with pytest.raises(RuntimeError):
            store.replace(COLLECTION, replace(DOCUMENT, id=name), failing())
    assert texts(store) == ["whole 0", "whole 1", "whole 2"]


def test_a_busy_domain_is_asked_again_after_a_wait(domain: SearchServer) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        limit(None)

    def limit(size: str | None) -> None:
        """How many bytes of requests the server has at once: it answers 429 to more."""
        domain.ask("PUT", "/_cluster/settings", {"transient": {"network.breaker.inflight_requests.limit": size}})

    store = OpenSearchStore(opensearch_client(domain.url, sleep=wait))
    store.replace(COLLECTION, DOCUMENT, chunks(1))
    limit("5kb")
    store.replace(COLLECTION, replace(DOCUMENT, revision="second"), chunks(100, "new"))
    assert waits == [0.5]
    assert len(texts(store, limit=100)) == 100

    patient = OpenSearchStore(opensearch_client(domain.url, sleep=waits.append))
    limit("1kb")
    try:
        with pytest.raises(UnavailableError, match="does not respond; try again later"):
            patient.search(COLLECTION, EAST, 3, ["group" * 1000])
    finally:
        limit(None)
    assert waits[1:] == [0.5, 1.0, 2.0]


def test_a_full_disk_is_named(store: OpenSearchStore, domain: SearchServer) -> None:
    """OpenSearch blocks writing to indexes when a node has less than 5% of its disk left."""
    store.replace(COLLECTION, DOCUMENT, chunks(1))
    domain.ask("PUT", f"/{index_of(domain)}/_settings", {"index.blocks.read_only_allow_delete": True})
    with pytest.raises(UnavailableError, match=r"read-only\. Ask an administrator to enlarge"):
        store.replace(COLLECTION, replace(DOCUMENT, revision="second"), chunks(1, "new"))
    # Of deletions, the block lets those of whole indexes through.
    with pytest.raises(UnavailableError, match="read-only"):
        store.purge("docs", "d")
    assert texts(store) == ["chunk 0"]
    domain.ask("PUT", f"/{index_of(domain)}/_settings", {"index.blocks.read_only_allow_delete": None})
    assert store.purge("docs", "d") == 1


def test_documents_outlive_a_restart_and_an_answer_of_some_shards_is_none(
    store: OpenSearchStore, domain: SearchServer
) -> None:
    """With a shard lost, a search of the others would miss documents, and a purge would leave some."""
    whole, torn = COLLECTION, Collection("cases", "model")
    names = [f"d{number}" for number in range(8)]
    for name in names:
        store.replace(torn, replace(DOCUMENT, id=name), chunks(1))
    torn_index = index_of(domain)
    store.replace(whole, DOCUMENT, chunks(3))
    domain.stop()
    try:
        with pytest.raises(UnavailableError, match="does not respond"):
            texts(store)
        with pytest.raises(UnavailableError, match="does not respond"):
            store.replace(whole, replace(DOCUMENT, revision="second"), chunks(1))
        domain.lose_shard(torn_index)
    finally:
        domain.start()
    # It answers before its indexes are there: what is found is all or nothing.
    eventually(lambda: texts(store) == ["chunk 0", "chunk 1", "chunk 2"])
    assert store.find(whole, "d") == Stored("first", 3)

    found = domain.ask("POST", f"/{torn_index}/_search", {"query": {"term": {"kind": "document"}}})
    # Whom it asks does not learn of a failure.
    assert [found["_shards"][count] for count in ("total", "successful", "failed")] == [2, 1, 0]
    assert 0 < len(found["hits"]["hits"]) < len(names)
    for name in names:
        for ask in (store.source, store.purge):
            with pytest.raises(UnavailableError, match="does not respond"):
                ask("cases", name)
    with pytest.raises(UnavailableError, match="does not respond"):
        store.search(torn, EAST, 3)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; requests may fail until then."""
    deadline = time.monotonic() + _SECONDS_TO_RECOVER
    while True:
        try:
            assert holds()
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return
