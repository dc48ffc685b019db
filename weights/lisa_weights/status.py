"""The status of each hosted model: on the disk, in the lock file, in the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.lock.proofs import Proof
from lisa_weights.model_directory import LocalState, ModelDirectory, differences, model_path, read_directory
from lisa_weights.origin import arriving_problem, is_arriving
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.store.bucket import Bucket, MismatchKind

UNCHECKED = (
    "its lock is from a LISA version whose converter could omit tensors, and was not checked since: "
    "`lisa weights stage` checks it in the bucket"
)
"""The problem of a model whose condition is unknown."""


class LockState(StrEnum):
    """Whether a model is in the lock, and whether the disk agrees by names and sizes."""

    ABSENT = "absent"
    DIFFERS = "differs"
    LOCKED = "locked"


class BucketState(StrEnum):
    """The state of a model in the bucket.

    `same` means that every file matches the lock, `unproven` that sizes and metadata match, but the store has no
    checksum of the content, `complete` that the model can be served but is not locked or not compared with the lock,
    `unknown` that the bucket was not read.
    """

    UNKNOWN = "unknown"
    ABSENT = "absent"
    INCOMPLETE = "incomplete"
    DIFFERS = "differs"
    COMPLETE = "complete"
    UNPROVEN = "unproven"
    MATCHES_LOCK = "same"


class Condition(StrEnum):
    """Whether every tensor that the files record is stored.

    `unknown` is a model that an older LISA locked and whose files were not read: the converter before version 2 dropped
    names of tensors that share bytes.
    """

    SOUND = "sound"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"


class NextAction(StrEnum):
    """The command of `lisa weights` that continues with a model."""

    NONE = ""
    FETCH = "fetch"
    CONVERT = "convert"
    STAGE = "stage"
    UPLOAD = "upload"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One model.

    Attributes:
        model: `org/name`.
        needed: whether the deployment hosts it.
        local: how far the directory is from being served.
        lock: whether it is locked.
        bucket: what the bucket holds.
        condition: whether tensors are missing.
        total_bytes: of the lock, else of the directory; 0 when neither is there.
        problems: why it is not complete, on the disk and then in the bucket, sentences without a full stop.
        omitted: files in its directory that are not served, each with the reason.
        proofs: that it can be loaded, as they were recorded when it was locked.
    """

    model: str
    needed: bool
    local: LocalState
    lock: LockState
    bucket: BucketState
    condition: Condition
    total_bytes: int
    problems: tuple[str, ...]
    omitted: tuple[OmittedFile, ...] = ()
    proofs: tuple[Proof, ...] = ()

    @property
    def next_action(self) -> NextAction:
        """The next command for it."""
        if self.condition is Condition.DAMAGED:
            return NextAction.CONVERT if self.local is LocalState.CHECKPOINT else NextAction.FETCH
        if self.bucket in {BucketState.MATCHES_LOCK, BucketState.UNPROVEN} and self.lock is LockState.LOCKED:
            return NextAction.STAGE if self.condition is Condition.UNKNOWN else NextAction.NONE
        if self.local is LocalState.CHECKPOINT:
            return NextAction.CONVERT
        if self.local is LocalState.COMPLETE:
            return self._next_action_of_complete
        return (
            NextAction.VERIFY
            if self.lock is LockState.LOCKED and self.bucket is BucketState.COMPLETE
            else NextAction.FETCH
        )

    @property
    def _next_action_of_complete(self) -> NextAction:
        if self.lock is not LockState.LOCKED:
            return NextAction.STAGE
        return NextAction.NONE if self.bucket is BucketState.UNKNOWN else NextAction.UPLOAD


def status(
    needed: Iterable[str], models: Path, lock: WeightsLock, bucket: Bucket | None = None
) -> tuple[StatusRow, ...]:
    """Determine the status of each needed and each locked model, sorted by name.

    Args:
        needed: names of the models that the deployment hosts.
        models: directory of the local models.
        lock: what is locked.
        bucket: the deployment's models bucket; None skips it.

    Raises:
        WeightsError: the disk or the store refuses, or a name cannot be that of a model.
    """
    wanted = frozenset(needed)
    return tuple(_row(model, model in wanted, models, lock, bucket) for model in sorted(wanted | lock.models.keys()))


def _row(model: str, needed: bool, models: Path, lock: WeightsLock, bucket: Bucket | None) -> StatusRow:
    directory = read_directory(model_path(models, model))
    locked = lock.models.get(model)
    local = directory.state
    problems = list(directory.completeness.problems) if local is not LocalState.ABSENT else []
    if is_arriving(directory.path):
        local = LocalState.INCOMPLETE
        problems.append(arriving_problem(model))
    lock_state = LockState.ABSENT if locked is None else LockState.LOCKED
    if locked is not None and local is LocalState.COMPLETE:
        differing = differences(directory, locked)
        problems.extend(differing)
        lock_state = LockState.DIFFERS if differing else LockState.LOCKED
    bucket_state = BucketState.UNKNOWN
    condition = _local_condition(directory, locked)
    if bucket is not None:
        bucket_state, found = _bucket_state(model, locked, bucket)
        problems.extend(found)
        if condition is Condition.UNKNOWN and bucket_state is not BucketState.ABSENT:
            condition, found = stored_condition(locked.location(model) if locked else model, bucket)
            problems.extend(problem for problem in found if problem not in problems)
    if condition is Condition.UNKNOWN:
        problems.append(UNCHECKED)
    return StatusRow(
        model=model,
        needed=needed,
        local=local,
        lock=lock_state,
        bucket=bucket_state,
        condition=condition,
        total_bytes=locked.total_bytes if locked is not None else directory.total_bytes,
        problems=tuple(problems),
        omitted=directory.omitted,
        proofs=locked.proofs if locked is not None else (),
    )


def stored_condition(prefix: str, bucket: Bucket) -> tuple[Condition, list[str]]:
    """Check a model in the bucket by the headers of its files; returns its condition and sentences about problems.

    Raises:
        WeightsError: the store refuses or does not answer.
    """
    judged = bucket.completeness(prefix)
    messages = [f"{bucket.url(prefix)}: {problem}" for problem in judged.problems]
    if judged.dropped:
        return Condition.DAMAGED, messages
    return Condition.SOUND if judged.is_complete else Condition.UNKNOWN, messages


def _local_condition(directory: ModelDirectory, locked: LockedModel | None) -> Condition:
    if directory.completeness.dropped:
        return Condition.DAMAGED
    is_unchecked = locked is not None and locked.converter is None
    return Condition.UNKNOWN if is_unchecked and directory.state is not LocalState.COMPLETE else Condition.SOUND


def _bucket_state(model: str, locked: LockedModel | None, bucket: Bucket) -> tuple[BucketState, list[str]]:
    prefix = locked.location(model) if locked is not None else model
    if not bucket.files(prefix):
        return BucketState.ABSENT, []
    url = bucket.url(prefix)
    if locked is None:
        judged = bucket.completeness(prefix)
        state = BucketState.COMPLETE if judged.is_complete else BucketState.INCOMPLETE
        return state, [f"{url}: {problem}" for problem in judged.problems]
    compared = bucket.compare(prefix, locked.files)
    messages = [f"{url}: {mismatch.message}" for mismatch in compared.mismatches]
    found = {mismatch.kind for mismatch in compared.mismatches}
    if not found:
        if not compared.unproven:
            return BucketState.MATCHES_LOCK, []
        return BucketState.UNPROVEN, [f"{url}: {unproven_files(compared.unproven)}"]
    if found & {MismatchKind.MISSING, MismatchKind.SIZE}:
        return BucketState.INCOMPLETE, messages
    return (BucketState.DIFFERS if MismatchKind.DIGEST in found else BucketState.COMPLETE), messages


def unproven_files(paths: Sequence[str]) -> str:
    """A sentence about objects whose content the store has no checksum of."""
    count = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    return (
        f"{count} unproven: the size and the recorded digest match the lock file, but the store has no SHA-256 "
        "checksum of the content; `lisa weights verify --deep` reads it"
    )
