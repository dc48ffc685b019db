"""What tests of S3's checksums ask a bucket for, and the model that they store."""

from __future__ import annotations

from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.checksums import ChecksumClient

MODEL = "org/name"


def prefix(locked: LockedModel) -> str:
    return locked.location(MODEL)


def paths(files: object) -> set[str]:
    return {file.path for file in files}  # type: ignore[attr-defined]


def client_of(bucket: Bucket) -> ChecksumClient:
    assert bucket.checksums is not None
    return bucket.checksums


def never() -> bool:
    return False
