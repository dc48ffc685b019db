"""Preflight: what would fail in an account before anything is deployed there.

`requirements` has what an environment requires, by its plan and its templates. `facts` are the answers of an account,
which `account_facts` reads and a file carries to a network without access to it. `checks` compare the two. Nothing is
changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lisa_compiler.deploy.preflight.checks import check
from lisa_compiler.deploy.preflight.facts import Facts, load_facts, render_facts
from lisa_compiler.deploy.preflight.requirements import Requirements, require
from lisa_compiler.deploy.preflight.result import Result, Status

if TYPE_CHECKING:
    from lisa_compiler.aws.account import Account

__all__ = [
    "Facts",
    "Requirements",
    "Result",
    "Status",
    "check",
    "collect",
    "load_facts",
    "render_facts",
    "require",
]


def collect(
    requirements: Requirements, account: Account, progress: Callable[[str], None] | None = None
) -> tuple[Facts, tuple[str, ...]]:
    """Read an account; see `account_facts.collect`."""
    from lisa_compiler.deploy.preflight import account_facts  # noqa: PLC0415  # boto3, an extra: files need none

    return account_facts.collect(requirements, account, progress)
