"""The mapping of a collection's index in OpenSearch."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from lisa_lambdas.repository.stores.contract import Collection

_METHOD = {
    "name": "hnsw",
    # Of the engines, the one that takes up to 16,000 dimensions in every release from 2.11 on. With vectors of length
    # 1, l2 orders as the cosine does, and its score is the same in every release, which that of cosinesimil is not.
    "engine": "faiss",
    "space_type": "l2",
}
_FIELDS = {
    "kind": {"type": "keyword"},
    "document": {"type": "keyword"},
    "revision": {"type": "keyword"},
    "source": {"type": "keyword", "index": False},
    "chunks": {"type": "integer", "index": False},
    "position": {"type": "integer", "index": False},
    "page": {"type": "integer", "index": False},
    "content": {"type": "text", "index": False},
    "groups": {"type": "keyword"},
}
GROUPS = {"groups": _FIELDS["groups"]}
"""The field that indexes of an earlier version lack."""


def index_body(collection: Collection, dimensions: int) -> Dict[str, Any]:
    """Settings and mapping of the index of a collection whose vectors have so many dimensions."""
    vectors = {"type": "knn_vector", "dimension": dimensions, "method": _METHOD}
    return {
        "settings": {"index": {"knn": True}},
        "mappings": {
            "dynamic": "strict",
            "_meta": {"repositoryId": collection.repository_id, "modelName": collection.model_name},
            "properties": {**_FIELDS, "embedding": vectors},
        },
    }


def dimensions_of(index: Mapping[str, Any]) -> Optional[int]:
    """Dimensions of the vectors of an index, from its mapping; None when it is not one of a collection."""
    embedding = index.get("mappings", {}).get("properties", {}).get("embedding", {})
    return int(embedding["dimension"]) if embedding.get("type") == "knn_vector" else None
