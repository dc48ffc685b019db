"""A local model: the content of `models/<org>/<name>`, whether it can be served, and its digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO

from lisa_weights.errors import WeightsError
from lisa_weights.lock.completeness import Completeness, check_completeness
from lisa_weights.lock.digest_buffer import page_aligned_buffer
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind
from lisa_weights.lock.locked_adapter import LockedAdapter
from lisa_weights.lock.model_names import require_file_names, require_model_name
from lisa_weights.lock.s3_checksum import PartsDigest, is_in_parts
from lisa_weights.safetensors.file_names import ADAPTER, INDEX, SINGLE
from lisa_weights.serving.content import content_problems
from lisa_weights.serving.model_files import ModelFiles
from lisa_weights.serving.omissions import OmittedFile

Progress = Callable[[str, int], None]
"""Called with the path of a file and the bytes done since the last call, possibly from several threads."""

_BUFFER_BYTES = 4 << 20
_HASHING_THREADS = 4


class LocalState(StrEnum):
    """How far a local model is from being served."""

    ABSENT = "absent"
    CHECKPOINT = "checkpoint"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDirectory:
    """The content of a model's directory.

    Attributes:
        path: the directory.
        files: bytes of each file that serving needs, by path relative to the directory, sorted.
        checkpoint: paths of the PyTorch checkpoint, including those of sentence-transformers modules.
        omitted: all other files, each with the reason.
        completeness: whether the files that serving needs are all there, from their headers.
        refusals: those of its problems that only a person can solve, such as two candidates for the weights.
    """

    path: Path
    files: Mapping[str, int]
    checkpoint: tuple[str, ...]
    omitted: tuple[OmittedFile, ...]
    completeness: Completeness
    refusals: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes of the files that serving needs."""
        return sum(self.files.values())

    @property
    def state(self) -> LocalState:
        """How far it is from being served; a checkpoint counts if safetensors are absent or have dropped names."""
        if self.completeness.is_complete:
            return LocalState.COMPLETE
        if self._is_to_be_converted:
            return LocalState.CHECKPOINT
        return LocalState.INCOMPLETE if self.files or self.checkpoint else LocalState.ABSENT

    @property
    def _is_to_be_converted(self) -> bool:
        at_root = any("/" not in path for path in self.checkpoint)
        modules = {path.rpartition("/")[0] for path in self.checkpoint if "/" in path}
        has_safetensors = bool({SINGLE, INDEX, ADAPTER} & self.files.keys())
        if at_root and (self.completeness.dropped or not has_safetensors):
            return True
        return has_safetensors and not modules.isdisjoint(self.completeness.closure.unconverted)


def model_path(models: Path, name: str) -> Path:
    """Where a model's directory is below `models/`.

    Raises:
        WeightsError: the name cannot be that of a model.
    """
    return models / require_model_name(name)


def read_directory(path: Path) -> ModelDirectory:
    """Read names, sizes, index and headers of a model's directory, but no tensor data.

    Hidden files and directories (`.cache`, `.git`) are skipped. A directory that does not exist is empty.

    Raises:
        WeightsError: a symbolic link leads out of the directory, a needed file is not a regular one, or the system
            refuses to read.
    """
    try:
        files = ModelFiles(dict(_walk(path)) if path.is_dir() else {}, lambda name: (path / name).open("rb"))
        judged = check_completeness(files.sizes, files.open_file)
        refusals = (*judged.refusals, *content_problems(files, judged.closure)) if files.sizes else ()
    except OSError as error:
        raise _unreadable(path, error) from error
    return ModelDirectory(
        path=path,
        files={name: files.sizes[name] for name in judged.closure.files},
        checkpoint=judged.closure.checkpoint,
        omitted=judged.closure.omitted,
        completeness=replace(judged, problems=tuple(dict.fromkeys((*judged.problems, *refusals)))),
        refusals=refusals,
    )


def digest_files(path: Path, names: Iterable[str], progress: Progress | None = None) -> tuple[LockedFile, ...]:
    """Sizes and SHA-256 digests of files, some at a time, with a few MiB of memory for each; sorted by path.

    Raises:
        WeightsError: a file cannot be read.
    """
    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        return tuple(sorted(pool.map(lambda name: _digest(path, name, progress), names)))


def lock_directory(
    directory: ModelDirectory,
    *,
    kind: SourceKind = SourceKind.LOCAL,
    revision: str | None = None,
    known: Mapping[str, str] | None = None,
    converter: int = 0,
    progress: Progress | None = None,
) -> LockedModel:
    """Create the lock entry of a model: every file that serving needs, read unless its digest is known.

    Args:
        directory: what is on the disk.
        kind: the source of the weights.
        revision: the commit on the Hub.
        known: SHA-256 of files that have not changed since they were read, by path.
        converter: version of the converter that made the safetensors; 0 where none is recorded.
        progress: receives the bytes that have been read.

    Raises:
        WeightsError: the model is not complete, a file has a name that cannot be locked, or one cannot be read or
            changes meanwhile.
    """
    if directory.completeness.problems:
        raise WeightsError(
            f"{directory.path} is not complete and was not locked: {'; '.join(directory.completeness.problems)}. "
            + _advice(directory.state)
        )
    require_file_names(directory.files)
    known = known or {}
    read = digest_files(directory.path, directory.files.keys() - known.keys(), progress)
    for file in read:
        if file.size != directory.files[file.path]:
            raise WeightsError(f"{directory.path / file.path} changed while it was read: rerun the command later.")
    kept = [LockedFile(path, directory.files[path], known[path]) for path in directory.files if path in known]
    settings = directory.completeness.adapter
    return LockedModel(
        kind=kind,
        revision=revision,
        files=tuple(sorted([*read, *kept])),
        parameters=directory.completeness.parameters,
        dtypes=directory.completeness.dtypes,
        converter=converter,
        shape=directory.completeness.shape,
        adapter=None if settings is None else LockedAdapter(rank=settings.rank, base_model=settings.base_model),
    )


def differences(
    directory: ModelDirectory, locked: LockedModel, *, deep: bool = False, progress: Progress | None = None
) -> tuple[str, ...]:
    """How a model's directory differs from the lock, a sentence without a full stop for each file.

    Args:
        directory: what is on the disk.
        locked: what should be.
        deep: compare SHA-256 digests too, which reads every byte; otherwise names and sizes.
        progress: receives the bytes that have been read.

    Raises:
        WeightsError: a file cannot be read.
    """
    expected = {file.path: file for file in locked.files}
    found = [f"{name} is not in the lock file" for name in directory.files.keys() - expected.keys()]
    same_size = []
    for name, file in expected.items():
        if name not in directory.files:
            found.append(f"{name} is missing")
        elif directory.files[name] != file.size:
            found.append(f"{name} has {directory.files[name]} bytes, but {file.size} in the lock file")
        else:
            same_size.append(name)
    if deep:
        for read in digest_files(directory.path, same_size, progress):
            if read.sha256 != expected[read.path].sha256:
                found.append(f"{read.path} does not match the lock file")
    return tuple(sorted(found))


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    real_root = root.resolve()
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted([*folders, *(name for name in names if not name.startswith("."))]):
            path = Path(folder) / name
            if path.is_symlink() and not path.resolve().is_relative_to(real_root):
                raise WeightsError(
                    f"{path} is a symbolic link to a file outside the model's directory: replace it with the file, "
                    "for example with `cp -L`."
                )
            status = path.stat()
            if S_ISDIR(status.st_mode):
                continue
            if not S_ISREG(status.st_mode):
                raise WeightsError(f"{path} is not a regular file: remove it from the model's directory.")
            yield path.relative_to(root).as_posix(), status.st_size


def _raise(error: OSError) -> None:
    raise error


def _digest(root: Path, name: str, progress: Progress | None) -> LockedFile:
    digest = hashlib.sha256()
    size = 0
    try:
        with (root / name).open("rb", buffering=0) as stream:
            in_parts = PartsDigest() if is_in_parts(os.fstat(stream.fileno()).st_size) else None
            for part in _parts(stream):
                digest.update(part)
                if in_parts is not None:
                    in_parts.update(part)
                size += len(part)
                if progress is not None:
                    progress(name, len(part))
    except OSError as error:
        raise _unreadable(root, error) from error
    return LockedFile(name, size, digest.hexdigest(), in_parts.checksum() if in_parts is not None else None)


def _parts(stream: IO[bytes]) -> Iterator[memoryview]:
    """A stream's bytes in one buffer, which the next part overwrites."""
    buffer = page_aligned_buffer(_BUFFER_BYTES)
    while count := stream.readinto(buffer):  # type: ignore[attr-defined]
        yield buffer[:count]


def _unreadable(path: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{error.filename or path} cannot be read: {error.strerror}. Check its permissions and the disk."
    )


def _advice(state: LocalState) -> str:
    if state is LocalState.CHECKPOINT:
        return "Convert its checkpoint with `lisa weights convert`."
    return "Download it again with `lisa weights fetch`, or add the missing files."
