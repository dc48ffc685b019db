"""`lisa policy`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.diagnostics import print_diagnostics, project_prefix
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import DiagnosticFormat, command_group, environments_options, takes
from lisa_compiler.cli.report import Format, render, summarize_counts
from lisa_compiler.cli.terminal import ExitCode, print_status
from lisa_compiler.policy.check import PolicyOptions, check_project
from lisa_compiler.policy.finding import Tool
from lisa_compiler.project.project import Project
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.errors import ConfigurationError, LisaError

app = command_group()


@app.command(epilog="lisa policy --all --format github --sarif policy.sarif\n\nlisa policy --env dev --only lisa")
@takes(environments_options)
def policy(
    invocation: Invocation,
    *,
    only: Annotated[
        list[Tool] | None, typer.Option("--only", help="Run only this check, may be repeated; default: all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Directory of the compiled output; default: generated/ of the project.",
        ),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            metavar="DAY",
            help="Date for the expiry of waivers, such as 2027-03-31; default: today.",
        ),
    ] = None,
    today: Annotated[datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], hidden=True)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors, for CI.")] = False,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Also write SARIF, for code scanning.")
    ] = None,
    form: DiagnosticFormat = Format.TEXT,
) -> None:
    """Check compiled output with cfn-lint, cdk-nag, LISA rules and LiteLLM."""
    project = invocation.project
    day = (as_of or today or datetime.now(UTC)).date()
    options = PolicyOptions(tools=frozenset(only or Tool), today=day, strict=strict)
    try:
        report = check_project(project, invocation.selection, output or project.output, options)
    except ConfigurationError as error:
        _print(error.diagnostics, {}, project, form, sarif)
        raise typer.Exit(ExitCode.FAILED) from error
    _print(report.diagnostics, report.meanings, project, form, sarif)
    for finding, waiver in report.waived:
        print_status(
            f"waived until {waiver.expiry}: {finding.environment}: {finding.rule} at {finding.resource_path} "
            f"({waiver.owner}: {waiver.reason})"
        )
    for text in report.unchecked:
        print_status(text)
    if report.has_errors:
        raise typer.Exit(ExitCode.FAILED)
    for name, remaining in report.remaining.items():
        waived = sum(1 for finding, _ in report.waived if finding.environment == name)
        end = f", {waived} waived" if waived else ""
        print_status(f"{name}: {summarize_counts(remaining) or 'no findings'}{end}")
        if name in report.started:
            print_status(f"{name}: LiteLLM {report.started[name]} starts with its compiled configuration")


def _print(
    diagnostics: Sequence[Diagnostic], meanings: Mapping[str, str], project: Project, form: Format, sarif: Path | None
) -> None:
    print_diagnostics(diagnostics, form, project, meanings=meanings)
    if sarif is None:
        return
    prefix = project_prefix(project)
    text = render(diagnostics, Format.SARIF, project=project.root, prefix=prefix, meanings=meanings)
    try:
        sarif.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LisaError(f"{sarif} cannot be written: {error.strerror}.") from error
