"""Upload models to the bucket, under the prefix that names their content.

With a ChecksumClient, each file is read once and sent with S3's checksum as it follows from the lock, so that the store
rejects other content; a file that the store has computed no checksum of is read again. Without a client, each file is
read and compared with the lock before s5cmd sends it, with the digest in its user metadata alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any

from lisa_schema.errors import LisaError
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedFile, LockedModel
from lisa_weights.model_directory import Progress, digest_files
from lisa_weights.store.bucket import DIGEST_KEY, Bucket, MismatchKind, ObjectMismatch, Transfer
from lisa_weights.store.checksums import ExpectedChecksum
from lisa_weights.store.s5cmd import Failure

_CONCURRENT_FILES = 8


def upload(
    bucket: Bucket,
    model: str,
    locked: LockedModel,
    directory: Path,
    *,
    deep: bool = False,
    progress: Progress | None = None,
) -> Transfer:
    """Upload a model to the bucket, weights first; objects that match the lock are kept.

    Objects that do not match are damaged, because their prefix names their content, and are sent again. Below the name
    of a model that an older LISA locked, only missing objects are sent, because another deployment may use those that
    are there. No object of another prefix is changed, and none is deleted.

    Args:
        bucket: the target.
        model: `org/name`.
        locked: which files, and what they are.
        directory: where the files are.
        deep: read the objects to find those that do not match.
        progress: receives each uploaded file with its bytes.

    Raises:
        LisaError: a file differs from the lock, or the store refuses; run again, it resumes.
    """
    prefix = locked.location(model)
    mismatches = bucket.compare(prefix, locked.files, deep=deep).mismatches
    if locked.prefix is None and not are_missing(mismatches):
        raise WeightsError(
            f"{bucket.url(prefix)} has other content, which other deployments may use: run `lisa weights upload`, "
            "which gives the model a prefix."
        )
    different = {mismatch.path for mismatch in mismatches}
    moving = tuple(file for file in locked.files if file.path in different)
    if bucket.checksums is None:
        _require_unchanged(directory, moving)
    weights = [file for file in moving if file.path.endswith(".safetensors")]
    for group in (weights, [file for file in moving if file not in weights]):
        if bucket.checksums is not None:
            _send_with_checksums(bucket, prefix, directory, group, progress)
        else:
            _send(bucket, prefix, directory, group, progress)
    return Transfer(moved=moving, kept=tuple(file for file in locked.files if file not in moving))


def are_missing(mismatches: Iterable[ObjectMismatch]) -> bool:
    """Whether no object is there that would be overwritten."""
    return all(mismatch.kind is MismatchKind.MISSING for mismatch in mismatches)


def _send_with_checksums(
    bucket: Bucket, prefix: str, directory: Path, files: Sequence[LockedFile], progress: Progress | None
) -> None:
    client = bucket.checksums
    assert client is not None  # noqa: S101

    def send(file: LockedFile) -> None:
        expected = ExpectedChecksum.of(file)
        try:
            computed = client.put(
                directory / file.path,
                bucket.name,
                f"{prefix}/{file.path}",
                checksum=expected.text,
                parts=expected.parts,
                metadata={DIGEST_KEY: file.sha256},
                is_cancelled=cancelled.is_set,
            )
        except LisaError:
            if not cancelled.is_set():
                _require_unchanged(directory, (file,))
            raise
        if expected.matches(computed) is not True:
            _require_sent(bucket, prefix, directory, file)
        if progress is not None:
            progress(file.path, file.size)

    cancelled = Event()
    with ThreadPoolExecutor(_CONCURRENT_FILES) as pool:
        try:
            sending = [pool.submit(send, file) for file in files]
            wait(sending)
        except BaseException:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
            raise
    for each in sending:
        each.result()


def _send(bucket: Bucket, prefix: str, directory: Path, files: Iterable[LockedFile], progress: Progress | None) -> None:
    targets = {bucket.url(prefix, file.path): file for file in files}
    commands = [
        ("cp", "--raw", "--metadata", f"{DIGEST_KEY}={file.sha256}", str(directory / file.path), target)
        for target, file in targets.items()
    ]

    def arrived(answer: Mapping[str, Any]) -> None:
        file = targets.get(str(answer.get("destination")))
        if file is not None and progress is not None:
            progress(file.path, file.size)

    bucket.copy_files(prefix, commands, arrived)


def _require_sent(bucket: Bucket, prefix: str, directory: Path, file: LockedFile) -> None:
    """Check what was sent to a store that does not compute checksums; removes the object if it has other content."""
    try:
        _require_unchanged(directory, (file,))
    except WeightsError:
        failures: list[Failure] = []
        list(bucket.store.run([("rm", "--raw", bucket.url(prefix, file.path))], failures))
        raise


def _require_unchanged(directory: Path, files: Iterable[LockedFile]) -> None:
    expected = {file.path: file for file in files}
    for read in digest_files(directory, expected):
        if read != expected[read.path]:
            raise WeightsError(f"{directory / read.path} does not match the lock file: run `lisa weights stage`.")
