"""Names that are derived from what they name, so that ingesting a document again finds what is already there."""

from __future__ import annotations

import hashlib
import re
from typing import List, Sequence

# Part of every revision: to be raised when documents are read or split in another way, so that they are indexed anew.
_READING = "1"
_DOCUMENT_ID = re.compile(r"[0-9a-f]{32}")
_REVISION_LENGTH = 16


def document_id(repository_id: str, source: str) -> str:
    """The id of a document in a repository: the same for each of its revisions and for every embedding model."""
    return _digest("document", repository_id, source)[:32]


def is_document_id(text: str) -> bool:
    """Whether a text has the form of a document's id."""
    return _DOCUMENT_ID.fullmatch(text) is not None


def revision(
    content_digest: str, model_name: str, chunk_size: int, chunk_overlap: int, groups: Sequence[str] = ()
) -> str:
    """What a document's chunks depend on: its content, the embedding model, how it was split, and its groups."""
    parts = ("revision", _READING, content_digest, model_name, str(chunk_size), str(chunk_overlap), *groups)
    return _digest(*parts)[:_REVISION_LENGTH]


def chunk_id(document: str, revision_of_it: str, position: int) -> str:
    """The id of a chunk of a document's revision; it begins with the document's id."""
    return f"{document}.{revision_of_it}.{position}"


def chunk_ids(document: str, revision_of_it: str, count: int) -> List[str]:
    """The ids of all chunks of a document's revision."""
    return [chunk_id(document, revision_of_it, position) for position in range(count)]


def collection_name(repository_id: str, model_name: str, separator: str) -> str:
    """The name of a table or index: lower-case letters, digits and the separator, 46 characters."""
    return separator.join((repository_prefix(repository_id, separator), _digest("model", model_name)[:16]))


def repository_prefix(repository_id: str, separator: str) -> str:
    """What the names of all collections of a repository begin with."""
    return separator.join(("lisa", "rag", _digest("repository", repository_id)[:16]))


def _digest(*parts: str) -> str:
    """SHA-256 of texts in which no boundary can be shifted."""
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in map(str.encode, parts))).hexdigest()
