"""The list of the types of diagnostics except rules, which docs/diagnostics.md and SARIF logs are made from."""

from __future__ import annotations

from typing import Final

from lisa_schema import artifact_diagnostics, diagnostic_types
from lisa_schema.diagnostic_types import DiagnosticType

DIAGNOSTIC_TYPES: Final[tuple[DiagnosticType, ...]] = tuple(
    value
    for module in (diagnostic_types, artifact_diagnostics)
    for value in vars(module).values()
    if isinstance(value, DiagnosticType)
)
"""Every type of the two modules, in the order of its definition."""
