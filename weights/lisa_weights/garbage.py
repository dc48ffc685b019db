"""Weights in the bucket that no committed lock file names, and their removal; nothing calls it automatically."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from lisa_weights.errors import WeightsError
from lisa_weights.lock.committed_locks import ReachedWeights, read_committed_locks
from lisa_weights.lock.model_names import is_model_name
from lisa_weights.store.bucket import Bucket, StoredFile
from lisa_weights.store.s5cmd import Failure, transfer_error
from lisa_weights.workspace import Workspace

MIN_AGE_DAYS = 7
"""Younger objects are kept: their lock file may not be committed yet."""

_CONTENT = re.compile(r"([0-9a-f]{64})/(.+)")
_OLD_LAYOUT = re.compile(r"(\d+_[A-Za-z]\w*/)?[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWeights:
    """The objects below one prefix.

    Attributes:
        model: the model's name.
        prefix: `<model>/<content digest>`; the model's name for objects of the layout without prefixes.
        files: the objects.
        age_days: whole days since the last one was written.
    """

    model: str
    prefix: str
    files: tuple[StoredFile, ...]
    age_days: int

    @property
    def total_bytes(self) -> int:
        """Bytes of all objects."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageOptions:
    """What is removed.

    Attributes:
        tips_only: keep only what the tips of branches and tags name, not what older commits name.
        min_age_days: keep younger objects.
        old_layout: include the objects of the layout without prefixes.
    """

    tips_only: bool = False
    min_age_days: int = MIN_AGE_DAYS
    old_layout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """The result of comparing the bucket with the lock files.

    Attributes:
        url: address of the bucket.
        reached: what the lock files name.
        unreached: what none of them names, sorted.
        young: what none of them names, but is too young, sorted.
        kept: how many prefixes lock files name.
    """

    url: str
    reached: ReachedWeights
    unreached: tuple[StoredWeights, ...]
    young: tuple[StoredWeights, ...]
    kept: int


def find_garbage(workspace: Workspace, options: GarbageOptions, *, today: datetime | None = None) -> Garbage:
    """Find weights of this repository's models that no lock file names; removes nothing.

    Args:
        workspace: where the weights are.
        options: what counts.
        today: the time now.

    Raises:
        WeightsError: the clone does not have all lock files, or the store refuses.
    """
    reached = read_committed_locks(workspace.project, tips_only=options.tips_only)
    bucket, clock = workspace.bucket(), today or datetime.now(UTC)
    staged = {name for name, entry in workspace.lock().models.items() if entry.prefix is not None}
    unreached: list[StoredWeights] = []
    young: list[StoredWeights] = []
    kept = 0
    for model in sorted(reached.models | set(workspace.needed)):
        if not is_model_name(model):
            continue
        for stored in _stored(bucket, model, clock):
            if stored.prefix == model:
                named = not options.old_layout or _may_be_read(model, reached, staged)
            else:
                named = stored.prefix in reached.prefixes
            if named:
                kept += 1
            else:
                (unreached if stored.age_days >= options.min_age_days else young).append(stored)
    return Garbage(
        url=f"s3://{bucket.name}", reached=reached, unreached=tuple(unreached), young=tuple(young), kept=kept
    )


def remove_garbage(workspace: Workspace, unreached: Iterable[StoredWeights]) -> Iterator[tuple[StoredWeights, bool]]:
    """Remove what was found and shown; yields each with whether it was removed.

    Objects that changed since they were shown are kept.

    Raises:
        WeightsError: the store refuses.
    """
    bucket = workspace.bucket()
    for stored in unreached:
        now = {found.prefix: found.files for found in _stored(bucket, stored.model, datetime.now(UTC))}
        if now.get(stored.prefix) != stored.files:
            yield stored, False
            continue
        failures: list[Failure] = []
        urls = [bucket.url(stored.prefix, file.path) for file in stored.files]
        list(bucket.store.run([("rm", "--raw", url) for url in urls], failures))
        if any("AccessDenied" in failure.reason for failure in failures):
            raise WeightsError(
                f"{bucket.url(stored.prefix)}: access is denied: the credentials require s3:DeleteObject on it."
            )
        if failures:
            raise transfer_error(bucket.url(stored.prefix), failures)
        yield stored, True


def _may_be_read(model: str, reached: ReachedWeights, staged: set[str]) -> bool:
    """Whether a container may read a model in the layout without prefixes."""
    return model in reached.without_prefix or model not in staged or bool(reached.unreadable)


def _stored(bucket: Bucket, model: str, clock: datetime) -> Iterator[StoredWeights]:
    groups: dict[str, list[StoredFile]] = {}
    for file in bucket.all_files(model):
        if found := _CONTENT.fullmatch(file.path):
            groups.setdefault(f"{model}/{found[1]}", []).append(replace(file, path=found[2]))
        elif _OLD_LAYOUT.fullmatch(file.path):
            groups.setdefault(model, []).append(file)
    for prefix, files in sorted(groups.items()):
        age = clock - max(_time(file, clock) for file in files)
        yield StoredWeights(model=model, prefix=prefix, files=tuple(files), age_days=max(0, age // timedelta(days=1)))


def _time(file: StoredFile, clock: datetime) -> datetime:
    """When an object was written; now, so that it is kept, if the store does not report it."""
    try:
        written = datetime.fromisoformat(file.last_modified)
    except ValueError:
        return clock
    return written if written.tzinfo else written.replace(tzinfo=UTC)
