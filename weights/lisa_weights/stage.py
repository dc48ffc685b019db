"""The use case of `lisa weights stage`: bring the weights of models from the Hub or a disk into the models bucket.

Each yields what it has done to a model as soon as it is done; all are safe to run again after any interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from lisa_weights.acquisition import fetch_listing, lock_local
from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import SourceKind
from lisa_weights.model_directory import LocalState
from lisa_weights.origin import read_origin
from lisa_weights.stage_events import (
    Event,
    ModelChecked,
    ModelLocked,
)
from lisa_weights.steps import Step
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket
from lisa_weights.transfer import check_stored, upload, verify
from lisa_weights.workspace import MODELS, Workspace


def stage(
    workspace: Workspace,
    step: Step,
    *,
    approve: Callable[[str, int], bool],
    relock: bool = False,
    generate: bool = False,
) -> Iterator[Event]:
    """Do for each needed model whatever is missing until the bucket has it, and verify all of them.

    Args:
        workspace: where the weights are.
        step: receives the progress.
        approve: is asked before a model of so many bytes is downloaded from the Hub.
        relock: accept other content of a commit that is locked.
        generate: also prove that converted models generate as their checkpoints do.

    Raises:
        WeightsError: a model cannot be fetched, locked or uploaded, its download was not approved, or a locked commit
            has other content.
    """
    bucket = workspace.bucket()
    missing = [model for model in workspace.needed if not _is_in_bucket_alone(workspace, bucket, model)]
    yield from _check_older_models(workspace, bucket, missing)
    for model in missing:
        yield from _ensure_local(workspace, model, step, approve, relock=relock, generate=generate)
    if missing:
        yield from lock_local(workspace, missing, step, relock=relock, generate=generate)
        yield from upload(workspace, missing, step)
    yield from verify(workspace, (), deep=False)


def missing_models(workspace: Workspace) -> list[str]:
    """Names of the needed models that the bucket does not have as they are locked."""
    bucket, lock = workspace.bucket(), workspace.lock()
    return [model for model in workspace.needed if model not in lock.models or bucket.verify(model, lock.models[model])]


def _check_older_models(workspace: Workspace, bucket: Bucket, missing: Sequence[str]) -> Iterator[Event]:
    """Check models that only the bucket has and an older LISA locked, and record those that have all their tensors."""
    for model in workspace.needed:
        locked = workspace.lock().models.get(model)
        if model in missing or locked is None or locked.converter is not None:
            continue
        checked = check_stored(bucket, model, locked)
        if checked.is_valid:
            workspace.record(model, replace(locked, converter=0))
            yield ModelChecked(model)
        else:
            yield checked


def _is_in_bucket_alone(workspace: Workspace, bucket: Bucket, model: str) -> bool:
    """Return whether a model needs nothing: it is not on this disk, and the bucket has it as it is locked."""
    locked = workspace.lock().models.get(model)
    if locked is None or workspace.local_state(model) is not LocalState.ABSENT:
        return False
    return not bucket.verify(model, locked)


def _ensure_local(
    workspace: Workspace,
    model: str,
    step: Step,
    approve: Callable[[str, int], bool],
    *,
    relock: bool,
    generate: bool,
) -> Iterator[ModelLocked]:
    if workspace.local_state(model) in {LocalState.CHECKPOINT, LocalState.COMPLETE}:
        return
    known = workspace.lock().models.get(model)
    if known is not None and known.kind is SourceKind.LOCAL:
        raise WeightsError(
            f"{model} was locked from a local directory that is incomplete here. Add it to {MODELS}/{model}, "
            f"or download it from the Hub with `lisa weights fetch {model}`."
        )
    interrupted = read_origin(workspace.path(model))
    revision = known.revision if known else interrupted.revision if interrupted else None
    listing = hub.look_up(model, revision=revision or hub.DEFAULT_REVISION)
    if not approve(model, listing.total_bytes):
        raise WeightsError(
            f"{model} was not downloaded. Add it to {MODELS}/{model}, or approve the download or pass --yes."
        )
    yield from fetch_listing(workspace, listing, step, relock=relock, generate=generate)
