"""S3's checksum of an object that is sent in parts, as it follows from the bytes."""

from __future__ import annotations

import base64
import hashlib

import pytest

from lisa_weights.lock import s3_checksum
from lisa_weights.lock.s3_checksum import PartsDigest, parts_of


@pytest.mark.parametrize("size", [1, 99, 100, 101, 250, 300])
def test_checksum_of_parts_is_the_digest_of_their_digests(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_checksum, "PART_BYTES", 100)
    data = bytes(range(256)) * 2
    digests = [hashlib.sha256(data[start : start + length]).digest() for start, length in parts_of(size)]
    computed = PartsDigest()
    for start in range(0, size, 33):
        computed.update(memoryview(data)[start : min(start + 33, size)])
    expected = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    assert computed.checksum() == f"{expected}-{len(digests)}"
