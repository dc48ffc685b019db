"""What `lisa weights` prints of what it has done to models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.cli.progress_bar import format_bytes
from lisa_compiler.cli.terminal import ExitCode, print_status
from lisa_compiler.project.paths import MODELS, WEIGHTS_LOCK
from lisa_weights.importing import Imported
from lisa_weights.model_directory import LocalState
from lisa_weights.model_shapes import ModelShape
from lisa_weights.serving.omissions import OmittedFile, by_reason
from lisa_weights.stage_events import (
    Event,
    ModelAdopted,
    ModelChecked,
    ModelDownloaded,
    ModelImported,
    ModelLocked,
    ModelNotProved,
    ModelProved,
    ModelUploaded,
    ModelVerified,
    StoredModelChecked,
)
from lisa_weights.status import Condition, LockState, StatusRow, unproven_files

_SHOWN_PATHS = 8


def print_events(events: Iterable[Event | ModelDownloaded]) -> ExitCode:
    """Print what a use case does to models; FAILED when the last check of one failed."""
    failed: set[tuple[str, type]] = set()
    for event in events:
        for line in _lines(event):
            print_status(line)
        if isinstance(event, ModelVerified | StoredModelChecked):
            check = (event.model, type(event))
            failed = failed - {check} if event.is_valid else failed | {check}
    return ExitCode.FAILED if failed else ExitCode.OK


def _lines(event: Event | ModelDownloaded) -> Iterator[str]:
    match event:
        case ModelProved() | ModelNotProved():
            yield from _proof_lines(event)
        case ModelAdopted(model, copied, read):
            yield f"{model}: {copied} files copied within the bucket, {read} read to verify them"
        case ModelImported(imported):
            yield from _import_lines(imported)
        case ModelLocked(model, locked, omitted):
            size = format_bytes(locked.total_bytes)
            yield f"{model}: locked, {len(locked.files)} files, {size} → {WEIGHTS_LOCK}"
            yield from (f"{model}: {proof.summary}" for proof in locked.proofs)
            yield from (f"{model}: {line}" for line in omission_lines(omitted))
        case ModelChecked(model):
            yield f"{model}: checked, no tensor is missing → {WEIGHTS_LOCK}"
        case ModelUploaded(model, uploaded, present):
            yield f"{model}: {uploaded} files uploaded, {present} already in the bucket"
        case ModelDownloaded(model, downloaded, present):
            yield f"{model}: {downloaded} files downloaded, {present} already present"
        case ModelVerified(model, url, mismatches, unproven):
            result = "matches the lock file"
            if mismatches:
                result = f"{len(mismatches)} files differ from the lock file"
            elif unproven:
                result = unproven_files(unproven)
            yield from (f"{url}: {mismatch}" for mismatch in mismatches)
            yield f"{model}: {result}"
        case StoredModelChecked(model, condition, problems):
            yield from problems
            if condition is Condition.DAMAGED:
                yield _damage(model)


def proof_lines(row: StatusRow) -> list[str]:
    """The proofs of a locked model, a line for each, or the command that makes them."""
    if row.lock is LockState.ABSENT or row.proofs:
        return [proof.summary for proof in row.proofs]
    get = "" if row.local is LocalState.COMPLETE else f"`lisa weights download {row.model}` and "
    return [f"not proved, because an older LISA locked it: run {get}`lisa weights prove {row.model}`"]


def _proof_lines(event: ModelProved | ModelNotProved) -> Iterator[str]:
    if isinstance(event, ModelNotProved):
        yield f"{event.model}: not proved: {event.reason}"
        return
    yield from (f"{event.model}: {proof.summary}" for proof in event.proofs)
    if event.is_recorded:
        yield f"{event.model}: {len(event.proofs)} proofs → {WEIGHTS_LOCK}"
    else:
        yield f"{event.model}: not recorded in {WEIGHTS_LOCK}, because it is not in {MODELS}/ of a project"


def _import_lines(imported: Imported) -> Iterator[str]:
    model, files = imported.model, imported.files
    form = [files.shape.value]
    form += [f"quantized ({imported.quantization})"] if imported.quantization else []
    form += [f"commit {imported.revision[:12]}"] if imported.revision else []
    yield f"{model}: {', '.join(form)}, from a {imported.carrier.value}"
    if files.variant:
        yield f"{model}: the variant {files.variant} is the model's weights now, under their plain names"
    total = format_bytes(sum(imported.sizes.values()))
    verified = f", {len(imported.verified)} verified by digest" if imported.verified else ""
    yield f"{model}: {len(files.taken)} files ({total}) imported{verified} → {MODELS}/{model}"
    for path, reason in sorted(files.left_out.items()):
        yield f"left out: {path} ({reason})"
    if files.shape is ModelShape.ADAPTER:
        base = f" {imported.base_model}" if imported.base_model else ""
        yield f"{model}: an adapter: list it under `adapters` of its base model{base} to serve it"


def omission_lines(omitted: Iterable[OmittedFile]) -> list[str]:
    """A line for each reason, with the files that are omitted for it."""
    lines = []
    for reason, paths in by_reason(omitted).items():
        more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
        lines.append(f"omitted ({reason}): {', '.join(paths[:_SHOWN_PATHS])}{more}")
    return lines


def _damage(model: str) -> str:
    place = f"{MODELS}/{model}"
    return (
        f"{model} is damaged by an older conversion: put its PyTorch checkpoint into {place} and run"
        f" `lisa weights convert {place}`, or run `lisa weights fetch {model}`; then `lisa weights stage`."
    )
