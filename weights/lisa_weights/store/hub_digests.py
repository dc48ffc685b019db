"""Digests of the Hub's files: SHA-256 of files in Git LFS or Xet storage, Git's blob hash of all others.

Sources: `RepoSibling` of huggingface_hub, and "Git Internals - Git Objects" in Pro Git.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from lisa_weights.lock.digest_buffer import page_aligned_buffer

_BUFFER_BYTES = 4 << 20
_HASHING_THREADS = 4


class DigestKind(StrEnum):
    """What a digest is computed from: the content, or Git's header of a blob and the content."""

    SHA256 = "SHA-256"
    GIT_BLOB = "Git blob hash"


@dataclass(frozen=True, slots=True)
class HubDigest:
    """The digest of a file as the Hub reports it.

    Attributes:
        kind: how it is computed.
        value: hexadecimal digits; 64 for SHA-256, 40 for a Git blob hash.
    """

    kind: DigestKind
    value: str


@dataclass(frozen=True, slots=True)
class ContentMismatch:
    """A file whose content differs from what the Hub reports.

    Attributes:
        path: relative to the model's directory.
        expected: the digest that the Hub reports.
        found: the digest of the file, of the same kind.
    """

    path: str
    expected: HubDigest
    found: HubDigest


class Digest(Protocol):
    """A digest that is being computed."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add the next bytes."""

    def hexdigest(self) -> str:
        """The digest of all bytes that were added, in hexadecimal."""


def new_digest(kind: DigestKind, size: int) -> Digest:
    """Begin the digest of a file of so many bytes."""
    if kind is DigestKind.SHA256:
        return hashlib.sha256()
    # Git's name for the content, not a protection that LISA chose: small files of the Hub have no other.
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def hub_digest(file: Any) -> HubDigest | None:
    """Return the digest that the Hub reports for a file (`huggingface_hub.RepoSibling`); None if there is none."""
    if file.lfs is not None and file.lfs.sha256:
        return HubDigest(DigestKind.SHA256, str(file.lfs.sha256).lower())
    return HubDigest(DigestKind.GIT_BLOB, str(file.blob_id).lower()) if file.blob_id else None


def content_digest(path: Path, kind: DigestKind) -> HubDigest:
    """Compute the digest of a file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        digest = new_digest(kind, path.stat().st_size)
        buffer = page_aligned_buffer(_BUFFER_BYTES)
        while count := stream.readinto(buffer):
            digest.update(buffer[:count])
    return HubDigest(kind, digest.hexdigest())


def content_mismatches(directory: Path, expected: Mapping[str, HubDigest]) -> tuple[ContentMismatch, ...]:
    """Read files, some at a time, and return those whose content differs from the digests, by path.

    Raises:
        OSError: a file cannot be read.
    """
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        found = pool.map(lambda entry: (entry, content_digest(directory / entry[0], entry[1].kind)), expected.items())
        wrong = [ContentMismatch(path, digest, read) for (path, digest), read in found if read != digest]
    return tuple(sorted(wrong, key=lambda mismatch: mismatch.path))
