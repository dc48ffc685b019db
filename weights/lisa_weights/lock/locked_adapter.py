"""The part of a lock entry that only LoRA adapters have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lisa_weights.lock.entry_fields import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAdapter:
    """What is locked of an adapter beside its files.

    Attributes:
        rank: the highest rank of its modules.
        base_model: the name or path of the model that it was trained on, as it states it; None where it does not.
        fits: prefixes in the bucket of the base models that it was compared with and fits, sorted.
    """

    rank: int
    base_model: str | None
    fits: tuple[str, ...] = ()

    def with_fit(self, prefix: str) -> LockedAdapter:
        """The same adapter, which fits one more base model."""
        return replace(self, fits=tuple(sorted({*self.fits, prefix})))

    def as_json(self) -> dict[str, Any]:
        """The part as the lock file has it."""
        return {"rank": self.rank, "baseModel": self.base_model, "fits": list(self.fits)}


def adapter_from_json(fields: Fields) -> LockedAdapter:
    """Read the part.

    Raises:
        FieldError: a key is missing, or has the wrong type.
    """
    return LockedAdapter(
        rank=fields.count("rank"),
        base_model=fields.optional_text("baseModel"),
        fits=tuple(sorted(fields.texts("fits"))),
    )
