"""What callers send."""

from __future__ import annotations

from typing import List, Optional

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Annotated

_ModelName = Annotated[str, Field(min_length=1, max_length=256)]
_RepositoryType = Annotated[Optional[str], Field(alias="repositoryType")]


class _Request(BaseModel):
    # A field named model_… is nothing of pydantic's here.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class EmbeddingModel(_Request):
    """The embedding model of a request.

    Attributes:
        name: its name, as the REST API lists it.
    """

    name: _ModelName = Field(alias="modelName")


class IngestionBody(_Request):
    """What to ingest.

    Attributes:
        embedding_model: what embeds the chunks.
        keys: keys of documents in the bucket.
        groups: groups whose callers may find the documents; empty for all who may use the repository.
    """

    embedding_model: EmbeddingModel = Field(alias="embeddingModel")
    keys: List[Annotated[str, Field(min_length=1)]] = Field(min_length=1, max_length=500)
    groups: List[Annotated[str, Field(min_length=1, max_length=256)]] = Field(default=[], max_length=50)


class IngestionQuery(_Request):
    """How to ingest; what is left out is as the configuration says.

    Attributes:
        repository_type: the kind of store that the caller takes the repository for.
        chunk_size: characters in a chunk.
        chunk_overlap: characters that neighbouring chunks share.
    """

    repository_type: _RepositoryType = None
    chunk_size: Optional[int] = Field(default=None, alias="chunkSize", ge=100, le=10_000)
    chunk_overlap: Optional[int] = Field(default=None, alias="chunkOverlap", ge=0, le=9_999)


class Search(_Request):
    """What to look for.

    Attributes:
        model_name: name of the embedding model.
        query: a text.
        repository_type: the kind of store that the caller takes the repository for.
        top_k: how many chunks to find at most.
    """

    model_name: _ModelName = Field(alias="modelName")
    query: str = Field(min_length=1, max_length=10_000)
    repository_type: _RepositoryType = None
    top_k: int = Field(default=3, alias="topK", ge=1, le=100)
