"""What the use cases of lisa_weights.stage did to each model, in types that a program can print or compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.status import Condition
from lisa_weights.store.bucket import ObjectMismatch, Transfer


@dataclass(frozen=True, slots=True)
class ModelLocked:
    """A model whose entry in the lock file was added or replaced."""

    model: str
    locked: LockedModel


@dataclass(frozen=True, slots=True)
class ModelInspected:
    """A model in the bucket whose entry an older LISA wrote, judged by the headers of its files.

    Attributes:
        model: `org/name`.
        condition: whether all tensors are stored.
        problems: what is wrong, sentences without a full stop.
    """

    model: str
    condition: Condition
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether all tensors are stored."""
        return self.condition is Condition.SOUND


@dataclass(frozen=True, slots=True)
class ModelUploaded:
    """A model that is in the bucket, with the files that were moved and those that were there."""

    model: str
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class ModelDownloaded:
    """A model that is on the disk, with the files that were moved and those that were there."""

    model: str
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class ModelVerified:
    """A model in the bucket, compared with the lock file.

    Attributes:
        model: `org/name`.
        url: its prefix in the bucket.
        mismatches: objects that differ from the lock file.
        inspected: for an entry of an older LISA, whether all tensors are stored; otherwise None.
    """

    model: str
    url: str
    mismatches: tuple[ObjectMismatch, ...]
    inspected: ModelInspected | None

    @property
    def is_valid(self) -> bool:
        """Whether it matches the lock file and stores all of its tensors."""
        return not self.mismatches and (self.inspected is None or self.inspected.is_sound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What `stage` did.

    Attributes:
        inspected: models of an older LISA that only the bucket has.
        locked: entries of the lock file that were added or replaced.
        uploaded: models that were not yet in the bucket, or are on the disk too.
        verified: every model that the environment hosts.
    """

    inspected: tuple[ModelInspected, ...]
    locked: tuple[ModelLocked, ...]
    uploaded: tuple[ModelUploaded, ...]
    verified: tuple[ModelVerified, ...]

    @property
    def is_valid(self) -> bool:
        """Whether every hosted model can be served from the bucket."""
        return all(model.is_valid for model in self.verified)


Event = ModelLocked | ModelInspected | ModelUploaded | ModelDownloaded | ModelVerified
Report = Callable[[Event], None]
"""Receives each result as soon as it is there."""

E = TypeVar("E", bound=Event)


def ignore(_event: Event) -> None:
    """Report nothing."""


def reported(event: E, report: Report) -> E:
    """Pass a result to `report`, and return it."""
    report(event)
    return event
