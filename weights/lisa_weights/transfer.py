"""The use cases of `lisa weights` that compare and move models between models/ and the models bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.lock.s3_checksum import is_in_parts
from lisa_weights.model_directory import digest_files
from lisa_weights.stage_events import (
    ModelDownloaded,
    ModelLocked,
    ModelUploaded,
    ModelVerified,
    StoredModelChecked,
    Verification,
)
from lisa_weights.status import StatusRow, status, stored_condition
from lisa_weights.steps import Step
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.directory_progress import track_size
from lisa_weights.store.download import download as download_model
from lisa_weights.store.upload import are_missing
from lisa_weights.store.upload import upload as upload_model
from lisa_weights.workspace import Workspace


def show_status(workspace: Workspace, *, ask_bucket: bool) -> tuple[StatusRow, ...]:
    """The state of each model: needed, on the disk, in the lock file and, if it is asked, in the bucket."""
    bucket = workspace.bucket() if ask_bucket else None
    return tuple(status(workspace.needed, workspace.models, workspace.lock(), bucket))


def upload(
    workspace: Workspace, models: Sequence[str], step: Step, *, deep: bool = False
) -> Iterator[ModelLocked | ModelUploaded]:
    """Upload locked models from the disk; files that the bucket has are kept.

    A model that an older LISA locked stays where it is, unless the bucket has other content there: then its entry gets
    a prefix.

    Args:
        workspace: where the weights are.
        models: which models; all that the environment hosts when none is named.
        step: receives the progress.
        deep: read the objects to find those that must be sent again.

    Raises:
        LisaError: a model is not locked, differs from the lock file, or cannot be uploaded.
    """
    bucket = workspace.bucket()
    for model in workspace.selected(models):
        locked = workspace.locked(model)
        if locked.prefix is None and not are_missing(bucket.verify(model, locked, deep=deep)):
            locked = _with_parts(locked, workspace.path(model)).with_prefix(model)
            workspace.record(model, locked)
            yield ModelLocked(model, locked)
        with step(f"uploading {model} to {bucket.url(locked.location(model))}", locked.total_bytes) as progress:
            moved = upload_model(bucket, model, locked, workspace.path(model), deep=deep, progress=progress)
        yield ModelUploaded(model, len(moved.moved), len(moved.kept))


def download(workspace: Workspace, models: Sequence[str], step: Step) -> Iterator[ModelDownloaded]:
    """Download locked models into models/; files that the disk has are kept.

    Raises:
        WeightsError: a model is not locked, or the bucket does not have it as it is locked.
    """
    bucket = workspace.bucket()
    for model in workspace.selected(models):
        locked = workspace.locked(model)
        path = workspace.path(model)
        title = f"downloading {model} from {bucket.url(locked.location(model))}"
        with step(title, locked.total_bytes) as progress, track_size(path, progress):
            moved = download_model(bucket, model, locked, path)
        yield ModelDownloaded(model, len(moved.moved), len(moved.kept))


def verify(workspace: Workspace, models: Sequence[str], *, deep: bool) -> Iterator[Verification]:
    """Compare models in the bucket with the lock file; with `deep`, every byte of them."""
    bucket = workspace.bucket()
    for model in workspace.selected(models):
        locked = workspace.locked(model)
        prefix = locked.location(model)
        found = bucket.compare(prefix, locked.files, deep=deep)
        mismatches = tuple(mismatch.message for mismatch in found.mismatches)
        yield ModelVerified(model, bucket.url(prefix), mismatches, found.unproven)
        if locked.converter is None:
            yield check_stored(bucket, model, locked)


def _with_parts(locked: LockedModel, directory: Path) -> LockedModel:
    """The entry with S3's checksum of each file that is sent in parts; an older LISA did not record it."""
    large = {file.path: file for file in locked.files if is_in_parts(file.size) and not file.parts_sha256}
    read = {file.path: file for file in digest_files(directory, large)}
    if read != large:
        raise WeightsError(f"{directory} does not match the lock file: run `lisa weights stage`.")
    return replace(locked, files=tuple(read.get(file.path, file) for file in locked.files))


def check_stored(bucket: Bucket, model: str, locked: LockedModel) -> StoredModelChecked:
    """Check that a model in the bucket has all its tensors, by the headers of its files."""
    condition, problems = stored_condition(locked.location(model), bucket)
    return StoredModelChecked(model, condition, tuple(problems))
