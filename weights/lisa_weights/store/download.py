"""Download models from the bucket: each file is written to a temporary name, verified with the lock, then renamed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lisa_schema.atomic_file import remove_abandoned, temporary_directory
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedFile, LockedModel
from lisa_weights.model_directory import Progress, digest_files, read_directory
from lisa_weights.store.bucket import Bucket, Transfer

_TEMPORARY = "download"
"""Name of the temporary directory in the model's."""


def download(
    bucket: Bucket, model: str, locked: LockedModel, directory: Path, *, progress: Progress | None = None
) -> Transfer:
    """Download a model from the bucket; files that match the lock are kept.

    A file gets its name once it is complete and its digest matches, so that an interrupted download resumes with the
    missing files. Files that are not in the lock are not changed.

    Args:
        bucket: where the model is.
        model: `org/name`.
        locked: which files, and what they are.
        directory: the target; created if it does not exist.
        progress: receives each completed file with its bytes.

    Raises:
        WeightsError: an object is missing or has other content, the disk is full, or the store refuses.
    """
    different = _to_fetch(directory, locked)
    moving = tuple(file for file in locked.files if file.path in different)
    if not moving:
        remove_abandoned(directory / _TEMPORARY)
        return Transfer(moved=(), kept=locked.files)
    prefix = locked.location(model)
    _require_present(bucket, prefix, moving)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with temporary_directory(directory, _TEMPORARY) as partial:
            _receive(bucket, prefix, directory=directory, partial=partial, files=moving, progress=progress)
    except OSError as error:
        raise WeightsError(
            f"{directory} cannot be written: {error.strerror}. Free up space or check its permissions, and rerun."
        ) from error
    return Transfer(moved=moving, kept=tuple(file for file in locked.files if file not in moving))


def _receive(
    bucket: Bucket,
    prefix: str,
    *,
    directory: Path,
    partial: Path,
    files: tuple[LockedFile, ...],
    progress: Progress | None,
) -> None:
    expected = {bucket.url(prefix, file.path): file for file in files}
    wrong: list[str] = []
    for file in files:
        (partial / file.path).parent.mkdir(parents=True, exist_ok=True)
        (directory / file.path).parent.mkdir(parents=True, exist_ok=True)

    def arrived(answer: Mapping[str, Any]) -> None:
        file = expected.get(str(answer.get("source")))
        if file is None:
            return
        if digest_files(partial, [file.path]) != (file,):
            wrong.append(file.path)
            (partial / file.path).unlink()
            return
        (partial / file.path).replace(directory / file.path)
        if progress is not None:
            progress(file.path, file.size)

    commands = [("cp", "--raw", url, str(partial / file.path)) for url, file in expected.items()]
    bucket.copy_files(prefix, commands, arrived)
    if wrong:
        raise WeightsError(
            f"{bucket.url(prefix)} does not match the lock file in {', '.join(wrong)}: "
            "run `lisa weights upload --deep` where the model is."
        )


def _to_fetch(directory: Path, locked: LockedModel) -> set[str]:
    """Paths that are missing on the disk or differ from the lock."""
    read_directory(directory)  # rejects symbolic links that lead out of it
    present = {file.path: file for file in locked.files if (directory / file.path).is_file()}
    read = {file.path: file for file in digest_files(directory, present)}
    return {file.path for file in locked.files if read.get(file.path) != file}


def _require_present(bucket: Bucket, prefix: str, files: tuple[LockedFile, ...]) -> None:
    stored = {file.path: file.size for file in bucket.files(prefix)}
    wanting = [file.path for file in files if stored.get(file.path) != file.size]
    if wanting:
        raise WeightsError(
            f"{bucket.url(prefix)} is not complete ({', '.join(wanting)} missing or of a different size): "
            "run `lisa weights upload --deep` where the model is."
        )
