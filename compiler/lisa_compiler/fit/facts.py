"""Facts about a model, each with its source: the lock file, a local directory, or the shipped catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from lisa_weights.shape.transformer import TransformerShape

if TYPE_CHECKING:
    from lisa_weights.lock.lock_file import LockedModel
    from lisa_weights.shape.transformer import CheckpointShape

_LOCK_OVERHEAD = 0.03
"""Share of a model's files that may be no tensors: tokenizers and configuration."""

_MOST_SHARE = 0.9
"""Share of an upper limit of the catalogue that the tensors have at least."""


class Source(StrEnum):
    """Where a fact comes from."""

    LOCAL = "models/"
    LOCK = "weights.lock.json"
    CATALOGUE = "shipped catalogue"
    UNKNOWN = "unknown"

    @property
    def is_own(self) -> bool:
        """Whether the fact is of the very files that are deployed."""
        return self in (Source.LOCAL, Source.LOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorBytes:
    """Bytes of a checkpoint's tensors in its own dtype.

    Attributes:
        low: at least so many.
        high: at most so many; None when there is no upper limit.
        embeddings: those of the input embedding and the output head, which runtime quantization leaves alone; None
            when they are unknown.
        detail: how they were determined.
    """

    low: int
    high: int | None
    embeddings: int | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known about a model.

    Attributes:
        name: its name, `org/name`.
        tensors: bytes of its tensors; None when they are unknown.
        tensors_from: their source.
        shape: its shape; None when it is unknown.
        shape_from: the source of the shape.
        largest_file_bytes: bytes of its largest safetensors file; None when it is unknown.
        total_bytes: bytes of all its files; None when it is unknown.
    """

    name: str
    tensors: TensorBytes | None = None
    tensors_from: Source = Source.UNKNOWN
    shape: TransformerShape | None = None
    shape_from: Source = Source.UNKNOWN
    largest_file_bytes: int | None = None
    total_bytes: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether all facts are of the very files that are deployed."""
        return self.tensors_from.is_own and self.shape_from.is_own

    def merged(self, other: ModelFacts) -> ModelFacts:
        """These facts, with what they lack from another source."""
        found = self
        if self.tensors is None and other.tensors is not None:
            found = replace(found, tensors=other.tensors, tensors_from=other.tensors_from)
        if self.shape is None and other.shape is not None:
            found = replace(found, shape=other.shape, shape_from=other.shape_from)
        return replace(
            found,
            largest_file_bytes=found.largest_file_bytes or other.largest_file_bytes,
            total_bytes=found.total_bytes or other.total_bytes,
        )


def facts_of(name: str, locked: LockedModel | None = None, local: CheckpointShape | None = None) -> ModelFacts:
    """Gather the facts about a model: of its local directory, else of its lock entry, else of the catalogue.

    A catalogue entry is found by the exact name only: a fine-tuned model with another name is unknown until it is
    staged.

    Args:
        name: the model's name.
        locked: its entry in weights.lock.json.
        local: the shape of its directory in models/.
    """
    facts = ModelFacts(name=name)
    known = catalogued(name)
    if local is not None:
        facts = facts.merged(of_checkpoint(name, local, Source.LOCAL))
    if locked is not None:
        of_files = of_lock(name, locked)
        if known is not None and locked.shape is None and _agree(of_files, known):
            of_files = replace(of_files, tensors=known.tensors, tensors_from=known.tensors_from)
        facts = facts.merged(of_files)
    return facts if known is None else facts.merged(known)


def _agree(of_files: ModelFacts, known: ModelFacts) -> bool:
    """Return whether the exact size in the catalogue is one that files of this total size can have."""
    if of_files.tensors is None or known.tensors is None or known.tensors.high is None:
        return False
    return of_files.tensors.low <= known.tensors.high <= (of_files.total_bytes or 0)


def of_checkpoint(name: str, shape: CheckpointShape, source: Source) -> ModelFacts:
    """Return the facts in a model's files."""
    return ModelFacts(
        name=name,
        tensors=TensorBytes(
            low=shape.tensor_bytes,
            high=shape.tensor_bytes,
            embeddings=shape.embedding_bytes,
            detail="safetensors headers",
        ),
        tensors_from=source,
        shape=shape.transformer,
        shape_from=source if shape.transformer is not None else Source.UNKNOWN,
        largest_file_bytes=shape.largest_file_bytes,
    )


def of_lock(name: str, locked: LockedModel) -> ModelFacts:
    """Return the facts in a lock entry; one of an older LISA has the size of the files alone."""
    total = locked.total_bytes
    if locked.shape is not None:
        return replace(of_checkpoint(name, locked.shape, Source.LOCK), total_bytes=total)
    weights = [file.size for file in locked.files if file.path.endswith(".safetensors")]
    return ModelFacts(
        name=name,
        tensors=TensorBytes(
            low=int(total * (1 - _LOCK_OVERHEAD)), high=None, embeddings=None, detail="size of all files less 3 %"
        ),
        tensors_from=Source.LOCK,
        largest_file_bytes=max(weights, default=None),
        total_bytes=total,
    )


def catalogued(name: str) -> ModelFacts | None:
    """Return the facts about a model of data/models.json; None for another name."""
    row = _rows().get(name)
    return None if row is None else _catalogued(name, row)


@cache
def catalogue() -> Mapping[str, ModelFacts]:
    """Return the facts about all models of data/models.json, by name."""
    return {name: _catalogued(name, row) for name, row in _rows().items()}


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    text = (resources.files("lisa_compiler.fit") / "data" / "models.json").read_text(encoding="utf-8")
    content = cast("dict[str, Any]", json.loads(text))
    return {**content["models"], **content["embeddings"]}


def _catalogued(name: str, row: Mapping[str, Any]) -> ModelFacts:
    shape = TransformerShape.from_json(row)
    exact, least, most = (_size(row.get(key)) for key in ("bytes", "bytesAtLeast", "bytesAtMost"))
    tensors = None
    if low := exact or least or int((most or 0) * _MOST_SHARE):
        tensors = TensorBytes(
            low=low,
            high=exact or most,
            embeddings=embedding_bytes(shape),
            detail=row["bytesFrom"],
        )
    return ModelFacts(
        name=name,
        tensors=tensors,
        tensors_from=Source.UNKNOWN if tensors is None else Source.CATALOGUE,
        shape=shape,
        shape_from=Source.CATALOGUE,
    )


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def embedding_bytes(shape: TransformerShape) -> int:
    """Compute bytes of the input embedding and the output head, which stay in 16 bits when a model is quantized."""
    size = 4 if shape.dtype == "float32" else 2
    return shape.vocab * shape.hidden * size * (1 if shape.ties_embeddings else 2)
