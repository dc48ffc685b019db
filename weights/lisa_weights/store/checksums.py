"""S3's own SHA-256 checksums, which s5cmd neither sends nor reads: what a client that can must offer.

The client needs boto3, which this package does not require: lisa_compiler.aws.checksums implements it where boto3 is
installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lisa_weights.lock.lock_file import LockedFile
from lisa_weights.lock.s3_checksum import is_in_parts, parts_of, request_checksum

Parts = Sequence[tuple[int, int]]
"""Offset and bytes of each part of an object; empty for one that one request sends or copies."""


class StoredDigests(Protocol):
    """What the store has about the content of an object."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """User metadata, with names in lower case."""

    @property
    def checksum(self) -> str | None:
        """S3's SHA-256 checksum; None if the store computed none."""


class ChecksumClient(Protocol):
    """Sends, copies and reads objects with S3's SHA-256 checksum; errors are LisaError."""

    def digests(self, bucket: str, key: str) -> StoredDigests | None:
        """What the store has about an object, without reading it; None if there is none."""

    def put(
        self,
        file: Path,
        bucket: str,
        key: str,
        *,
        checksum: str | None,
        parts: Parts,
        metadata: Mapping[str, str],
        is_cancelled: Callable[[], bool],
    ) -> str | None:
        """Send a file; the store rejects other content than that of the checksum, and returns the one it computed."""

    def copy(self, bucket: str, source: str, key: str, *, parts: Parts, metadata: Mapping[str, str]) -> None:
        """Copy an object within the bucket; the store computes the checksum of the copy."""


@dataclass(frozen=True, slots=True)
class ExpectedChecksum:
    """S3's checksum of a file as it was locked.

    Attributes:
        text: as S3 writes it; None for a file in parts whose entry does not have it.
        parts: the parts that it is sent and copied in.
    """

    text: str | None
    parts: Parts

    @classmethod
    def of(cls, file: LockedFile) -> ExpectedChecksum:
        """The checksum of a locked file."""
        if is_in_parts(file.size):
            return cls(file.parts_sha256, parts_of(file.size))
        return cls(request_checksum(file.sha256), ())

    def matches(self, found: str | None) -> bool | None:
        """Whether a checksum that S3 has is this one; None if the two cannot be compared.

        Another tool may have sent the object in other parts, and its checksum then differs for the same content.
        """
        if found is None or self.text is None or found.partition("-")[2] != self.text.partition("-")[2]:
            return None
        return found == self.text
