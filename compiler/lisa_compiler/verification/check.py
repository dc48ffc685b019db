"""One thing that was looked at in an account, with its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "ok"
    FAILED = "failed"
    UNKNOWN = "not verified"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        component: component of the stack, such as `serve` or `model-mistral7b`.
        subject: what was looked at, such as `instances`.
        outcome: how it ended.
        detail: what was found.
        fix: what to do, in the imperative; empty for a check that passed.
    """

    component: str
    subject: str
    outcome: Outcome
    detail: str
    fix: str = ""


def passed(component: str, subject: str, detail: str) -> Check:
    """A check that found what it must find."""
    return Check(component, subject, Outcome.PASSED, detail)


def failed(component: str, subject: str, detail: str, fix: str) -> Check:
    """A check that found a fault."""
    return Check(component, subject, Outcome.FAILED, detail, fix)


def unknown(component: str, subject: str, detail: str, fix: str) -> Check:
    """A check that could not be made, or that does not apply now."""
    return Check(component, subject, Outcome.UNKNOWN, detail, fix)
