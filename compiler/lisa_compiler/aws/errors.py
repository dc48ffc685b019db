"""The error of this package."""

from __future__ import annotations

from lisa_schema.errors import LisaError


class DeployError(LisaError):
    """An artifact or a stack could not be brought into the account; the text says why and what to do."""
