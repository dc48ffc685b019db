"""What `lisa verify` does, and `lisa deploy` at its end: verify, show a table and the fixes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.targets import Target
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.verification.check import Check, Outcome
from lisa_compiler.verification.verify import VerificationOptions
from lisa_compiler.verification.verify import verify as verify_deployment
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Stack

TOKEN_VARIABLE = "LISA_API_TOKEN"  # noqa: S105  # the name of a variable
"""Environment variable of the token, by which no other user of the machine can read it."""


def read_token(file: Path | None) -> str | None:
    """Read the token from a file, else from the environment; None when there is none.

    Raises:
        LisaError: the file cannot be read or is empty.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LisaError(f"The token in {file} cannot be read: {error}. Correct --token-file.") from error
    if not token:
        raise LisaError(f"{file} has no token. Write the token into it, or correct --token-file.")
    return token


def verify(target: Target, options: VerificationOptions, *, as_json: bool) -> ExitCode:
    """Verify an environment; exit code 1 when a check failed."""
    assembly = target.assembly()
    target.warn_if_out_of_date()
    first = assembly.stacks[0]
    cloudformation = CloudFormation(target.account(), first.reader, first.deployer)
    return run_checks(target, assembly.stacks, cloudformation, options, as_json=as_json)


def run_checks(
    target: Target,
    stacks: Sequence[Stack],
    cloudformation: CloudFormation,
    options: VerificationOptions,
    *,
    as_json: bool = False,
) -> ExitCode:
    """Verify these stacks and show the result."""
    checks = verify_deployment(target.deployment, stacks, cloudformation, options, say)
    if as_json:
        put(json.dumps([asdict(check) for check in checks], indent=2) + "\n")
    else:
        put(table(("STACK", "CHECK", "RESULT", "DETAIL"), [_row(check) for check in checks]))
    _show_fixes(target, checks)
    return ExitCode.FAILED if _with(checks, Outcome.FAILED) else ExitCode.OK


def _row(check: Check) -> tuple[str, str, str, str]:
    return (check.component, check.subject, check.outcome.value, " ".join(check.detail.split()))


def _show_fixes(target: Target, checks: Sequence[Check]) -> None:
    failed, unknown = _with(checks, Outcome.FAILED), _with(checks, Outcome.UNKNOWN)
    for check in (*failed, *unknown):
        say(f"{check.component}, {check.subject}: {check.fix}")
    counts = (
        f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks) - len(unknown)} checks passed"
    )
    rest = f", {len(unknown)} not verified" if unknown else ""
    say(f"{target.environment}: {counts}{rest}")


def _with(checks: Sequence[Check], outcome: Outcome) -> list[Check]:
    return [check for check in checks if check.outcome is outcome]
