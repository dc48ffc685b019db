"""The use cases of `lisa weights` that bring models into models/: fetch, import, convert, and lock them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights import disk
from lisa_weights.convert import Converted
from lisa_weights.errors import WeightsError
from lisa_weights.importing import import_model
from lisa_weights.local_content import conversion_record
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.lock.lock_file import LOCK_FILE, SourceKind
from lisa_weights.locked_commit import locked_commit
from lisa_weights.model_directory import LocalState, ModelDirectory, read_directory
from lisa_weights.origin import forget_download, note_arrival, note_download, remove_abandoned_notes
from lisa_weights.resolve import IssueKind, WeightsIssue, resolve
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.stage_events import (
    ModelImported,
    ModelLocked,
)
from lisa_weights.steps import Step, convert_in_step
from lisa_weights.store import hub
from lisa_weights.store.directory_progress import track_size
from lisa_weights.temporary_directory import Record
from lisa_weights.workspace import MODELS, Workspace


def fetch(
    workspace: Workspace,
    model: str,
    revision: str | None,
    step: Step,
    *,
    relock: bool = False,
    generate: bool = False,
) -> Iterator[ModelLocked]:
    """Download a model from the Hub into models/, convert it if it needs to be, and lock its commit.

    Args:
        workspace: where the weights are.
        model: `org/name`.
        revision: branch, tag or commit; None for the default branch.
        step: receives the progress.
        relock: accept other content of a commit that is locked.
        generate: also prove that a converted model generates as its checkpoint does.

    Raises:
        WeightsError: the Hub does not have it, it cannot be locked, or a locked commit has other content.
    """
    listing = hub.look_up(model, revision=revision or hub.DEFAULT_REVISION)
    yield from fetch_listing(workspace, listing, step, relock=relock, generate=generate)


def import_weights(
    workspace: Workspace,
    source: Path,
    model: str | None,
    step: Step,
    *,
    replace_existing: bool,
    generate: bool = False,
) -> Iterator[ModelImported | ModelLocked]:
    """Import a model from a carrier into models/, convert it if it needs to be, and lock it.

    Args:
        workspace: where the weights are.
        source: a directory, a Hugging Face cache, a tar archive or an OCI layout.
        model: `org/name`; None for the name that the carrier states.
        step: receives the progress.
        replace_existing: whether an existing directory of the model is replaced.
        generate: also prove that a converted model generates as its checkpoint does.

    Raises:
        WeightsError: the carrier is refused, models/ has the model, it cannot be locked, or the carrier states a locked
            commit and has other content.
    """
    imported = import_model(source, workspace.models, model, replace=replace_existing, step=step)
    yield ModelImported(imported)
    # A commit has one content, whatever carries it; other content that states no commit, or another one, replaces it.
    is_locked_commit = locked_commit(workspace.lock(), imported.model, imported.revision or "") is not None
    yield from lock_local(
        workspace,
        [imported.model],
        step,
        revision=imported.revision,
        relock=not is_locked_commit,
        generate=generate,
    )


def convert_directory(
    path: Path, title: str, step: Step, *, max_shard_bytes: int, verify: bool, checksums: bool
) -> Converted:
    """Convert a model's directory to safetensors; the checkpoint stays as it is.

    Args:
        path: the directory.
        title: title of the step.
        step: receives the progress.
        max_shard_bytes: size of the largest file.
        verify: whether each tensor is compared with its source.
        checksums: whether the checkpoint is compared with its CRC-32 checksums.

    Raises:
        WeightsError: the checkpoint is rejected, or the system refuses; the directory is as it was.
    """
    directory = read_directory(path)
    return convert_in_step(
        directory,
        title,
        step,
        max_shard_size=max_shard_bytes,
        verify=verify,
        checksums=checksums,
        record=_conversion_record(directory),
    )


def omitted_files(path: Path) -> tuple[OmittedFile, ...]:
    """The files of a model's directory that are not served, each with the reason."""
    return read_directory(path).omitted


def fetch_listing(
    workspace: Workspace, listing: hub.Listing, step: Step, *, relock: bool, generate: bool
) -> Iterator[ModelLocked]:
    """Download what the Hub listed of a model, convert it if it needs to be, and lock its commit.

    Args:
        workspace: where the weights are.
        listing: the files of a commit.
        step: receives the progress.
        relock: accept other content of a commit that is locked.
        generate: also prove that a converted model generates as its checkpoint does.

    Raises:
        WeightsError: a file cannot be downloaded, the model cannot be locked, or a locked commit has other content.
    """
    path = workspace.path(listing.model)
    known = None if relock else locked_commit(workspace.lock(), listing.model, listing.revision)
    if known is not None:
        known.require_digests(listing.sha256)
    title = f"fetching {listing.model} at {listing.revision[:12]}"
    with disk.explain_errors(path, "downloaded"):
        note_download(path, listing.revision)
    try:
        with step(title, listing.total_bytes) as progress, track_size(path, progress):
            hub.fetch(listing, path)
    except WeightsError:
        if read_directory(path).state is LocalState.ABSENT:
            forget_download(path)
        raise
    with disk.explain_errors(path, "downloaded"):
        note_arrival(path, listing.revision, [name for name, _ in listing.files])
    if known is not None:
        known.require_content(workspace.models, workspace.lock(), [name for name, _ in listing.files], step)
    yield from lock_local(
        workspace,
        [listing.model],
        step,
        revision=listing.revision,
        omitted=listing.omitted,
        relock=True,
        generate=generate,
    )


def lock_local(
    workspace: Workspace,
    models: Sequence[str],
    step: Step,
    *,
    revision: str | None = None,
    omitted: Iterable[OmittedFile] = (),
    relock: bool = False,
    generate: bool = False,
) -> Iterator[ModelLocked]:
    """Convert and lock local models, and prove those that are not proved.

    Args:
        workspace: where the weights are.
        models: their names.
        step: receives the progress.
        revision: the commit of one that came from the Hub.
        omitted: what was omitted on the Hub.
        relock: accept other content than that of a locked commit.
        generate: also prove that a converted model generates as its checkpoint does.

    Raises:
        WeightsError: a model cannot be locked, or differs from its locked commit.
    """
    resolution = resolve(
        models,
        workspace.models,
        workspace.lock(),
        prove_unproved=True,
        relock=relock,
        generate=generate,
        bases=workspace.bases,
        step=step,
    )
    failed = [issue for issue in resolution.issues if issue.kind is not IssueKind.UNCOMPARED]
    refused = {issue.model for issue in failed}
    for model in models:
        remove_abandoned_notes(workspace.path(model))
        locked = resolution.lock.models.get(model)
        if locked is None or model in refused:
            continue
        if revision is not None:
            locked = replace(locked, kind=SourceKind.HUB, revision=revision)
        if workspace.record(model, locked):
            yield ModelLocked(model, locked, tuple(sorted({*omitted_files(workspace.path(model)), *omitted})))
    if failed:
        raise WeightsError(" ".join(_format_issue(issue, workspace) for issue in failed))


def _conversion_record(directory: ModelDirectory) -> Record | None:
    """What records the conversion of a model in a project's models/, so that its entry has the converter's version."""
    path = directory.path.resolve()
    models = path.parent.parent
    if models.name != MODELS or not directory.checkpoint:
        return None
    return conversion_record(DigestCache.load(models), f"{path.parent.name}/{path.name}", directory)


def _format_issue(issue: WeightsIssue, workspace: Workspace) -> str:
    reasons = "; ".join(issue.reasons).rstrip(".") or "it does not exist"
    if issue.kind is IssueKind.CHANGED:
        commit = workspace.locked(issue.model).revision
        return (
            f"{MODELS}/{issue.model} has other content than commit {commit}, which {LOCK_FILE} has: {reasons}. Restore "
            f"it with `lisa weights fetch {issue.model} --revision {commit}`, or lock it as a local model with "
            "`lisa compile --relock`, if you changed it."
        )
    return f"{MODELS}/{issue.model} cannot be locked: {reasons}."
