"""The content of a local model: the digests of its files, read once and then known, and what it was converted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.digest_cache import DigestCache, now
from lisa_weights.lock.fingerprint import Stamp, stamp
from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.lock.s3_checksum import is_in_parts
from lisa_weights.model_directory import ModelDirectory, lock_directory
from lisa_weights.safetensors.writing import ConvertedFile
from lisa_weights.steps import Step
from lisa_weights.temporary_directory import Record


def conversion_record(cache: DigestCache, model: str, directory: ModelDirectory) -> Record:
    """Take the stamps of a model's checkpoint; returns what records its conversion in the cache.

    Raises:
        WeightsError: a file cannot be read.
    """
    before = checkpoint_stamps(directory)

    def record(files: Sequence[ConvertedFile]) -> None:
        try:
            cache.record_conversion(model, before, {file.name: file.sha256 for file in files})
        except OSError as error:
            raise WeightsError(
                f"{directory.path} changed while it was converted: rerun the command when the change is complete."
            ) from error
        cache.save()

    return record


def local_content(
    model: str, directory: ModelDirectory, cache: DigestCache, entry: LockedModel | None, step: Step
) -> LockedModel:
    """Create the entry of a complete model, without proofs; only files whose digest is unknown are read.

    Args:
        model: `org/name`.
        directory: the model.
        cache: digests that are known; others are recorded there.
        entry: what the lock has of it; S3's checksums of large files are taken from it.
        step: shows the progress.

    Raises:
        WeightsError: a file cannot be read, or changes meanwhile.
    """
    locked = _read(model, directory, cache, entry, step)
    parts = _parts_checksums(entry)
    files = tuple(
        file if file.parts_sha256 else replace(file, parts_sha256=parts.get((file.path, file.sha256)))
        for file in locked.files
    )
    return replace(locked, files=files)


def _parts_checksums(entry: LockedModel | None) -> dict[tuple[str, str], str]:
    """S3's checksums of files in parts that an entry has, by path and digest; the cache does not have them."""
    files = entry.files if entry is not None else ()
    return {(file.path, file.sha256): file.parts_sha256 for file in files if file.parts_sha256}


def _read(
    model: str, directory: ModelDirectory, cache: DigestCache, entry: LockedModel | None, step: Step
) -> LockedModel:
    parts = _parts_checksums(entry)
    known = {
        path: digest
        for path, digest in known_digests(model, directory, cache).items()
        if not is_in_parts(directory.files[path]) or (path, digest) in parts
    }
    unread = {path: size for path, size in directory.files.items() if path not in known}
    converter = cache.converter(model)
    if not unread:
        return lock_directory(directory, known=known, converter=converter)
    began = now()
    before = {path: _stamp(directory.path / path) for path in unread}
    with step(f"reading {model}", sum(unread.values())) as progress:
        locked = lock_directory(directory, known=known, converter=converter, progress=progress)
    for file in locked.files:
        if file.path in before:
            cache.record_digest(f"{model}/{file.path}", before[file.path], file.sha256, read_at=began)
    return locked


def known_digests(model: str, directory: ModelDirectory, cache: DigestCache) -> dict[str, str]:
    """The digests of a model's files that are known from before, by path."""
    found = {path: cache.digest(f"{model}/{path}") for path in directory.files}
    return {path: digest for path, digest in found.items() if digest is not None}


def checkpoint_stamps(directory: ModelDirectory) -> dict[str, Stamp]:
    """Take the stamps of a model's PyTorch checkpoint, by file name.

    Raises:
        WeightsError: a file cannot be read.
    """
    return {name: _stamp(directory.path / name) for name in directory.checkpoint}


def _stamp(path: Path) -> Stamp:
    try:
        return stamp(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions and the disk.") from error
