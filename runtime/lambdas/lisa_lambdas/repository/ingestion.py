"""From a document in the bucket to its chunks in a store."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO, Callable, Iterator, List, Optional, Sequence, Tuple

from lisa_lambdas.errors import ApiError, BadRequestError, NotFoundError, TooLargeError, UnavailableError
from lisa_lambdas.repository import identifiers
from lisa_lambdas.repository.embeddings import BATCH
from lisa_lambdas.repository.extraction import OUT_OF_TIME, ExtractionLimits, ExtractionRequest, extract_chunks
from lisa_lambdas.repository.stores import Chunk, Collection, Document

if TYPE_CHECKING:
    from lisa_lambdas.repository.bucket import DocumentsBucket
    from lisa_lambdas.repository.stores import Store

MAX_CHUNKS = 50_000
"""Chunks of the documents in one request; an answer with the ids of more would be longer than Lambda allows (6 MB)."""
_RESERVE_MS = 15_000

Embed = Callable[[List[str]], List[List[float]]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Splitting:
    """How documents are cut.

    Attributes:
        size: characters in a chunk.
        overlap: characters that neighbouring chunks share.
    """

    size: int
    overlap: int


@dataclass(frozen=True)
class Ingested:
    """What a store has of a document now.

    Attributes:
        document_id: the document's id.
        revision: its revision.
        key: its key in the bucket.
        chunks: how many chunks it has.
        changed: whether anything had to be done.
    """

    document_id: str
    revision: str
    key: str
    chunks: int
    changed: bool


class RefusedDocumentError(Exception):
    """A document cannot be ingested, whatever is done for the others.

    Attributes:
        reason: why, as the answer to a request for it alone.
    """

    def __init__(self, reason: ApiError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Ingestion:
    """Ingests documents into one collection.

    Args:
        bucket: where documents are.
        store: where chunks go.
        collection: the collection.
        splitting: how documents are cut.
        groups: groups whose callers may find the documents, sorted; none for all callers.
        embed: embeds at most BATCH texts.
        time_left: milliseconds until the function is stopped.
    """

    def __init__(
        self,
        *,
        bucket: DocumentsBucket,
        store: Store,
        collection: Collection,
        splitting: Splitting,
        groups: Sequence[str] = (),
        embed: Embed,
        time_left: Callable[[], int],
    ) -> None:
        self._bucket = bucket
        self._store = store
        self._collection = collection
        self._splitting = splitting
        self._groups = tuple(groups)
        self._embed = embed
        self._time_left = time_left

    def ingest(self, key: str, most: int) -> Ingested:
        """Ingest a document completely or not at all; one that is there already, unchanged, is left as it is.

        Args:
            key: its key.
            most: chunks that it may have.

        Raises:
            RefusedDocumentError: the document cannot be ingested; others can.
            ApiError: nothing can be ingested now; the message begins with the key.
        """
        try:
            return self._ingest(key, most)
        except ApiError as error:
            raise type(error)(f"{key}: {error.message}") from error
        except RefusedDocumentError as error:
            reason = error.reason
            raise RefusedDocumentError(type(reason)(f"{key}: {reason.message}")) from error

    def _ingest(self, key: str, most: int) -> Ingested:
        source = self._bucket.source(key)
        identifier = identifiers.document_id(self._collection.repository_id, source)
        with ExitStack() as stack:
            with _refusing():
                fetched = stack.enter_context(self._bucket.fetch(key))
            revision = identifiers.revision(
                fetched.digest, self._collection.model_name, self._splitting.size, self._splitting.overlap, self._groups
            )
            stored = self._store.find(self._collection, identifier)
            if stored and stored.revision == revision:
                # The answer lists their ids as well.
                if stored.chunks > most:
                    with _refusing():
                        raise TooLargeError(
                            f"The documents of this request have more than {MAX_CHUNKS} chunks. Send fewer keys."
                        )
                return Ingested(identifier, revision, key, stored.chunks, changed=False)
            with _refusing():
                texts = stack.enter_context(self._extracted(key, fetched.file, most))
            document = Document(identifier, source, revision, self._groups)
            count = self._store.replace(self._collection, document, self._batches(texts))
        _log.info("ingested document %s of %d chunks", identifier, count)
        return Ingested(identifier, revision, key, count, changed=True)

    @contextmanager
    def _extracted(self, key: str, file: BinaryIO, most: int) -> Iterator[Iterator[Tuple[str, Optional[int]]]]:
        """The chunks of a document, of which there is one at least."""
        limits = ExtractionLimits.for_document(os.fstat(file.fileno()).st_size)
        request = ExtractionRequest(key, self._splitting.size, self._splitting.overlap, most, limits)
        with extract_chunks(file, request, seconds=self._seconds_left()) as texts:
            first = next(texts, None)
            if first is None:
                raise BadRequestError(
                    "The document has no text. Apply optical character recognition (OCR) to scans first."
                )
            yield chain([first], texts)

    def _batches(self, texts: Iterator[Tuple[str, Optional[int]]]) -> Iterator[List[Chunk]]:
        """Chunks with their vectors, as the store takes them, so that one batch is in memory at a time."""
        count = 0
        while batch := list(islice(texts, BATCH)):
            self._seconds_left()
            vectors = self._embed([text for text, _ in batch])
            yield [
                Chunk(count + offset, text, vector, page)
                for offset, ((text, page), vector) in enumerate(zip(batch, vectors))
            ]
            count += len(batch)

    def _seconds_left(self) -> float:
        """Time for documents, before the function must answer.

        Raises:
            UnavailableError: there is none.
        """
        left = self._time_left() - _RESERVE_MS
        if left <= 0:
            raise UnavailableError(OUT_OF_TIME)
        return left / 1000


@contextmanager
def _refusing() -> Iterator[None]:
    """Errors in here are about one document."""
    try:
        yield
    except (BadRequestError, NotFoundError, TooLargeError) as error:
        raise RefusedDocumentError(error) from error
