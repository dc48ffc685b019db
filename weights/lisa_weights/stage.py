"""Stage weights: bring the models of an environment from the Hugging Face Hub or the disk into its models bucket.

Each function returns what it did, and passes each result to `report` as soon as it is there, since a later model may
fail. Everything can be run again: what is complete is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights.convert import MAX_SHARD_SIZE, Converted
from lisa_weights.errors import WeightsError
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.lock.lock_file import SourceKind
from lisa_weights.model_directory import LocalState, model_path, read_directory
from lisa_weights.outcomes import (
    ModelDownloaded,
    ModelInspected,
    ModelLocked,
    ModelUploaded,
    ModelVerified,
    Report,
    Staged,
    ignore,
    reported,
)
from lisa_weights.resolve import WeightsIssue, checkpoint_stamps, resolve
from lisa_weights.status import stored_condition
from lisa_weights.steps import Step, convert_in_step, no_progress
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.directory_progress import track_size
from lisa_weights.store.download import download as download_files
from lisa_weights.workspace import MODELS, Workspace

Approve = Callable[[hub.Listing], bool]
"""Whether a model may be fetched from the Hub."""


def stage(workspace: Workspace, *, approve: Approve, step: Step = no_progress, report: Report = ignore) -> Staged:
    """Fetch, convert, lock and upload whatever the bucket lacks of each hosted model, then verify all of them.

    Args:
        workspace: the environment's weights.
        approve: asked before a model is fetched from the Hub.
        step: shows the progress of long steps.
        report: receives each result as it comes.

    Raises:
        WeightsError: a model cannot be fetched, converted, locked or uploaded; completed models are kept.
    """
    bucket = workspace.bucket()
    missing = [model for model in workspace.needed if not _is_in_bucket_alone(workspace, bucket, model)]
    inspected = _inspect_unchecked(workspace, bucket, missing, report)
    locked: list[ModelLocked] = []
    for model in missing:
        locked += _bring_to_disk(workspace, model, approve, step, report)
    uploaded: tuple[ModelUploaded, ...] = ()
    if missing:
        locked += lock_models(workspace, missing, step=step, report=report)
        uploaded = upload(workspace, missing, step=step, report=report)
    verified = verify(workspace, report=report)
    return Staged(inspected=inspected, locked=tuple(locked), uploaded=uploaded, verified=verified)


def fetch(
    workspace: Workspace,
    model: str,
    *,
    revision: str | None = None,
    step: Step = no_progress,
    report: Report = ignore,
) -> tuple[ModelLocked, ...]:
    """Fetch a model from the Hub into `models/`, convert it if required, and lock the commit.

    Args:
        workspace: the environment's weights.
        model: `org/name`, as on its model card.
        revision: branch, tag or commit; default: `main`.
        step: shows the progress of long steps.
        report: receives each result as it comes.

    Raises:
        WeightsError: the Hub refuses or cannot be reached, or the model cannot be converted or locked.
    """
    return _fetch(workspace, hub.look_up(model, revision=revision or hub.DEFAULT_REVISION), step, report)


def convert_model(
    path: Path,
    title: str,
    *,
    max_shard_size: int = MAX_SHARD_SIZE,
    verify: bool = True,
    checksums: bool = False,
    step: Step = no_progress,
) -> Converted:
    """Convert a model's directory to safetensors; a directory below `models/` is recorded for the lock file.

    Args:
        path: the model's directory.
        title: what `step` shows.
        max_shard_size: bytes of tensors in one file at most.
        verify: compare each tensor with its source.
        checksums: compare each storage with the CRC-32 of its checkpoint.
        step: shows the progress.

    Raises:
        WeightsError: the checkpoint is rejected or the disk refuses; the directory is unchanged.
    """
    directory = read_directory(path)
    before = checkpoint_stamps(directory)
    converted = convert_in_step(
        directory, title, step, max_shard_size=max_shard_size, verify=verify, checksums=checksums
    )
    model = path.resolve()
    if converted.written and before and model.parent.parent.name == MODELS:
        cache = DigestCache.load(model.parent.parent)
        digests = {file.name: file.sha256 for file in converted.files}
        cache.record_conversion(f"{model.parent.name}/{model.name}", before, digests)
        cache.save()
    return converted


def lock_models(
    workspace: Workspace,
    models: Sequence[str],
    *,
    revision: str | None = None,
    step: Step = no_progress,
    report: Report = ignore,
) -> tuple[ModelLocked, ...]:
    """Convert local models if required, and write those that are new or changed to the lock file.

    Args:
        workspace: the environment's weights.
        models: names of local models.
        revision: the commit on the Hub that they were fetched from; None for models from elsewhere.
        step: shows the progress of long steps.
        report: receives each result as it comes.

    Raises:
        WeightsError: a model cannot be locked; the others are.
    """
    resolution = resolve(models, workspace.models, workspace.lock(), step=step)
    done = []
    for model in models:
        locked = resolution.lock.models.get(model)
        if locked is None:
            continue
        if revision is not None:
            locked = replace(locked, kind=SourceKind.HUB, revision=revision)
        if workspace.lock().models.get(model) != locked:
            workspace.save_locked(model, locked)
            done.append(reported(ModelLocked(model, locked), report))
    if resolution.issues:
        raise WeightsError(" ".join(_sentence(issue) for issue in resolution.issues))
    return tuple(done)


def upload(
    workspace: Workspace, models: Sequence[str] = (), *, step: Step = no_progress, report: Report = ignore
) -> tuple[ModelUploaded, ...]:
    """Upload locked models to the bucket; objects that match the lock file are kept.

    Args:
        workspace: the environment's weights.
        models: names; default: all hosted models.
        step: shows the progress of each model.
        report: receives each result as it comes.

    Raises:
        WeightsError: a model is not locked or differs from the lock file, or the store refuses.
    """
    bucket = workspace.bucket()
    done = []
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        with step(f"uploading {model} to {bucket.url(model)}", locked.total_bytes) as progress:
            transfer = bucket.upload(model, locked, model_path(workspace.models, model), progress=progress)
        done.append(reported(ModelUploaded(model, transfer), report))
    return tuple(done)


def download(
    workspace: Workspace, models: Sequence[str] = (), *, step: Step = no_progress, report: Report = ignore
) -> tuple[ModelDownloaded, ...]:
    """Download locked models from the bucket to `models/`; files that match the lock file are kept.

    Args:
        workspace: the environment's weights.
        models: names; default: all hosted models.
        step: shows the progress of each model.
        report: receives each result as it comes.

    Raises:
        WeightsError: a model is not locked, an object is missing or differs, or the disk or the store refuses.
    """
    bucket = workspace.bucket()
    done = []
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        path = model_path(workspace.models, model)
        title = f"downloading {model} from {bucket.url(model)}"
        with step(title, locked.total_bytes) as progress, track_size(path, progress):
            transfer = download_files(bucket, model, locked, path)
        done.append(reported(ModelDownloaded(model, transfer), report))
    return tuple(done)


def verify(
    workspace: Workspace, models: Sequence[str] = (), *, deep: bool = False, report: Report = ignore
) -> tuple[ModelVerified, ...]:
    """Compare models in the bucket with the lock file.

    Args:
        workspace: the environment's weights.
        models: names; default: all hosted models.
        deep: read every object and compute its digest.
        report: receives each result as it comes.

    Raises:
        WeightsError: a model is not locked, or the store refuses.
    """
    bucket = workspace.bucket()
    done = []
    for model in workspace.chosen(models):
        locked = workspace.locked(model)
        mismatches = bucket.verify(model, locked, deep=deep)
        inspected = _inspect(bucket, model) if locked.converter is None else None
        done.append(reported(ModelVerified(model, bucket.url(model), mismatches, inspected), report))
    return tuple(done)


def _is_in_bucket_alone(workspace: Workspace, bucket: Bucket, model: str) -> bool:
    """Whether a model is complete: it is not on this disk, and the bucket matches the lock file."""
    locked = workspace.lock().models.get(model)
    if locked is None or workspace.directory(model).state is not LocalState.ABSENT:
        return False
    return not bucket.verify(model, locked)


def _inspect(bucket: Bucket, model: str) -> ModelInspected:
    condition, problems = stored_condition(model, bucket)
    return ModelInspected(model, condition, tuple(problems))


def _inspect_unchecked(
    workspace: Workspace, bucket: Bucket, missing: Sequence[str], report: Report
) -> tuple[ModelInspected, ...]:
    """Record in the lock file that a model which only the bucket has, and an older LISA locked, stores all tensors."""
    done = []
    for model in workspace.needed:
        locked = workspace.lock().models.get(model)
        if model in missing or locked is None or locked.converter is not None:
            continue
        inspected = _inspect(bucket, model)
        if inspected.is_sound:
            workspace.save_locked(model, replace(locked, converter=0))
        done.append(reported(inspected, report))
    return tuple(done)


def _bring_to_disk(
    workspace: Workspace, model: str, approve: Approve, step: Step, report: Report
) -> tuple[ModelLocked, ...]:
    if workspace.directory(model).state in {LocalState.CHECKPOINT, LocalState.COMPLETE}:
        return ()
    known = workspace.lock().models.get(model)
    if known is not None and known.kind is SourceKind.LOCAL:
        raise WeightsError(
            f"{model} was locked from a local directory that is incomplete here. Add it to {MODELS}/{model}, "
            f"or download it from the Hub with `lisa weights fetch {model}`."
        )
    listing = hub.look_up(model, revision=(known.revision if known else None) or hub.DEFAULT_REVISION)
    if not approve(listing):
        raise WeightsError(
            f"{model} was not downloaded. Add it to {MODELS}/{model}, or approve the download or pass --yes."
        )
    return _fetch(workspace, listing, step, report)


def _fetch(workspace: Workspace, listing: hub.Listing, step: Step, report: Report) -> tuple[ModelLocked, ...]:
    path = model_path(workspace.models, listing.model)
    title = f"fetching {listing.model} at {listing.revision[:12]}"
    with step(title, listing.total_bytes) as progress, track_size(path, progress):
        hub.fetch(listing, path)
    return lock_models(workspace, [listing.model], revision=listing.revision, step=step, report=report)


def _sentence(issue: WeightsIssue) -> str:
    reasons = "; ".join(issue.reasons).rstrip(".") or "it does not exist"
    return f"{MODELS}/{issue.model} cannot be locked: {reasons}."
