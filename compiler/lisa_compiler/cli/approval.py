"""Approval of what a command is about to do: by its option, or at a prompt."""

from __future__ import annotations

import sys

import typer

from lisa_compiler.aws.errors import DeployError


def require_approval(question: str, *, yes: bool) -> None:
    """Ask a question, unless an option has answered it.

    Raises:
        DeployError: there is no terminal, or the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise DeployError("Cannot prompt for approval without a terminal. Pass --yes to approve.")
    if not typer.confirm(question, err=True):
        raise DeployError("Nothing was changed.")
