"""The weights of one environment: its models directory, its lock file and its models bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel, WeightsLock, load, save
from lisa_weights.model_directory import ModelDirectory, model_path, read_directory
from lisa_weights.store import s5cmd
from lisa_weights.store.bucket import Bucket

MODELS = "models"
"""Directory of the local models in a project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where the weights of an environment are.

    Attributes:
        project: directory of config.yaml, of the lock file and of `models/`.
        environment: name of the environment.
        bucket_name: its models bucket.
        needed: names of the hosted models, each once, in the order of the configuration.
        endpoint_url: address of S3 or of an S3-compatible store; None lets s5cmd choose the one of the Region.
    """

    project: Path
    environment: str
    bucket_name: str
    needed: tuple[str, ...]
    endpoint_url: str | None = None

    @property
    def models(self) -> Path:
        """Directory of the local models."""
        return self.project / MODELS

    def directory(self, model: str) -> ModelDirectory:
        """Read a model's local directory; one that does not exist is empty.

        Raises:
            WeightsError: the name is not that of a model, or the directory cannot be read.
        """
        return read_directory(model_path(self.models, model))

    def bucket(self) -> Bucket:
        """Open the models bucket.

        Raises:
            WeightsError: s5cmd is not installed.
        """
        return Bucket(self.bucket_name, s5cmd.find(self.endpoint_url))

    def lock(self) -> WeightsLock:
        """Read the lock file; one that does not exist is empty.

        Raises:
            WeightsError: it cannot be read or is not a lock file.
        """
        return load(self.project / LOCK_FILE)

    def locked(self, model: str) -> LockedModel:
        """Return a model's entry in the lock file.

        Raises:
            WeightsError: it has none, or the lock file cannot be read.
        """
        found = self.lock().models.get(model)
        if found is None:
            raise WeightsError(
                f"{model} is not in {LOCK_FILE}: run `lisa weights stage --env {self.environment}` first."
            )
        return found

    def save_locked(self, model: str, locked: LockedModel) -> None:
        """Add or replace a model's entry in the lock file, atomically.

        Raises:
            WeightsError: the lock file cannot be read or written.
        """
        save(self.project / LOCK_FILE, self.lock().with_model(model, locked))

    def chosen(self, models: Sequence[str]) -> tuple[str, ...]:
        """Return the named models; default: all that the environment hosts."""
        return tuple(models) or self.needed
