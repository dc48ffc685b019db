"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a check found, the worst first; `unknown` is what the facts do not say."""

    FAILS = "fails"
    UNKNOWN = "unknown"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found about one subject.

    Attributes:
        check: name of the check, in kebab case.
        subject: what was checked: an instance type, a certificate, a name.
        status: what was found.
        message: a sentence.
        fix: what to do about it, in the imperative; empty when nothing is to be done.
    """

    check: str
    subject: str
    status: Status
    message: str
    fix: str = ""
