"""The registry of rules: what must hold between fields, each rule a named function over a Config."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """A value that breaks a rule.

    Attributes:
        path: the value that it is reported at.
        message: what is wrong, a sentence.
        fix: what to do about it; the rule's own fix when None. `{environment}` becomes the environment's name.
        related_paths: other values that it follows from.
        severity: the rule's own when None.
    """

    path: Path
    message: str
    fix: str | None = None
    related_paths: tuple[Path, ...] = ()
    severity: Severity | None = None


Check = Callable[[Config], Iterator[RuleViolation]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, as docs/diagnostics.md lists it.

    Attributes:
        code: `LISA3` or `LISA5` and two digits.
        name: its name in kebab case.
        meaning: what it says, a sentence; the docstring of its function.
        fix: what to do when it is broken.
        severity: of its violations, unless one says otherwise.
        check: the function.
    """

    code: str
    name: str
    meaning: str
    fix: str
    severity: Severity
    check: Check = field(repr=False)


_RULES: dict[str, Rule] = {}
_NAMES: set[str] = set()


def rule(code: str, name: str, fix: str, severity: Severity = Severity.ERROR) -> Callable[[Check], Check]:
    """Register a function as a rule; its docstring says what must hold."""

    def register(check: Check) -> Check:
        if code in _RULES or name in _NAMES:
            raise ValueError(f"{code} {name} is registered already")
        _NAMES.add(name)
        _RULES[code] = Rule(code, name, " ".join((check.__doc__ or "").split()), fix, severity, check)
        return check

    return register


def registered_rules() -> tuple[Rule, ...]:
    """Return every registered rule, by code."""
    return tuple(_RULES[code] for code in sorted(_RULES))
