"""`lisa verify`, which `lisa deploy` does as well when it has deployed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.deployment_options import deployment_options, warn_if_out_of_date
from lisa_compiler.cli.options import TableFormat, command_group, takes
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.verification.check import Check, Outcome
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Stack
    from lisa_compiler.aws.cloudformation import CloudFormation
    from lisa_compiler.verification.verify import VerificationOptions

app = command_group()

TOKEN_VARIABLE = "LISA_API_TOKEN"  # noqa: S105  # the name of a variable
"""Environment variable of the token, by which no other user of the machine can read it."""

TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="File with the token of requests; default: LISA_API_TOKEN."),
]
CaBundle = Annotated[
    Path | None,
    typer.Option(
        "--ca-bundle",
        metavar="FILE",
        help="PEM certificates to trust for the gateway; default: the system's.",
        exists=True,
        dir_okay=False,
    ),
]


@app.command(epilog="lisa verify --env prod --wait 900")
@takes(deployment_options)
def verify(
    context: DeploymentContext,
    *,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="Repeat failed checks for this long.")
    ] = 0,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Timeout of each request.")
    ] = 60,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Address of the gateway; default: the output of the serve stack."),
    ] = None,
    token_file: TokenFile = None,
    ca_bundle: CaBundle = None,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.")] = TableFormat.TEXT,
) -> None:
    """Verify that a deployment serves: stacks, instances, tasks, targets and requests.

    Exits with 1 if a check failed, and shows the fix. Requests require a token.
    """
    from lisa_compiler.deploy.session import open_cloudformation  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.verification.verify import VerificationOptions  # noqa: PLC0415  # likewise

    if url is not None and not url.startswith(("https://", "http://")):
        raise typer.BadParameter("The address must start with https:// or http://.", param_hint="--url")
    options = VerificationOptions(
        token=read_token(token_file), url=url, ca_bundle=ca_bundle, timeout=timeout, wait=wait
    )
    assembly = context.assembly()
    warn_if_out_of_date(context)
    cloudformation = open_cloudformation(context.account(), assembly)
    raise typer.Exit(run_checks(context, assembly.stacks, cloudformation, options, as_json=form is TableFormat.JSON))


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


def run_checks(
    context: DeploymentContext,
    stacks: Sequence[Stack],
    cloudformation: CloudFormation,
    options: VerificationOptions,
    *,
    as_json: bool = False,
) -> ExitCode:
    """Verify these stacks and print the result."""
    from lisa_compiler.verification.verify import verify as verify_stacks  # noqa: PLC0415  # boto3: 0.4 s

    checks = verify_stacks(context.deployment, stacks, cloudformation, options, print_status)
    if as_json:
        write_output(json.dumps([asdict(check) for check in checks], indent=2) + "\n")
    else:
        write_output(table(("STACK", "CHECK", "RESULT", "DETAIL"), [_row(check) for check in checks]))
    failed, unknown = _with(checks, Outcome.FAILED), _with(checks, Outcome.UNKNOWN)
    for check in (*failed, *unknown):
        print_status(f"{check.component}, {check.subject}: {check.fix}")
    counts = (
        f"{len(failed)} of {len(checks)} checks failed" if failed else f"{len(checks) - len(unknown)} checks passed"
    )
    rest = f", {len(unknown)} not verified" if unknown else ""
    print_status(f"{context.environment}: {counts}{rest}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _row(check: Check) -> tuple[str, str, str, str]:
    return (check.component, check.subject, check.outcome.value, " ".join(check.detail.split()))


def _with(checks: Sequence[Check], outcome: Outcome) -> list[Check]:
    return [check for check in checks if check.outcome is outcome]
