"""What can go wrong with model weights: a checkpoint that is refused, a lock or a store that is not as it must be."""

from __future__ import annotations

from lisa_schema.errors import LisaError


class WeightsError(LisaError):
    """Model weights cannot be read, converted, locked or transferred; the text says why and what to do."""
