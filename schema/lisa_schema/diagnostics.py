"""Diagnostics: what is wrong with a configuration, where, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
    """An error or warning about a configuration.

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

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data, which from_dict() reads."""
        origin = self.origin
        return {
            "code": self.code,
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "fix": self.fix,
            "keyPath": self.key_path,
            "file": origin.file if origin else None,
            "line": origin.line if origin else 0,
            "column": origin.column if origin else 0,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnostic:
        """Read what to_dict() returned."""
        return cls(
            code=data["code"],
            rule=data["rule"],
            severity=Severity(data["severity"]),
            message=data["message"],
            fix=data["fix"],
            key_path=data["keyPath"],
            origin=None if data["file"] is None else Origin(data["file"], data["line"], data["column"]),
        )
