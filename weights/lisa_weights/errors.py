"""Errors of model weights: a rejected checkpoint, an invalid lock file, or a store that refuses a transfer."""

from __future__ import annotations

from lisa_schema.errors import LisaError


class WeightsError(LisaError):
    """Model weights cannot be read, converted, locked or transferred; the text has the cause and the fix."""
