"""The exception tree of LISA: whatever a user can cause is a LisaError."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lisa_schema.diagnostics import Diagnostic


class LisaError(Exception):
    """Root of every error that a user can cause; its text is a whole sentence that says what to do."""


class ConfigurationError(LisaError):
    """The configuration has errors.

    Attributes:
        diagnostics: everything that was found, warnings included, in the order of the files.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        count = sum(1 for diagnostic in self.diagnostics if diagnostic.is_error)
        super().__init__(f"{count} configuration error{'' if count == 1 else 's'}")
