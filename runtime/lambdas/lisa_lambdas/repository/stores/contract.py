"""What every store does, and the data that it is given and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Optional, Protocol, Sequence


@dataclass(frozen=True)
class Collection:
    """The chunks of one repository by one embedding model; vectors of different models do not compare.

    Attributes:
        repository_id: id of the repository.
        model_name: name of the embedding model.
    """

    repository_id: str
    model_name: str


@dataclass(frozen=True)
class Document:
    """A document as it is to be indexed.

    Attributes:
        id: its id, the same for all its revisions.
        source: where it came from, `s3://bucket/key`.
        revision: what its chunks depend on, its groups among it; another one replaces them.
        groups: groups whose callers may find it; none for all callers.
    """

    id: str
    source: str
    revision: str
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Stored:
    """What a collection has of a document.

    Attributes:
        revision: the revision that is indexed.
        chunks: how many chunks it has.
    """

    revision: str
    chunks: int


@dataclass(frozen=True)
class Chunk:
    """A piece of a document with its vector.

    Attributes:
        position: its place in the document, from 0.
        text: what it says.
        vector: its embedding.
        page: number of the page that it is on, or None.
    """

    position: int
    text: str
    vector: Sequence[float]
    page: Optional[int] = None


@dataclass(frozen=True)
class Hit:
    """A chunk that was found.

    Attributes:
        document_id: id of its document.
        source: where its document came from.
        position: its place in the document.
        text: what it says.
        page: number of the page that it is on, or None.
        score: cosine of the angle between its vector and the one looked for, from -1 to 1; 1 is the same direction.
    """

    document_id: str
    source: str
    position: int
    text: str
    page: Optional[int]
    score: float


class Store(Protocol):
    """A store. Every method may raise UnavailableError."""

    def find(self, collection: Collection, document_id: str) -> Optional[Stored]:
        """What the collection has of a document; None when it has nothing of it, or is not there."""

    def replace(self, collection: Collection, document: Document, batches: Iterable[Sequence[Chunk]]) -> int:
        """Index a document in place of any other revision of it; makes the collection when it is not there.

        A search sees all of the new chunks or none, and the old ones until then. When the batches raise, or anything
        else fails, the collection has what it had before.

        Args:
            collection: where to.
            document: the document.
            batches: its chunks, at least one, in the order of their positions.

        Returns:
            Chunks that the document has now.

        Raises:
            BadRequestError: the vectors are not of the collection's dimension.
        """

    def search(
        self, collection: Collection, vector: Sequence[float], limit: int, groups: Sequence[str] = ()
    ) -> List[Hit]:
        """The nearest chunks of documents for all callers and for these groups, best first.

        Others are left out while the nearest are looked for, not afterwards: they take no place among the results, and
        no number of results tells of them. There are none when the collection is not there.

        Raises:
            BadRequestError: the vector is not of the collection's dimension.
        """

    def source(self, repository_id: str, document_id: str) -> Optional[str]:
        """Where a document of any of the repository's collections came from."""

    def purge(self, repository_id: str, document_id: str) -> int:
        """Delete a document from all collections of a repository; returns how many chunks it had."""
