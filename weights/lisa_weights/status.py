"""Where each model of a deployment stands: needed, on the disk, in the lock, in the bucket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.model_directory import LocalState, ModelDirectory, differences, model_path, read_directory
from lisa_weights.store.bucket import Bucket, Problem

UNCHECKED = (
    "its lock is from a LISA version whose converter could omit tensors, and was not checked since: "
    "`lisa weights stage` checks it in the bucket"
)
"""What is said of a model whose condition is unknown."""


class LockState(StrEnum):
    """Whether a model is in the lock, and whether the disk agrees by names and sizes."""

    ABSENT = "absent"
    DIFFERS = "differs"
    LOCKED = "locked"


class BucketState(StrEnum):
    """What the bucket holds of a model.

    `same` means every file with the lock's size and digest, `complete` a model that is whole but is not locked or not
    known to be the same, `unknown` that nobody asked.
    """

    UNKNOWN = "unknown"
    ABSENT = "absent"
    INCOMPLETE = "incomplete"
    DIFFERS = "differs"
    COMPLETE = "complete"
    SAME = "same"


class Condition(StrEnum):
    """Whether every tensor that the files record is stored.

    `unknown` is a model that an older LISA locked and whose files were not read here: the converter before version 2
    dropped names of tensors that share bytes.
    """

    SOUND = "sound"
    UNKNOWN = "unknown"
    DAMAGED = "damaged"


class Step(StrEnum):
    """What brings a model on: the command of `lisa weights` by that name."""

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
    """

    model: str
    needed: bool
    local: LocalState
    lock: LockState
    bucket: BucketState
    condition: Condition
    total_bytes: int
    problems: tuple[str, ...]

    @property
    def next_step(self) -> Step:
        """What to do about it."""
        if self.condition is Condition.DAMAGED:
            return Step.CONVERT if self.local is LocalState.CHECKPOINT else Step.FETCH
        if self.bucket is BucketState.SAME and self.lock is LockState.LOCKED:
            return Step.STAGE if self.condition is Condition.UNKNOWN else Step.NONE
        if self.local is LocalState.CHECKPOINT:
            return Step.CONVERT
        if self.local is LocalState.COMPLETE:
            return self._next_step_of_complete
        return Step.VERIFY if self.lock is LockState.LOCKED and self.bucket is BucketState.COMPLETE else Step.FETCH

    @property
    def _next_step_of_complete(self) -> Step:
        if self.lock is not LockState.LOCKED:
            return Step.STAGE
        return Step.NONE if self.bucket is BucketState.UNKNOWN else Step.UPLOAD


def status(
    needed: Iterable[str], models: Path, lock: WeightsLock, bucket: Bucket | None = None
) -> tuple[StatusRow, ...]:
    """Tell where each model stands: those that are needed and those that are locked, sorted by name.

    Args:
        needed: names of the models that the deployment hosts.
        models: directory of the local models.
        lock: what is locked.
        bucket: the deployment's models bucket; None does not ask.

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
            condition, found = stored_condition(model, bucket)
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
    )


def stored_condition(model: str, bucket: Bucket) -> tuple[Condition, list[str]]:
    """Judge a model in the bucket by the headers of its files; with sentences about what is wrong.

    Raises:
        WeightsError: the store refuses or does not answer.
    """
    judged = bucket.completeness(model)
    messages = [f"{bucket.url(model)}: {problem}" for problem in judged.problems]
    if judged.dropped:
        return Condition.DAMAGED, messages
    return Condition.SOUND if judged.is_complete else Condition.UNKNOWN, messages


def _local_condition(directory: ModelDirectory, locked: LockedModel | None) -> Condition:
    if directory.completeness.dropped:
        return Condition.DAMAGED
    is_unchecked = locked is not None and locked.converter is None
    return Condition.UNKNOWN if is_unchecked and directory.state is not LocalState.COMPLETE else Condition.SOUND


def _bucket_state(model: str, locked: LockedModel | None, bucket: Bucket) -> tuple[BucketState, list[str]]:
    if not bucket.files(model):
        return BucketState.ABSENT, []
    if locked is None:
        judged = bucket.completeness(model)
        state = BucketState.COMPLETE if judged.is_complete else BucketState.INCOMPLETE
        return state, [f"{bucket.url(model)}: {problem}" for problem in judged.problems]
    findings = bucket.verify(model, locked)
    messages = [f"{bucket.url(model)}: {finding.message}" for finding in findings]
    found = {finding.problem for finding in findings}
    if not found:
        return BucketState.SAME, []
    if found & {Problem.MISSING, Problem.SIZE}:
        return BucketState.INCOMPLETE, messages
    return (BucketState.DIFFERS if Problem.DIGEST in found else BucketState.COMPLETE), messages
