"""`lisa doctor`."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.deployment_options import deployment_options, warn_if_out_of_date
from lisa_compiler.cli.options import TableFormat, command_group, takes
from lisa_compiler.cli.spinner import phase_spinner
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.deploy import preflight
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.project.paths import shown_path
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.deploy.preflight import Facts, Requirements, Result

app = command_group()

_WIDTH = 116


@app.command(
    epilog=(
        "lisa doctor --env prod\n\n"
        "lisa doctor --env airgap --export facts.json    [dim]# where the account can be reached[/dim]\n\n"
        "lisa doctor --env airgap --facts facts.json     [dim]# elsewhere[/dim]"
    )
)
@takes(deployment_options)
def doctor(
    context: DeploymentContext,
    *,
    facts: Annotated[
        Path | None,
        typer.Option("--facts", metavar="FILE", help="Read a file written by --export instead of the account."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the facts read from the account to a file."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings and unknown results as failures.")] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.")] = TableFormat.TEXT,
) -> None:
    """Report what would fail in the account before a deployment. Changes nothing."""
    if facts and export:
        raise typer.BadParameter("--facts and --export are mutually exclusive.", param_hint="--export")
    requirements = preflight.require(context.deployment, context.assembly())
    warn_if_out_of_date(context)
    if export:
        _export(context, requirements, export)
        return
    known = preflight.load_facts(facts) if facts else _collect(context, requirements)[0]
    results = preflight.check(requirements, known)
    counts = Counter(result.status for result in results)
    if form is TableFormat.JSON:
        head = {"environment": context.environment, "account": known.account, "region": known.region}
        content = {**head, "taken": known.taken, "results": [asdict(result) for result in results]}
        write_output(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    else:
        write_output(_as_text(results))
    shown = ", ".join(f"{status}: {counts[status]}" for status in preflight.Status if counts[status])
    print_status(f"{context.environment} → account {known.account}, {known.region}, as of {known.taken}: {shown}")
    failed = counts[preflight.Status.FAILS]
    uncertain = counts[preflight.Status.WARNING] + counts[preflight.Status.UNKNOWN]
    raise typer.Exit(ExitCode.FAILED if failed or (strict and uncertain) else ExitCode.OK)


def _export(context: DeploymentContext, requirements: Requirements, output: Path) -> None:
    facts, permissions = _collect(context, requirements)
    try:
        output.write_text(preflight.render_facts(facts), encoding="utf-8", newline="\n")
    except OSError as error:
        raise LisaError(f"{output} cannot be written: {error.strerror}.") from error
    print_status(f"wrote {shown_path(output)}, read with {', '.join(permissions)}")
    print_status(f"check it with `lisa doctor --env {context.environment} --facts {shown_path(output)}`")


def _collect(context: DeploymentContext, requirements: Requirements) -> tuple[Facts, tuple[str, ...]]:
    with phase_spinner() as progress:
        return preflight.collect(requirements, context.account(), progress)


def _as_text(results: Sequence[Result]) -> str:
    """Results that are not ok with message and fix, then a table of the others."""
    lines = []
    for result in results:
        if result.status is preflight.Status.OK:
            continue
        lines.append(f"{result.status.upper()}  {result.check}  {result.subject}\n")
        lines += [f"{line}\n" for line in _wrapped(result.message)]
        lines += [f"{line}\n" for line in _wrapped(result.fix, "fix: ")]
        lines.append("\n")
    fine = [(one.status, one.check, one.subject, one.message) for one in results if one.status is preflight.Status.OK]
    return "".join(lines) + (table(("STATUS", "CHECK", "SUBJECT", "FOUND"), fine) if fine else "")


def _wrapped(text: str, start: str = "") -> list[str]:
    if not text:
        return []
    indent = " " * 2
    return textwrap.wrap(
        f"{start}{text}",
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
