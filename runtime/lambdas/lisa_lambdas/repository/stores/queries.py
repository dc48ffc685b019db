"""Queries for documents and chunks in OpenSearch (Query DSL)."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Set, Tuple


def chunks_of(document_id: str, revision: Optional[str]) -> Mapping[str, Any]:
    """The chunks of a document, or those of one of its revisions."""
    terms = [("kind", "chunk"), ("document", document_id), *([("revision", revision)] if revision else [])]
    return {"bool": {"filter": [{"term": {field: value}} for field, value in terms]}}


def found_by(groups: Sequence[str], stale: Set[Tuple[str, str]]) -> Mapping[str, Any]:
    """Chunks for all callers, and for these groups; none of these revisions of documents."""
    alternatives = [
        {"bool": {"must_not": [{"exists": {"field": "groups"}}]}},
        {"terms": {"groups": list(groups)}},
    ]
    left_out = [chunks_of(document_id, revision) for document_id, revision in sorted(stale)]
    return {"bool": {"should": alternatives, "minimum_should_match": 1, "must_not": left_out}}
