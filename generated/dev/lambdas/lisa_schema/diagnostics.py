"""Diagnostics: what is wrong with a configuration, where, why, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a diagnostic matters: an error fails the compile, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value was written.

    Attributes:
        file: path relative to the project, with forward slashes; `--set`, `--region` … for an option.
        line: from 1; 0 when there is no line (an option, a missing file).
        column: from 1; 0 when there is no column.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a configuration.

    Attributes:
        code: stable identifier, `LISA` and three digits: 1xx reading, 2xx structure, 3xx rules, 4xx artifacts.
        rule: the rule's name in kebab case, as in docs/diagnostics.md.
        severity: error or warning.
        message: what is wrong, a sentence without the place.
        fix: what to do about it, an imperative sentence; empty when the message says it already.
        key_path: dotted path as a user writes it with `--set`: `ecsModels[0].instanceType`.
        origin: file, line and column; None when it concerns no place.
    """

    code: str
    rule: str
    severity: Severity
    message: str
    fix: str = ""
    key_path: str = ""
    origin: Origin | None = None

    @property
    def is_error(self) -> bool:
        """Whether the compile fails because of it."""
        return self.severity is Severity.ERROR
