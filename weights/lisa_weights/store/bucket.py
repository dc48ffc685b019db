"""The models bucket: `s3://<bucket>/<org>/<name>/<file>`, written, read and verified through s5cmd.

Each object carries the SHA-256 of its content as the user metadata `sha256`, which S3 sets together with the content.
A file is there already when an object has its size and its digest, so that a file of the same size with other content
is transferred again, and so that an interrupted upload goes on with the first file that is not there in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from lisa_weights.errors import WeightsError
from lisa_weights.lock.completeness import Completeness, check_completeness
from lisa_weights.lock.lock_file import LockedFile, LockedModel, require_model_name
from lisa_weights.model_directory import Progress, digest_files
from lisa_weights.store import s5cmd
from lisa_weights.store.s5cmd import Failure, S5cmd

DIGEST_KEY = "sha256"
"""User metadata of an object that holds the SHA-256 of its content, in hexadecimal."""

_PART_BYTES = 1 << 20
_READERS = 4


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
    """

    path: str
    size: int
    sha256: str | None = None


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
    """

    name: str
    store: S5cmd

    def url(self, model: str, path: str = "") -> str:
        """Address of a model's file, or of its prefix with a slash at the end.

        Raises:
            WeightsError: the name cannot be that of a model.
        """
        return f"s3://{self.name}/{require_model_name(model)}/{path}"

    def files(self, model: str, *, digests: bool = False) -> tuple[StoredFile, ...]:
        """The objects of a model, sorted; with `digests`, each with the digest in its metadata.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        prefix = self.url(model)
        found = {
            str(entry["key"]).removeprefix(prefix): int(entry.get("size", 0))
            for entry in self.store.list(f"{prefix}*")
            if not str(entry["key"]).endswith("/")
        }
        carried = self._carried(model, found) if digests else {}
        return tuple(StoredFile(path, size, carried.get(path)) for path, size in sorted(found.items()))

    def completeness(self, model: str) -> Completeness:
        """Whether a model in the bucket could be served, by its index and its shards' headers; for one with no lock.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        sizes = {file.path: file.size for file in self.files(model)}
        return check_completeness(sizes, lambda path: self.store.reading(self.url(model, path)))

    def verify(self, model: str, locked: LockedModel, *, deep: bool = False) -> tuple[ObjectMismatch, ...]:
        """Compare a model in the bucket with the lock; empty if every file matches.

        Args:
            model: `org/name`.
            locked: what should be there.
            deep: read every object and compute its digest; otherwise compare size and metadata, so that an object
                without the metadata, which LISA did not write, is unproven.

        Raises:
            WeightsError: the store refuses or does not answer.
        """
        stored = {file.path: file for file in self.files(model, digests=not deep)}
        mismatches = [mismatch for file in locked.files if (mismatch := _by_size(file, stored.get(file.path)))]
        missed = {mismatch.path for mismatch in mismatches}
        same_size = [file for file in locked.files if file.path not in missed]
        digests: list[str | None]
        if deep:
            with ThreadPoolExecutor(_READERS) as pool:
                digests = list(pool.map(lambda file: self._read_digest(model, file.path), same_size))
        else:
            digests = [stored[file.path].sha256 for file in same_size]
        for file, digest in zip(same_size, digests, strict=True):
            if mismatch := _by_digest(file, digest):
                mismatches.append(mismatch)
        return tuple(sorted(mismatches))

    def upload(self, model: str, locked: LockedModel, directory: Path, *, progress: Progress | None = None) -> Transfer:
        """Upload a model to the bucket, weights first; objects that match the lock are kept.

        Each file is verified with the lock before the upload, so that no object has a wrong digest.

        Args:
            model: `org/name`.
            locked: which files, and what they are.
            directory: where the files are.
            progress: receives each uploaded file with its bytes.

        Raises:
            WeightsError: a file differs from the lock, or the store refuses; run again, it resumes.
        """
        stored = {file.path: file for file in self.files(model, digests=True)}
        kept = tuple(file for file in locked.files if stored.get(file.path) == _stored(file))
        moving = tuple(file for file in locked.files if file not in kept)
        _require_unchanged(directory, moving)
        weights = [file for file in moving if file.path.endswith(".safetensors")]
        for group in (weights, [file for file in moving if file not in weights]):
            self._send(model, directory, group, progress)
        return Transfer(moved=moving, kept=kept)

    def _send(self, model: str, directory: Path, files: Iterable[LockedFile], progress: Progress | None) -> None:
        targets = {self.url(model, file.path): file for file in files}
        commands = [
            ("cp", "--raw", "--metadata", f"{DIGEST_KEY}={file.sha256}", str(directory / file.path), target)
            for target, file in targets.items()
        ]

        def arrived(answer: Mapping[str, Any]) -> None:
            file = targets.get(str(answer.get("destination")))
            if file is not None and progress is not None:
                progress(file.path, file.size)

        self.copy_files(model, commands, arrived)

    def copy_files(
        self, model: str, commands: Iterable[tuple[str, ...]], arrived: Callable[[Mapping[str, Any]], None]
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
            raise s5cmd.transfer_error(self.url(model), failures)

    def _carried(self, model: str, paths: Iterable[str]) -> dict[str, str]:
        failures: list[Failure] = []
        found = {}
        for answer in self.store.run([("head", "--raw", self.url(model, path)) for path in paths], failures):
            # HTTP headers have no case: one store answers `sha256`, another one `Sha256`.
            metadata = {str(key).lower(): str(value) for key, value in (answer.get("metadata") or {}).items()}
            if DIGEST_KEY in metadata:
                found[str(answer["key"]).removeprefix(self.url(model))] = metadata[DIGEST_KEY]
        if refused := [failure for failure in failures if not failure.is_absence]:
            raise s5cmd.transfer_error(self.url(model), refused)
        return found

    def _read_digest(self, model: str, path: str) -> str:
        digest = sha256()
        with self.store.reading(self.url(model, path)) as stream:
            while part := stream.read(_PART_BYTES):
                digest.update(part)
        return digest.hexdigest()


def _stored(file: LockedFile) -> StoredFile:
    return StoredFile(file.path, file.size, file.sha256)


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
    if digest != file.sha256:
        return ObjectMismatch(file.path, MismatchKind.DIGEST, f"{file.path} does not match the lock file")
    return None


def _require_unchanged(directory: Path, files: Iterable[LockedFile]) -> None:
    expected = {file.path: file for file in files}
    for read in digest_files(directory, expected):
        if read != expected[read.path]:
            raise WeightsError(f"{directory / read.path} does not match the lock file: run `lisa weights stage`.")
