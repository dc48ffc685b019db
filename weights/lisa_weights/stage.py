"""The use cases of `lisa weights`: bring the weights of models from the Hub or a disk into the models bucket.

Each yields what it has done to a model as soon as it is done; all are safe to run again after any interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights.convert import Converted
from lisa_weights.errors import WeightsError
from lisa_weights.importing import import_model
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.lock.fingerprint import Stamp
from lisa_weights.lock.lock_file import LockedModel, SourceKind
from lisa_weights.lock.proofs import Proof
from lisa_weights.lock.s3_checksum import is_in_parts
from lisa_weights.locked_commit import locked_commit
from lisa_weights.model_directory import LocalState, digest_files, read_directory
from lisa_weights.proof.load import prove
from lisa_weights.resolve import WeightsIssue, checkpoint_stamps, resolve
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.stage_events import (
    Event,
    ModelChecked,
    ModelDownloaded,
    ModelImported,
    ModelLocked,
    ModelUploaded,
    ModelVerified,
    StoredModelChecked,
    Verification,
)
from lisa_weights.status import StatusRow, status, stored_condition
from lisa_weights.steps import Step, convert_in_step
from lisa_weights.store import hub
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.directory_progress import track_size
from lisa_weights.store.download import download as download_model
from lisa_weights.store.upload import are_missing
from lisa_weights.store.upload import upload as upload_model
from lisa_weights.workspace import MODELS, Workspace


def show_status(workspace: Workspace, *, ask_bucket: bool) -> tuple[StatusRow, ...]:
    """The state of each model: needed, on the disk, in the lock file and, if it is asked, in the bucket."""
    bucket = workspace.bucket() if ask_bucket else None
    return tuple(status(workspace.needed, workspace.models, workspace.lock(), bucket))


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
    yield from _fetch(workspace, listing, step, relock=relock, generate=generate)


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

    An adapter is kept in models/ and not locked.

    Args:
        workspace: where the weights are.
        source: a directory, a Hugging Face cache, a tar archive or an OCI layout.
        model: `org/name`; None for the name that the carrier states.
        step: receives the progress.
        replace_existing: whether an existing directory of the model is replaced.
        generate: also prove that a converted model generates as its checkpoint does.

    Raises:
        WeightsError: the carrier is refused, models/ has the model, or it cannot be locked.
    """
    imported = import_model(source, workspace.models, model, replace=replace_existing, step=step)
    yield ModelImported(imported)
    if imported.problem is None:
        yield from _lock_local(workspace, [imported.model], step, revision=imported.revision, generate=generate)


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
    before = checkpoint_stamps(directory)
    converted = convert_in_step(
        directory, title, step, max_shard_size=max_shard_bytes, verify=verify, checksums=checksums
    )
    if converted.written:
        _record_conversion(path, before, converted)
    return converted


def prove_directory(path: Path) -> tuple[Proof, ...]:
    """Prove that a converted model loads, and that it generates as its checkpoint does.

    Raises:
        WeightsError: it does not; the text has the names of the tensors, or both answers.
    """
    return prove(read_directory(path), generate=True)


def omitted_files(path: Path) -> tuple[OmittedFile, ...]:
    """The files of a model's directory that are not served, each with the reason."""
    return read_directory(path).omitted


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
            workspace.save(workspace.lock().with_model(model, locked))
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
            yield _check_stored(bucket, model, locked)


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
        yield from _lock_local(workspace, missing, step, generate=generate)
        yield from upload(workspace, missing, step)
    yield from verify(workspace, (), deep=False)


def missing_models(workspace: Workspace) -> list[str]:
    """Names of the needed models that the bucket does not have as they are locked."""
    bucket, lock = workspace.bucket(), workspace.lock()
    return [model for model in workspace.needed if model not in lock.models or bucket.verify(model, lock.models[model])]


def _record_conversion(path: Path, before: Mapping[str, Stamp], converted: Converted) -> None:
    """Record the conversion of a model in a project's models/, so that its entry has the converter's version."""
    model = path.resolve()
    models = model.parent.parent
    if models.name == MODELS and before:
        memory = DigestCache.load(models)
        digests = {file.name: file.sha256 for file in converted.files}
        memory.record_conversion(f"{model.parent.name}/{model.name}", before, digests)
        memory.save()


def _with_parts(locked: LockedModel, directory: Path) -> LockedModel:
    """The entry with S3's checksum of each file that is sent in parts; an older LISA did not record it."""
    large = {file.path: file for file in locked.files if is_in_parts(file.size) and not file.parts_sha256}
    read = {file.path: file for file in digest_files(directory, large)}
    if read != large:
        raise WeightsError(f"{directory} does not match the lock file: run `lisa weights stage`.")
    return replace(locked, files=tuple(read.get(file.path, file) for file in locked.files))


def _check_stored(bucket: Bucket, model: str, locked: LockedModel) -> StoredModelChecked:
    condition, problems = stored_condition(locked.location(model), bucket)
    return StoredModelChecked(model, condition, tuple(problems))


def _check_older_models(workspace: Workspace, bucket: Bucket, missing: Sequence[str]) -> Iterator[Event]:
    """Check models that only the bucket has and an older LISA locked, and record those that have all their tensors."""
    for model in workspace.needed:
        lock = workspace.lock()
        locked = lock.models.get(model)
        if model in missing or locked is None or locked.converter is not None:
            continue
        checked = _check_stored(bucket, model, locked)
        if checked.is_valid:
            workspace.save(lock.with_model(model, replace(locked, converter=0)))
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
    listing = hub.look_up(model, revision=(known.revision if known else None) or hub.DEFAULT_REVISION)
    if not approve(model, listing.total_bytes):
        raise WeightsError(
            f"{model} was not downloaded. Add it to {MODELS}/{model}, or approve the download or pass --yes."
        )
    yield from _fetch(workspace, listing, step, relock=relock, generate=generate)


def _fetch(
    workspace: Workspace, listing: hub.Listing, step: Step, *, relock: bool, generate: bool
) -> Iterator[ModelLocked]:
    path = workspace.path(listing.model)
    known = None if relock else locked_commit(workspace.lock(), listing.model, listing.revision)
    if known is not None:
        known.require_digests(listing.sha256)
    title = f"fetching {listing.model} at {listing.revision[:12]}"
    with step(title, listing.total_bytes) as progress, track_size(path, progress):
        hub.fetch(listing, path)
    if known is not None:
        known.require_content(workspace.models, workspace.lock(), [name for name, _ in listing.files], step)
    yield from _lock_local(
        workspace, [listing.model], step, revision=listing.revision, omitted=listing.omitted, generate=generate
    )


def _lock_local(
    workspace: Workspace,
    models: Sequence[str],
    step: Step,
    *,
    revision: str | None = None,
    omitted: Iterable[OmittedFile] = (),
    generate: bool = False,
) -> Iterator[ModelLocked]:
    """Convert and lock local models; one that came from the Hub with its revision, and with what was omitted there."""
    resolution = resolve(models, workspace.models, workspace.lock(), generate=generate, step=step)
    lock = workspace.lock()
    for model in models:
        locked = resolution.lock.models.get(model)
        if locked is None:
            continue
        if revision is not None:
            locked = replace(locked, kind=SourceKind.HUB, revision=revision)
        if lock.models.get(model) != locked:
            lock = lock.with_model(model, locked)
            workspace.save(lock)
            yield ModelLocked(model, locked, tuple(sorted({*omitted_files(workspace.path(model)), *omitted})))
    if resolution.issues:
        raise WeightsError(" ".join(_format_issue(finding) for finding in resolution.issues))


def _format_issue(finding: WeightsIssue) -> str:
    reasons = "; ".join(finding.reasons).rstrip(".") or "it does not exist"
    return f"{MODELS}/{finding.model} cannot be locked: {reasons}."
