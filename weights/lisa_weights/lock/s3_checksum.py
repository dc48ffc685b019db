"""S3's own SHA-256 checksum of an object, as it follows from what is locked.

S3 keeps the SHA-256 of an object that one request sent (5 GiB at most), and of a larger one the SHA-256 of the SHA-256
digests of its parts, followed by the number of parts
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
"""

from __future__ import annotations

import base64
import hashlib
import re

MAX_REQUEST_BYTES = 5 << 30
"""Bytes that one request can send or copy."""

PART_BYTES = 64 << 20
"""Bytes of each part but the last one, of a larger object; part of the lock's format."""

_PARTS = re.compile(r"[A-Za-z0-9+/]{43}=-([1-9]\d*)")


def is_in_parts(size: int) -> bool:
    """Whether an object of so many bytes is sent in parts."""
    return size > MAX_REQUEST_BYTES


def parts_of(size: int) -> tuple[tuple[int, int], ...]:
    """Offset and bytes of each part of an object."""
    return tuple((start, min(PART_BYTES, size - start)) for start in range(0, size, PART_BYTES))


def is_parts_checksum(text: str, size: int) -> bool:
    """Whether a text has the form of the checksum of an object of so many bytes that was sent in parts."""
    found = _PARTS.fullmatch(text)
    return found is not None and is_in_parts(size) and int(found[1]) == len(parts_of(size))


def request_checksum(sha256: str) -> str:
    """S3's checksum of an object that one request sent.

    Args:
        sha256: digest of its content, in hexadecimal.
    """
    return base64.b64encode(bytes.fromhex(sha256)).decode()


class PartsDigest:
    """Computes the checksum of an object in parts, from its bytes in order."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._part = hashlib.sha256()
        self._missing = PART_BYTES

    def update(self, data: memoryview) -> None:
        """Add the next bytes."""
        while data:
            taken = data[: self._missing]
            self._part.update(taken)
            self._missing -= len(taken)
            data = data[len(taken) :]
            if not self._missing:
                self._close()

    def checksum(self) -> str:
        """The checksum of all bytes that were added, as S3 writes it."""
        if self._missing != PART_BYTES:
            self._close()
        return f"{base64.b64encode(hashlib.sha256(b''.join(self._digests)).digest()).decode()}-{len(self._digests)}"

    def _close(self) -> None:
        self._digests.append(self._part.digest())
        self._part = hashlib.sha256()
        self._missing = PART_BYTES
