"""OpenSearch: an index for each collection, in which a document's record says which of its chunks count.

OpenSearch has no transactions, but it writes one record whole. So the chunks of a new revision are written first, where
no search takes them, and then the document's record, which names its revision. A search leaves out chunks whose
revision is not the one in their document's record. What a failure leaves behind is never found, and goes when the
document is indexed again or purged.
"""

from __future__ import annotations

import logging
import math
from itertools import chain
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConflictError, NotFoundError, RequestError
from opensearchpy.helpers import streaming_bulk

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.identifiers import chunk_id, collection_name, repository_prefix
from lisa_lambdas.repository.stores.contract import Chunk, Collection, Document, Hit, Stored
from lisa_lambdas.repository.stores.dimensions import must_fit
from lisa_lambdas.repository.stores.failures import answering, of_all_shards, refusal_of_chunks
from lisa_lambdas.repository.stores.mapping import GROUPS, dimensions_of, index_body
from lisa_lambdas.repository.stores.queries import chunks_of, found_by
from lisa_lambdas.repository.stores.transport import ATTEMPTS, FIRST_WAIT_SECONDS

_log = logging.getLogger(__name__)

_CANDIDATES, _MOST_CANDIDATES = 100, 1000
# Searches of one call. Each leaves out what the ones before found to be left over.
_ROUNDS = 50
# Collections of a repository, one for each embedding model: as many as a search returns.
_MOST_COLLECTIONS = 10_000
# Amazon OpenSearch Service takes 10 MiB in a request to its smaller instances ("Network quotas").
_REQUEST_BYTES = 8 * 1024 * 1024
_DELETING_ATTEMPTS = 3


class OpenSearchStore:
    """A domain.

    Args:
        client: client of the domain.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def find(self, collection: Collection, document_id: str) -> Optional[Stored]:
        """See Store."""
        with answering():
            record = self._record(_index(collection), document_id)
        return Stored(record["_source"]["revision"], record["_source"]["chunks"]) if record else None

    def replace(self, collection: Collection, document: Document, batches: Iterable[Sequence[Chunk]]) -> int:
        """See Store. Of two that index different revisions of a document, the second is refused."""
        index = _index(collection)
        remaining = iter(batches)
        first = next(remaining)
        with answering():
            dimensions = self._dimensions(index) or self._make_index(index, collection, len(first[0].vector))
            if document.groups:
                # An index of an earlier version has no such field, and takes none that its mapping lacks.
                self._client.indices.put_mapping(index=index, body={"properties": GROUPS})
            before = self._record(index, document.id)
            count = 0
            for batch in chain([first], remaining):
                for chunk in batch:
                    must_fit(collection, chunk.vector, dimensions)
                self._write(index, document, batch)
                count += len(batch)
            self._commit(index, document, count, before)
            if before and before["_source"]["revision"] != document.revision:
                self._delete(index, document.id, before["_source"]["revision"])
        return count

    def search(
        self, collection: Collection, vector: Sequence[float], limit: int, groups: Sequence[str] = ()
    ) -> List[Hit]:
        """See Store. The k-NN query has the filter and applies it while it searches ("Efficient k-NN filtering")."""
        index = _index(collection)
        with answering():
            dimensions = self._dimensions(index)
            if dimensions is None:
                return []
            must_fit(collection, vector, dimensions)
            asked = min(max(_CANDIDATES, 2 * limit), _MOST_CANDIDATES)
            stale: Set[Tuple[str, str]] = set()
            found: List[Hit] = []
            for _ in range(_ROUNDS):
                candidates = self._nearest(index, vector, asked, found_by(groups, stale))
                records = self._records(index, {hit["_source"]["document"] for hit in candidates})
                found = [_hit(hit, records[hit["_source"]["document"]]) for hit in candidates if _counts(hit, records)]
                if len(found) >= limit or len(candidates) < asked:
                    break
                stale |= {_revision_of(hit) for hit in candidates if not _counts(hit, records)}
                asked = min(4 * asked, _MOST_CANDIDATES)
            else:
                _log.warning(
                    "a search of %s found %d of %d chunks: too many failed ingestions", index, len(found), limit
                )
            return sorted(found, key=_order)[:limit]

    def source(self, repository_id: str, document_id: str) -> Optional[str]:
        """See Store."""
        with answering():
            hits = self._documents(repository_id, document_id)
        return str(hits[0]["_source"]["source"]) if hits else None

    def purge(self, repository_id: str, document_id: str) -> int:
        """See Store. The records go first: without them no search takes the chunks."""
        with answering():
            hits = self._documents(repository_id, document_id)
            for hit in hits:
                self._client.delete(index=hit["_index"], id=document_id, refresh="true", ignore=(404,))
            return sum(self._delete(hit["_index"], document_id) for hit in hits)

    def _documents(self, repository_id: str, document_id: str) -> List[Any]:
        """The records of a document in all collections of a repository."""
        pattern = f"{repository_prefix(repository_id, '-')}-*"
        query = {"bool": {"filter": [{"term": {"kind": "document"}}, {"term": {"document": document_id}}]}}
        answer = self._client.search(
            index=pattern,
            body={"query": query, "size": _MOST_COLLECTIONS},
            allow_no_indices="true",
            allow_partial_search_results="false",
            ignore_unavailable="true",
        )
        return list(answer["hits"]["hits"])

    def _record(self, index: str, document_id: str) -> Optional[Mapping[str, Any]]:
        try:
            found: Mapping[str, Any] = self._client.get(index=index, id=document_id)
        except NotFoundError:
            return None
        return found

    def _records(self, index: str, document_ids: Set[str]) -> Dict[str, Mapping[str, Any]]:
        if not document_ids:
            return {}
        answer = self._client.mget(index=index, body={"ids": sorted(document_ids)})
        if any("error" in found for found in answer["docs"]):
            raise UnavailableError("OpenSearch does not respond; try again later.")
        return {found["_id"]: found["_source"] for found in answer["docs"] if found.get("found")}

    def _dimensions(self, index: str) -> Optional[int]:
        try:
            answer = self._client.indices.get_mapping(index=index)
        except NotFoundError:
            return None
        found = dimensions_of(answer.get(index, {}))
        if found is None:
            # A write to an index that was deleted a moment before makes it again, with a mapping that is guessed.
            raise UnavailableError(
                f"The OpenSearch index {index} was not made by LISA. Ask an administrator to delete it; then ingest "
                "its documents again."
            )
        return found

    def _make_index(self, index: str, collection: Collection, dimensions: int) -> int:
        """Make the index; returns its dimension, which another function may have decided a moment ago."""
        try:
            self._client.indices.create(index=index, body=index_body(collection, dimensions))
        except RequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
        return self._dimensions(index) or dimensions

    def _write(self, index: str, document: Document, batch: Sequence[Chunk]) -> None:
        actions = (
            {
                "_op_type": "index",
                "_id": chunk_id(document.id, document.revision, chunk.position),
                "kind": "chunk",
                "document": document.id,
                "revision": document.revision,
                "position": chunk.position,
                "content": chunk.text,
                "embedding": _unit(chunk.vector),
                **({} if chunk.page is None else {"page": chunk.page}),
                **({"groups": list(document.groups)} if document.groups else {}),
            }
            for chunk in batch
        )
        # Of a bulk request, OpenSearch may refuse parts, because their shard has too much to do.
        patience: Dict[str, Any] = {"max_retries": ATTEMPTS - 1, "initial_backoff": FIRST_WAIT_SECONDS}
        stored = streaming_bulk(
            self._client, actions, index=index, max_chunk_bytes=_REQUEST_BYTES, raise_on_error=False, **patience
        )
        for is_stored, item in stored:
            if not is_stored:
                refused = item["index"]
                raise refusal_of_chunks(refused.get("status"), refused.get("error", {}).get("type", ""))

    def _commit(self, index: str, document: Document, count: int, before: Optional[Mapping[str, Any]]) -> None:
        """Let searches see the new chunks: all are there, and the document's record is as it was at the beginning."""
        self._client.indices.refresh(index=index)
        written = self._client.count(index=index, body={"query": chunks_of(document.id, document.revision)})
        if of_all_shards(written)["count"] != count:
            raise UnavailableError("Another request changed the document at the same time; try again.")
        unchanged: Dict[str, Any] = (
            {"if_seq_no": before["_seq_no"], "if_primary_term": before["_primary_term"]}
            if before
            else {"op_type": "create"}
        )
        body = {
            "kind": "document",
            "document": document.id,
            "revision": document.revision,
            "source": document.source,
            "chunks": count,
        }
        try:
            self._client.index(index=index, id=document.id, body=body, refresh="true", **unchanged)
        except ConflictError:
            now = self._record(index, document.id)
            if now is None or now["_source"]["revision"] != document.revision:
                raise UnavailableError("Another request changed the document at the same time; try again.") from None

    def _delete(self, index: str, document_id: str, revision: Optional[str] = None) -> int:
        """Delete the chunks of a document, or those of one of its revisions; returns how many they were."""
        deleted = 0
        for _ in range(_DELETING_ATTEMPTS):
            answer = self._client.delete_by_query(
                index=index,
                body={"query": chunks_of(document_id, revision)},
                conflicts="proceed",
                refresh="true",
            )
            deleted += int(answer["deleted"])
            if not answer["version_conflicts"] and not answer["failures"]:
                return deleted
        raise UnavailableError("OpenSearch did not delete all chunks; try again.")

    def _nearest(self, index: str, vector: Sequence[float], count: int, only: Mapping[str, Any]) -> List[Any]:
        nearest = {"vector": _unit(vector), "k": count, "filter": only}
        body = {
            "size": count,
            "query": {"knn": {"embedding": nearest}},
            "_source": {"excludes": ["embedding"]},
        }
        answer = self._client.search(index=index, body=body, allow_partial_search_results="false")
        return list(answer["hits"]["hits"])


def _index(collection: Collection) -> str:
    return collection_name(collection.repository_id, collection.model_name, "-")


def _revision_of(hit: Mapping[str, Any]) -> Tuple[str, str]:
    return hit["_source"]["document"], hit["_source"]["revision"]


def _counts(hit: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a chunk is of the revision that its document's record names."""
    record = records.get(hit["_source"]["document"])
    return record is not None and record["revision"] == hit["_source"]["revision"]


def _hit(hit: Mapping[str, Any], record: Mapping[str, Any]) -> Hit:
    found = hit["_source"]
    return Hit(
        document_id=found["document"],
        source=record["source"],
        position=found["position"],
        text=found["content"],
        page=found.get("page"),
        score=_cosine(hit["_score"]),
    )


def _order(hit: Hit) -> Tuple[float, str, int]:
    """Best first; OpenSearch returns chunks of one score in any order."""
    return -hit.score, hit.document_id, hit.position


def _unit(vector: Sequence[float]) -> List[float]:
    length = math.hypot(*vector)
    return [number / length for number in vector]


def _cosine(score: float) -> float:
    """The cosine of two vectors of length 1: their squared distance d is 2 - 2 cos, and the score is 1 / (1 + d)."""
    return 1 - (1 / score - 1) / 2
