"""Move models of an existing bucket to prefixes that name their content, by copies within the store.

The objects at `<org>/<name>/` stay where they are, because running containers read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, LockedFile, LockedModel, SourceKind
from lisa_weights.lock.model_names import require_file_names
from lisa_weights.lock.s3_checksum import is_in_parts
from lisa_weights.model_directory import Progress
from lisa_weights.stage_events import ModelAdopted, ModelLocked
from lisa_weights.steps import Step
from lisa_weights.store.bucket import DIGEST_KEY, Bucket
from lisa_weights.store.checksums import ExpectedChecksum
from lisa_weights.store.s5cmd import Failure
from lisa_weights.workspace import Workspace

_CONCURRENT_COPIES = 8


@dataclass(frozen=True, slots=True)
class _Adoption:
    bucket: Bucket
    model: str
    progress: Progress


def adopt(workspace: Workspace, models: Sequence[str], step: Step) -> Iterator[ModelAdopted | ModelLocked]:
    """Adopt models that are in the bucket at `<org>/<name>/`, and write their prefix to the lock file.

    A model without an entry is read once from the bucket and locked as it is there. For one with an entry, the store
    computes the checksums of the copies, and only those that it has no checksum of are read.

    Args:
        workspace: where the weights are.
        models: which models; all that the environment hosts when none is named.
        step: receives the progress.

    Raises:
        LisaError: a model is not in the bucket, not complete or different from the lock file, or the store refuses.
            Run again, it resumes.
    """
    bucket = workspace.bucket()
    for model in workspace.selected(models):
        known = workspace.lock().models.get(model)
        if known is not None and known.prefix is not None:
            workspace.record(model, known)  # removes what a killed command left beside the lock file
            yield ModelAdopted(model, copied=0, read=0)
            continue
        entry = _required(bucket, model, known)
        with step(f"adopting {bucket.url(model)}", sum(file.size for file in entry.files)) as progress:
            adoption = _Adoption(bucket, model, progress)
            locked, unread = _with_digests(adoption, entry, is_new=known is None)
            copied, read = _copy(adoption, locked)
        workspace.record(model, locked)
        yield ModelAdopted(model, copied=copied, read=read + unread)
        yield ModelLocked(model, locked)


def _required(bucket: Bucket, model: str, known: LockedModel | None) -> LockedModel:
    """The entry of a model, with files as they should be; without digests for a model that has none."""
    stored = {file.path: file.size for file in bucket.files(model)}
    if known is not None:
        wrong = sorted(file.path for file in known.files if stored.get(file.path) != file.size)
        if wrong:
            raise WeightsError(
                f"{bucket.url(model)} does not match {LOCK_FILE} ({', '.join(wrong)} missing or of a different size): "
                "stage the model again with `lisa weights stage`."
            )
        return known
    judged = bucket.completeness(model)
    if judged.problems:
        raise WeightsError(
            f"{bucket.url(model)} cannot be served: {'; '.join(judged.problems)}. "
            "Stage the model with `lisa weights stage`."
        )
    served = sorted({*judged.closure.files, *judged.closure.weights})
    require_file_names(served)
    return LockedModel(
        kind=SourceKind.LOCAL,
        revision=None,
        files=tuple(LockedFile(path, stored[path], "") for path in served),
        parameters=judged.parameters,
        dtypes=judged.dtypes,
        shape=judged.shape,
        converter=0,
    )


def _with_digests(adoption: _Adoption, entry: LockedModel, *, is_new: bool) -> tuple[LockedModel, int]:
    """The entry with its prefix, and how many objects were read for it."""

    def is_unknown(file: LockedFile) -> bool:
        return is_new or (is_in_parts(file.size) and file.parts_sha256 is None)

    unknown = [file for file in entry.files if is_unknown(file)]
    read = {file.path: file for file in adoption.bucket.read(adoption.model, unknown, adoption.progress)}
    if not is_new:
        _require_same(adoption.bucket.url(adoption.model), unknown, read)
    files = tuple(read.get(file.path, file) for file in entry.files)
    return replace(entry, files=files).with_prefix(adoption.model), len(unknown)


def _copy(adoption: _Adoption, locked: LockedModel) -> tuple[int, int]:
    """Copy what is missing, and check every copy; returns how many objects were copied and read."""
    bucket, prefix = adoption.bucket, locked.location(adoption.model)
    different = {mismatch.path for mismatch in bucket.compare(prefix, locked.files).mismatches}
    moving = [file for file in locked.files if file.path in different]
    _copier(bucket)(adoption, prefix, moving)
    compared = bucket.compare(prefix, locked.files)
    wrong = {mismatch.path for mismatch in compared.mismatches}
    unproven = [file for file in locked.files if file.path in compared.unproven]
    expected = {file.path: file for file in unproven}
    wrong |= {file.path for file in bucket.read(prefix, unproven) if file != expected[file.path]}
    if wrong:
        failures: list[Failure] = []
        list(bucket.store.run([("rm", "--raw", bucket.url(prefix, path)) for path in sorted(wrong)], failures))
        raise WeightsError(
            f"{bucket.url(adoption.model)} does not match {LOCK_FILE} in {', '.join(sorted(wrong))}: "
            "stage the model again with `lisa weights stage`."
        )
    return len(moving), len(unproven)


def _copier(bucket: Bucket) -> Callable[[_Adoption, str, Sequence[LockedFile]], None]:
    return _copy_with_s5cmd if bucket.checksums is None else _copy_with_checksums


def _copy_with_checksums(adoption: _Adoption, prefix: str, files: Sequence[LockedFile]) -> None:
    client = adoption.bucket.checksums
    assert client is not None  # noqa: S101

    def copy(file: LockedFile) -> None:
        client.copy(
            adoption.bucket.name,
            f"{adoption.model}/{file.path}",
            f"{prefix}/{file.path}",
            parts=ExpectedChecksum.of(file).parts,
            metadata={DIGEST_KEY: file.sha256},
        )
        adoption.progress(file.path, file.size)

    with ThreadPoolExecutor(_CONCURRENT_COPIES) as pool:
        copying = [pool.submit(copy, file) for file in files]
    for each in copying:
        each.result()


def _copy_with_s5cmd(adoption: _Adoption, prefix: str, files: Sequence[LockedFile]) -> None:
    bucket = adoption.bucket
    if large := [file.path for file in files if is_in_parts(file.size)]:
        raise WeightsError(
            f"{', '.join(large)}: copies of more than 5 GiB require boto3. Install it with `pip install "
            "'lisa-gitops[aws]'`."
        )
    sizes = {bucket.url(prefix, file.path): file for file in files}
    commands = [
        (
            "cp", "--raw", "--metadata", f"{DIGEST_KEY}={file.sha256}", "--metadata-directive", "REPLACE",
            bucket.url(adoption.model, file.path), url,
        )
        for url, file in sizes.items()
    ]  # fmt: skip

    def arrived(answer: Mapping[str, Any]) -> None:
        if (file := sizes.get(str(answer.get("destination")))) is not None:
            adoption.progress(file.path, file.size)

    bucket.copy_files(prefix, commands, arrived)


def _require_same(url: str, expected: Sequence[LockedFile], read: Mapping[str, LockedFile]) -> None:
    if wrong := [file.path for file in expected if read[file.path] != file]:
        raise WeightsError(
            f"{url} does not match {LOCK_FILE} in {', '.join(wrong)}: stage the model again with `lisa weights stage`."
        )
