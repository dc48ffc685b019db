"""OpenSearch's wire format, as far as the store speaks it, for machines without OpenSearch, and for failures.

It follows the documentation of OpenSearch 2.11 (REST API reference: index, bulk, get, mget, search, count, delete by
query, refresh; k-NN: approximate search, spaces): searches, counts and deletions by query see what was there at the
last refresh, single documents are read as they are, mappings are strict, writes with if_seq_no or op_type=create are
refused when the document has changed, and the score of space l2 is 1 / (1 + d) with d the squared distance. Neighbours
are exact.
"""

from __future__ import annotations

import copy
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from runtime.lambdas.repository.http_server import Answer, Request

_REFRESH = "true"


class _Index:
    def __init__(self, body: Mapping[str, Any]) -> None:
        self.mappings = body["mappings"]
        self.documents: dict[str, dict[str, Any]] = {}
        self.searchable: dict[str, dict[str, Any]] = {}
        self.next_number = 0

    def put(self, identifier: str, source: Mapping[str, Any]) -> None:
        unknown = set(source) - set(self.mappings["properties"])
        if unknown:
            raise _RefusedError(400, "strict_dynamic_mapping_exception")
        embedding = self.mappings["properties"]["embedding"]
        if "embedding" in source and len(source["embedding"]) != embedding["dimension"]:
            raise _RefusedError(400, "mapper_parsing_exception")
        self.documents[identifier] = {"_source": source, "_seq_no": self.next_number, "_primary_term": 1}
        self.next_number += 1

    def refresh(self) -> None:
        self.searchable = copy.deepcopy(self.documents)


class _RefusedError(Exception):
    def __init__(self, status: int, kind: str) -> None:
        super().__init__(kind)
        self.status, self.kind = status, kind


class OpenSearchServer:
    """A domain in memory.

    Attributes:
        requests: method and path of each request.
        fail_bulk_after: bulk requests are refused once so many were taken; None for never.
        busy: how many requests to answer with 429 before.
        busy_chunks: how many chunks to refuse with 429 before, in answers to bulk requests.

    Args:
        refreshes_itself: whether searches see every write at once, as they may when the second between two refreshes
            is over; else only what a refresh was asked for.
    """

    def __init__(self, *, refreshes_itself: bool = False) -> None:
        self._refreshes_itself = refreshes_itself
        self._indices: dict[str, _Index] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.fail_bulk_after: int | None = None
        self.busy = 0
        self.busy_chunks = 0

    def chunks(self) -> int:
        """Chunks in all indices, found by searches or not."""
        documents = [each for index in self._indices.values() for each in index.documents.values()]
        return sum(each["_source"]["kind"] == "chunk" for each in documents)

    def __call__(self, request: Request) -> Answer:
        self.requests.append((request.method, request.path))
        self.headers.append(request.headers)
        if self.busy:
            self.busy -= 1
            return Answer(429, b'{"error": {"type": "rejected_execution_exception"}, "status": 429}')
        try:
            content = json.dumps(self._answer(request)).encode()
            if self._refreshes_itself:
                for index in self._indices.values():
                    index.refresh()
            return Answer(200, content)
        except _RefusedError as refused:
            problem = {"error": {"type": refused.kind, "reason": refused.kind}, "status": refused.status}
            return Answer(refused.status, json.dumps(problem).encode())

    def _answer(self, request: Request) -> Any:  # noqa: PLR0911  (one for each endpoint)
        names, _, action = request.path.strip("/").partition("/")
        if not action:
            return self._create(names, json.loads(request.body))
        if action.startswith(("_doc/", "_create/")):
            return self._document(request, self._index(names), action.partition("/")[2], action.startswith("_create/"))
        if action == "_bulk":
            return self._bulk(self._index(names), request.body)
        if action == "_mapping":
            if request.method == "PUT":
                self._index(names).mappings["properties"].update(json.loads(request.body)["properties"])
            return {names: {"mappings": self._index(names).mappings}}
        if action == "_refresh":
            self._index(names).refresh()
            return {"_shards": {"failed": 0}}
        body = json.loads(request.body)
        if action == "_mget":
            documents = self._index(names).documents
            return {"docs": [_got(identifier, documents.get(identifier)) for identifier in body["ids"]]}
        if action == "_count":
            found = list(_matching(self._index(names), body["query"]))
            return {"count": len(found), "_shards": {"total": 1, "successful": 1, "failed": 0}}
        if action == "_delete_by_query":
            return self._delete_by_query(self._index(names), body, request.query)
        if action == "_search":
            return {"hits": {"hits": self._search(names, body, request.query)}}
        raise _RefusedError(400, "illegal_argument_exception")

    def _index(self, name: str) -> _Index:
        if name not in self._indices:
            raise _RefusedError(404, "index_not_found_exception")
        return self._indices[name]

    def _create(self, name: str, body: Mapping[str, Any]) -> Any:
        if name in self._indices:
            raise _RefusedError(400, "resource_already_exists_exception")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or body["settings"] != {"index": {"knn": True}}:
            raise _RefusedError(400, "invalid_index_name_exception")
        self._indices[name] = _Index(body)
        return {"acknowledged": True, "index": name}

    def _document(self, request: Request, index: _Index, identifier: str, create: bool) -> Any:
        found = index.documents.get(identifier)
        if request.method == "GET":
            if found is None:
                raise _RefusedError(404, "not_found")
            return _got(identifier, found)
        if request.method == "DELETE":
            if index.documents.pop(identifier, None) is None:
                raise _RefusedError(404, "not_found")
        else:
            expected = request.query.get("if_seq_no")
            creates = create or request.query.get("op_type") == "create"
            if (creates and found) or (expected and (not found or str(found["_seq_no"]) != expected)):
                raise _RefusedError(409, "version_conflict_engine_exception")
            index.put(identifier, json.loads(request.body))
        if request.query.get("refresh") == _REFRESH:
            index.refresh()
        return {"_id": identifier}

    def _bulk(self, index: _Index, body: bytes) -> Any:
        lines = [json.loads(line) for line in body.splitlines()]
        failed = self.fail_bulk_after == 0
        if self.fail_bulk_after:
            self.fail_bulk_after -= 1
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            refused = failed or self.busy_chunks > 0
            if refused:
                self.busy_chunks = max(self.busy_chunks - 1, 0)
            else:
                index.put(action["index"]["_id"], source)
            items.append({"index": {"_id": action["index"]["_id"], "status": 429 if refused else 201}})
        return {"errors": any(item["index"]["status"] == 429 for item in items), "items": items}

    @staticmethod
    def _delete_by_query(index: _Index, body: Mapping[str, Any], query: Mapping[str, str]) -> Any:
        found = [identifier for identifier, _ in _matching(index, body["query"])]
        for identifier in found:
            index.documents.pop(identifier, None)
        if query.get("refresh") == _REFRESH:
            index.refresh()
        return {"deleted": len(found), "version_conflicts": 0, "failures": []}

    def _search(self, names: str, body: Mapping[str, Any], query: Mapping[str, str]) -> list[Any]:
        indices = {name: each for name, each in self._indices.items() if fnmatch.fnmatch(name, names)}
        if not indices and query.get("allow_no_indices") != "true":
            raise _RefusedError(404, "index_not_found_exception")
        hits = [
            {"_index": name, "_id": identifier, "_score": score, "_source": source}
            for name, index in indices.items()
            for identifier, source, score in _scored(index, body["query"])
        ]
        hits.sort(key=lambda hit: (-hit["_score"], hit["_id"]))
        without = body.get("_source", {}).get("excludes", [])
        for hit in hits:
            hit["_source"] = {name: value for name, value in hit["_source"].items() if name not in without}
        return hits[: min(body["size"], body["query"].get("knn", {}).get("embedding", {}).get("k", body["size"]))]


def _got(identifier: str, found: Mapping[str, Any] | None) -> Any:
    return {"_id": identifier, "found": found is not None, **(found or {})}


def _matching(index: _Index, query: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for identifier, document in index.searchable.items():
        if _matches(document["_source"], query):
            yield identifier, document["_source"]


def _matches(source: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a document matches a query (Query DSL: bool, term, terms, exists)."""
    ((kind, content),) = query.items()
    if kind == "bool":
        should = content.get("should", [])
        return (
            all(_matches(source, each) for each in content.get("filter", []))
            and not any(_matches(source, each) for each in content.get("must_not", []))
            and sum(_matches(source, each) for each in should) >= content.get("minimum_should_match", bool(should))
        )
    if kind == "exists":
        return source.get(content["field"]) not in (None, [])
    ((field, wanted),) = content.items()
    values = source.get(field)
    values = values if isinstance(values, list) else [values]
    return any(value in values for value in (wanted if kind == "terms" else [wanted]))


def _scored(index: _Index, query: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any], float]]:
    if "bool" in query:
        yield from ((identifier, source, 0.0) for identifier, source in _matching(index, query))
        return
    wanted = query["knn"]["embedding"]["vector"]
    only = query["knn"]["embedding"].get("filter")
    for identifier, document in index.searchable.items():
        vector = document["_source"].get("embedding")
        if vector is not None and (only is None or _matches(document["_source"], only)):
            distance = sum((one - other) ** 2 for one, other in zip(wanted, vector, strict=True))
            yield identifier, document["_source"], 1 / (1 + distance)
