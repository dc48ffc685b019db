"""What the repository function does: uploads, ingests, searches and purges documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from lisa_lambdas.errors import ApiError, BadRequestError, NotFoundError
from lisa_lambdas.repository import identifiers
from lisa_lambdas.repository.documents import must_be_readable
from lisa_lambdas.repository.ingestion import MAX_CHUNKS, Ingested, Ingestion, RefusedDocumentError, Splitting
from lisa_lambdas.repository.object_keys import ingestion_key, must_own, upload_key
from lisa_lambdas.repository.stores import Collection, Hit

if TYPE_CHECKING:
    from lisa_lambdas.caller import Caller
    from lisa_lambdas.repository.access import RepositoryAccess
    from lisa_lambdas.repository.bucket import DocumentsBucket
    from lisa_lambdas.repository.embeddings import Embeddings
    from lisa_lambdas.repository.registry import RegisteredRepository, Registry
    from lisa_lambdas.repository.requests import IngestionBody, IngestionQuery, Search

_MESSAGES_SHOWN = 10
_SEARCH_EMBEDDING_SECONDS = 20.0
"""For the embedding of a query. API Gateway answers 504 after 29 seconds, the function's start and the store's search
included."""


class RepositoryService:
    """The repositories of a deployment, which its users share, as far as `accessConfig` permits.

    Args:
        registry: the repositories.
        bucket: the documents bucket.
        embeddings: the REST API's embeddings.
        splitting: how documents are cut unless a request says otherwise.
        access: which of them a caller may use.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        bucket: DocumentsBucket,
        embeddings: Embeddings,
        splitting: Splitting,
        access: RepositoryAccess,
    ) -> None:
        self._registry = registry
        self._bucket = bucket
        self._embeddings = embeddings
        self._splitting = splitting
        self._access = access

    def repositories(self, caller: Caller) -> List[RegisteredRepository]:
        """The repositories that a caller may use, by id."""
        return [found for found in self._registry.all() if self._access.permits(caller, found.id)]

    def allow_upload(self, caller: Caller, name: str) -> Dict[str, Any]:
        """The form with which a browser uploads a file of the caller's: its `url` and `fields`.

        Raises:
            BadRequestError: the name is not one of a document.
        """
        key = upload_key(caller, name)
        must_be_readable(key)
        return self._bucket.allow_upload(key, caller.username)

    def ingest(
        self,
        caller: Caller,
        repository_id: str,
        body: IngestionBody,
        query: IngestionQuery,
        *,
        authorization: str,
        time_left: Callable[[], int],
    ) -> List[Ingested]:
        """Ingest documents one after the other; one that is refused does not keep the others from being ingested.

        Raises:
            ApiError: documents are refused: the message names each, and the others are ingested. Or nothing can be
                ingested now: documents before the one that the message names are. BadRequestError, ForbiddenError and
                NotFoundError for what is wrong with the request, before anything is ingested.
        """
        repository = self._repository(caller, repository_id, query.repository_type)
        groups = self._access.check_groups(body.groups)
        keys = [ingestion_key(caller, key) for key in dict.fromkeys(body.keys)]
        for key in keys:
            must_be_readable(key)
        model = body.embedding_model.name
        ingestion = Ingestion(
            bucket=self._bucket,
            store=self._registry.store(repository),
            collection=Collection(repository.id, model),
            splitting=self._splitting_of(query),
            groups=groups,
            embed=lambda texts: self._embeddings.embed(texts, model=model, authorization=authorization),
            time_left=time_left,
        )
        return _ingest_all(ingestion, keys)

    def search(self, caller: Caller, repository_id: str, query: Search, *, authorization: str) -> List[Hit]:
        """The chunks that are nearest to a text, best first, of documents that the caller may find.

        Raises:
            BadRequestError: the repository is of another type than the query says, or the model is not served.
            NotFoundError: there is no such repository.
        """
        repository = self._repository(caller, repository_id, query.repository_type)
        store = self._registry.store(repository)
        vector = self._embeddings.embed(
            [query.query], model=query.model_name, authorization=authorization, seconds=_SEARCH_EMBEDDING_SECONDS
        )[0]
        groups = self._access.groups_of(caller)
        return store.search(Collection(repository.id, query.model_name), vector, query.top_k, groups)

    def purge(self, caller: Caller, repository_id: str, document_id: str) -> int:
        """Delete a document from a repository, whatever models it was embedded with; its file stays in the bucket.

        Returns:
            Chunks that are deleted.

        Raises:
            ForbiddenError: another user uploaded it, and the caller is not an administrator.
            NotFoundError: there is no such repository or document.
        """
        store = self._registry.store(self._repository(caller, repository_id))
        source = store.source(repository_id, document_id) if identifiers.is_document_id(document_id) else None
        if source is None:
            raise NotFoundError(f"Repository {repository_id} has no document {document_id}.")
        must_own(caller, self._bucket.key(source))
        return store.purge(repository_id, document_id)

    def _repository(
        self, caller: Caller, repository_id: str, expected_type: Optional[str] = None
    ) -> RegisteredRepository:
        self._access.must_permit(caller, repository_id)
        repository = self._registry.find(repository_id)
        if expected_type not in (None, repository.type):
            raise BadRequestError(f"Repository {repository_id} is of type {repository.type}, not {expected_type}.")
        return repository

    def _splitting_of(self, query: IngestionQuery) -> Splitting:
        size = self._splitting.size if query.chunk_size is None else query.chunk_size
        overlap = self._splitting.overlap if query.chunk_overlap is None else query.chunk_overlap
        if overlap >= size:
            raise BadRequestError(f"chunkOverlap ({overlap}) must be less than chunkSize ({size}).")
        return Splitting(size, overlap)


def _ingest_all(ingestion: Ingestion, keys: Sequence[str]) -> List[Ingested]:
    ingested: List[Ingested] = []
    refused: List[ApiError] = []
    for key in keys:
        try:
            ingested.append(ingestion.ingest(key, MAX_CHUNKS - sum(each.chunks for each in ingested)))
        except RefusedDocumentError as error:
            refused.append(error.reason)
        except ApiError as error:
            raise type(error)(" ".join([error.message, *_listed(refused)])) from error
    if refused:
        rest = [f"The {len(ingested)} other document{'s are' if len(ingested) > 1 else ' is'} ingested."]
        raise type(refused[0])(" ".join(_listed(refused) + (rest if ingested else [])))
    return ingested


def _listed(refused: Sequence[ApiError]) -> List[str]:
    """Messages of refused documents: enough of them to act on, few enough for an answer."""
    messages = [error.message for error in refused[:_MESSAGES_SHOWN]]
    more = len(refused) - len(messages)
    return [*messages, f"{more} more were rejected."] if more else messages
