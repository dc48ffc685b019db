"""The models bucket: `s3://<bucket>/<org>/<name>/<content digest>/<file>`, read and verified.

The prefix names the content, so that each lock file, list and running container keeps its own objects. An older LISA
wrote to `<org>/<name>/<file>`, which is still read.

An object matches the lock if S3's own SHA-256 checksum of it is the one that follows from the lock. Where the store has
no such checksum, the object has at best the digest in its user metadata `sha256`, which shows what its writer intended,
not what it holds: such objects are reported as unproven.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from lisa_weights.lock.completeness import Completeness, check_completeness
from lisa_weights.lock.lock_file import LockedFile, LockedModel
from lisa_weights.lock.model_names import require_prefix
from lisa_weights.lock.s3_checksum import PartsDigest, is_in_parts
from lisa_weights.model_directory import Progress
from lisa_weights.store import s5cmd
from lisa_weights.store.checksums import ChecksumClient, ExpectedChecksum
from lisa_weights.store.s5cmd import Failure, S5cmd

DIGEST_KEY = "sha256"
"""User metadata of an object that holds the SHA-256 of its content, in hexadecimal."""

_BLOCK_BYTES = 1 << 20
_READERS = 4
_REQUESTS = 16
_CONTENT_PREFIX = re.compile(r"[0-9a-f]{64}/")


class MismatchKind(StrEnum):
    """How an object differs from the lock."""

    MISSING = "missing"
    SIZE = "size"
    DIGEST = "digest"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, order=True)
class ObjectMismatch:
    """An object that is missing, differs from the lock, or cannot be compared with it.

    Attributes:
        path: relative to the model's prefix.
        kind: what is wrong.
        message: the same as text, a sentence without a full stop.
    """

    path: str
    kind: MismatchKind
    message: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One object of a model.

    Attributes:
        path: relative to the model's prefix.
        size: bytes.
        sha256: the digest in its metadata; None if it has none or it was not read.
        checksum: S3's own SHA-256 checksum; None likewise.
        last_modified: when it was written, as ISO 8601 in UTC.
    """

    path: str
    size: int
    sha256: str | None = None
    checksum: str | None = None
    last_modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of comparing a model in the bucket with the lock.

    Attributes:
        mismatches: objects that are missing, differ, or cannot be compared at all, sorted.
        unproven: paths of the objects whose size and metadata match, but whose content S3 has no checksum of; sorted.
    """

    mismatches: tuple[ObjectMismatch, ...]
    unproven: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The result of a transfer.

    Attributes:
        moved: files that were transferred, by path.
        kept: files that were there already, by path.
    """

    moved: tuple[LockedFile, ...]
    kept: tuple[LockedFile, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """The models bucket of a deployment.

    Attributes:
        name: the bucket's name, without `s3://`.
        store: s5cmd with its endpoint.
        checksums: a client that sends and reads S3's checksums; None where boto3 is not installed.
    """

    name: str
    store: S5cmd
    checksums: ChecksumClient | None = None

    def url(self, prefix: str, path: str = "") -> str:
        """Address of a file below a prefix (LockedModel.location), or of the prefix with a slash at the end.

        Raises:
            WeightsError: the prefix cannot be that of a model.
        """
        return f"s3://{self.name}/{require_prefix(prefix)}/{path}"

    def files(self, prefix: str, *, digests: bool = False) -> tuple[StoredFile, ...]:
        """The objects below a prefix, sorted; with `digests`, each with its checksum and the digest in its metadata.

        For the prefix of a model's name, the objects of prefixes that name content are omitted.

        Raises:
            LisaError: the store refuses or does not answer.
        """
        found = [file for file in self.all_files(prefix) if not _CONTENT_PREFIX.match(file.path)]
        return tuple(self._with_digests(prefix, found) if digests else found)

    def all_files(self, prefix: str) -> tuple[StoredFile, ...]:
        """The objects below a prefix, sorted; those of the prefixes of a model's contents too.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        url = self.url(prefix)
        found = [
            StoredFile(path, int(entry.get("size", 0)), last_modified=str(entry.get("last_modified", "")))
            for entry in self.store.list(f"{url}*")
            if not (path := str(entry["key"]).removeprefix(url)).endswith("/")
        ]
        return tuple(sorted(found, key=lambda file: file.path))

    def completeness(self, prefix: str) -> Completeness:
        """Whether a model in the bucket could be served, by its index and its shards' headers; for one with no lock.

        Raises:
            LisaError: the store refuses or does not answer.
        """
        sizes = {file.path: file.size for file in self.files(prefix)}
        return check_completeness(sizes, lambda path: self.store.reading(self.url(prefix, path)))

    def verify(self, model: str, locked: LockedModel, *, deep: bool = False) -> tuple[ObjectMismatch, ...]:
        """How a model in the bucket differs from the lock; empty if no file does. See compare."""
        return self.compare(locked.location(model), locked.files, deep=deep).mismatches

    def compare(self, prefix: str, files: Iterable[LockedFile], *, deep: bool = False) -> Comparison:
        """Compare objects with locked files.

        Args:
            prefix: where the objects are.
            files: what should be there.
            deep: read every object and compute its digest; otherwise compare sizes and S3's checksums, and the digest
                in the metadata of objects without a checksum.

        Raises:
            LisaError: the store refuses or does not answer.
        """
        stored = {file.path: file for file in self.files(prefix, digests=not deep)}
        expected = sorted(files)
        mismatches = [mismatch for file in expected if (mismatch := _by_size(file, stored.get(file.path)))]
        missed = {mismatch.path for mismatch in mismatches}
        same_size = [file for file in expected if file.path not in missed]
        unproven: list[str] = []
        if deep:
            found = zip(same_size, self.read(prefix, same_size), strict=True)
            mismatches += [_different(file) for file, read in found if read != file]
        else:
            for file in same_size:
                proven = ExpectedChecksum.of(file).matches(stored[file.path].checksum)
                if proven is False:
                    mismatches.append(_different(file))
                elif proven is None and (mismatch := _by_digest(file, stored[file.path].sha256)):
                    mismatches.append(mismatch)
                elif proven is None:
                    unproven.append(file.path)
        return Comparison(mismatches=tuple(sorted(mismatches)), unproven=tuple(unproven))

    def read(
        self, prefix: str, files: Iterable[LockedFile], progress: Progress | None = None
    ) -> tuple[LockedFile, ...]:
        """Read objects and compute their digests, in the order of the files; sizes and digests are as read.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        with ThreadPoolExecutor(_READERS) as pool:
            return tuple(pool.map(lambda file: self._read(prefix, file, progress), files))

    def copy_files(
        self, prefix: str, commands: Iterable[tuple[str, ...]], arrived: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Run copy commands, and pass the result of each successful one to `arrived`.

        Raises:
            WeightsError: a command failed; the others were run.
        """
        failures: list[Failure] = []
        for answer in self.store.run(commands, failures):
            if answer.get("success"):
                arrived(answer)
        if failures:
            raise s5cmd.transfer_error(self.url(prefix), failures)

    def _with_digests(self, prefix: str, files: list[StoredFile]) -> list[StoredFile]:
        client = self.checksums
        if client is None:
            metadata = self._metadata_digests(prefix, files)
            return [replace(file, sha256=metadata.get(file.path)) for file in files]

        def read(file: StoredFile) -> StoredFile:
            found = client.digests(self.name, f"{prefix}/{file.path}")
            if found is None:
                return file
            return replace(file, sha256=found.metadata.get(DIGEST_KEY), checksum=found.checksum)

        with ThreadPoolExecutor(_REQUESTS) as pool:
            return list(pool.map(read, files))

    def _metadata_digests(self, prefix: str, files: Iterable[StoredFile]) -> dict[str, str]:
        failures: list[Failure] = []
        found = {}
        url = self.url(prefix)
        for answer in self.store.run([("head", "--raw", f"{url}{file.path}") for file in files], failures):
            # HTTP headers have no case: one store answers `sha256`, another one `Sha256`.
            metadata = {str(key).lower(): str(value) for key, value in (answer.get("metadata") or {}).items()}
            if DIGEST_KEY in metadata:
                found[str(answer["key"]).removeprefix(url)] = metadata[DIGEST_KEY]
        if refused := [failure for failure in failures if not failure.is_absence]:
            raise s5cmd.transfer_error(url, refused)
        return found

    def _read(self, prefix: str, file: LockedFile, progress: Progress | None) -> LockedFile:
        digest, size = sha256(), 0
        in_parts = PartsDigest() if is_in_parts(file.size) else None
        with self.store.reading(self.url(prefix, file.path)) as stream:
            while part := stream.read(_BLOCK_BYTES):
                digest.update(part)
                size += len(part)
                if in_parts is not None:
                    in_parts.update(memoryview(part))
                if progress is not None:
                    progress(file.path, len(part))
        checksum = in_parts.checksum() if in_parts is not None else None
        return LockedFile(file.path, size, digest.hexdigest(), checksum)


def _by_size(file: LockedFile, stored: StoredFile | None) -> ObjectMismatch | None:
    if stored is None:
        return ObjectMismatch(file.path, MismatchKind.MISSING, f"{file.path} is missing")
    if stored.size != file.size:
        message = f"{file.path} has {stored.size} bytes, but {file.size} in the lock file"
        return ObjectMismatch(file.path, MismatchKind.SIZE, message)
    return None


def _by_digest(file: LockedFile, digest: str | None) -> ObjectMismatch | None:
    if digest is None:
        message = f"{file.path} has no SHA-256 digest: verify it with --deep, or upload it again"
        return ObjectMismatch(file.path, MismatchKind.UNPROVEN, message)
    return _different(file) if digest != file.sha256 else None


def _different(file: LockedFile) -> ObjectMismatch:
    return ObjectMismatch(file.path, MismatchKind.DIGEST, f"{file.path} does not match the lock file")
