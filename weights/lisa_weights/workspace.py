"""Where the weights of an environment's models are: a disk, a lock file and a bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel, WeightsLock
from lisa_weights.model_directory import LocalState, model_path, read_directory
from lisa_weights.origin import is_arriving
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket
from lisa_weights.store.checksums import ChecksumClient

MODELS = "models"
"""Directory of local models in a project."""


def no_checksums() -> ChecksumClient | None:
    """The client where S3's checksums are neither sent nor read."""
    return None


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where weights are, for one environment of a project.

    Attributes:
        project: directory of config.yaml, of the lock file and of models/.
        environment: name of the environment.
        bucket_name: its models bucket.
        needed: names of the models that it hosts, each once, in the order of the configuration, and then of adapters.
        endpoint_url: address for s5cmd, of an S3-compatible store or of S3; None where it finds S3 itself.
        checksums: opens the client for S3's checksums, where the bucket is read or written.
        bases: names of the base models of each adapter.
    """

    project: Path
    environment: str
    bucket_name: str
    needed: tuple[str, ...]
    endpoint_url: str | None
    checksums: Callable[[], ChecksumClient | None] = no_checksums
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def models(self) -> Path:
        """Directory of the local models."""
        return self.project / MODELS

    def path(self, model: str) -> Path:
        """Directory of a local model."""
        return model_path(self.models, model)

    def local_state(self, model: str) -> LocalState:
        """State of a local model; incomplete while it is being downloaded."""
        path = self.path(model)
        return LocalState.INCOMPLETE if is_arriving(path) else read_directory(path).state

    def bucket(self) -> Bucket:
        """The models bucket."""
        return Bucket(self.bucket_name, s5cmd.find(self.endpoint_url), self.checksums())

    def lock(self) -> WeightsLock:
        """Read the lock file."""
        return lock_file.load(self.project / LOCK_FILE)

    def save(self, lock: WeightsLock) -> None:
        """Write the lock file."""
        lock_file.save(self.project / LOCK_FILE, lock)

    def record(self, model: str, entry: LockedModel) -> bool:
        """Write a model's entry to the lock file; returns whether it is new or has changed."""
        return bool(lock_file.record_models(self.project / LOCK_FILE, {model: entry}))

    def locked(self, model: str) -> LockedModel:
        """Read the lock file's entry of one model.

        Raises:
            WeightsError: it has none.
        """
        found = self.lock().models.get(model)
        if found is None:
            raise WeightsError(
                f"{model} is not in {LOCK_FILE}: run `lisa weights stage --env {self.environment}` first."
            )
        return found

    def selected(self, models: Sequence[str]) -> tuple[str, ...]:
        """The models that are named; all that the environment hosts when none is."""
        return tuple(models) or self.needed
