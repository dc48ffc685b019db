"""What the use cases of `lisa weights` yield: what was done to a model."""

from __future__ import annotations

from dataclasses import dataclass

from lisa_weights.importing import Imported
from lisa_weights.lock.lock_file import LockedModel
from lisa_weights.lock.proofs import Proof
from lisa_weights.serving.omissions import OmittedFile
from lisa_weights.status import Condition


@dataclass(frozen=True, slots=True)
class ModelLocked:
    """A local model has an entry in the lock file now.

    Attributes:
        model: its name.
        locked: the entry.
        omitted: its other files, on the disk or on the Hub, each with the reason.
    """

    model: str
    locked: LockedModel
    omitted: tuple[OmittedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelImported:
    """A model is in models/, from what it was carried in."""

    imported: Imported


@dataclass(frozen=True, slots=True)
class ModelProved:
    """The proofs that a model loads, of which at least one was made now.

    Attributes:
        model: its name.
        proofs: all of them, by kind.
        is_recorded: whether the lock file has them; not for a directory outside a project.
    """

    model: str
    proofs: tuple[Proof, ...]
    is_recorded: bool = True


@dataclass(frozen=True, slots=True)
class ModelNotProved:
    """A hosted model was not proved, because its files are not on the disk or not locked."""

    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelChecked:
    """A model that an older LISA locked has all its tensors, which the lock file records now."""

    model: str


@dataclass(frozen=True, slots=True)
class ModelUploaded:
    """A model is in the bucket, with the numbers of files that were uploaded and that were there."""

    model: str
    uploaded: int
    present: int


@dataclass(frozen=True, slots=True)
class ModelAdopted:
    """A model of an existing bucket is at the prefix that names its content.

    Attributes:
        model: its name.
        copied: how many objects were copied within the store.
        read: how many objects were read, because the store has no checksum of them.
    """

    model: str
    copied: int
    read: int


@dataclass(frozen=True, slots=True)
class ModelDownloaded:
    """A model is on the disk, with the numbers of files that were downloaded and that were there."""

    model: str
    downloaded: int
    present: int


@dataclass(frozen=True, slots=True)
class ModelVerified:
    """A model in the bucket was compared with the lock file.

    Attributes:
        model: its name.
        url: where it is in the bucket.
        mismatches: a sentence for each file that differs.
        unproven: paths of files of which the store has the digest in the metadata, but no checksum.
    """

    model: str
    url: str
    mismatches: tuple[str, ...]
    unproven: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether no file is known to differ."""
        return not self.mismatches


@dataclass(frozen=True, slots=True)
class StoredModelChecked:
    """The tensors of a model that an older LISA locked were checked in the bucket.

    Attributes:
        model: its name.
        condition: whether it stores every tensor that it records.
        problems: a sentence for each problem.
    """

    model: str
    condition: Condition
    problems: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether it stores every tensor."""
        return self.condition is Condition.SOUND


Verification = ModelVerified | StoredModelChecked
Event = (
    ModelAdopted
    | ModelImported
    | ModelLocked
    | ModelProved
    | ModelNotProved
    | ModelChecked
    | ModelUploaded
    | Verification
)
