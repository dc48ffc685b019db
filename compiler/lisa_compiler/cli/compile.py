"""`lisa compile`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.diagnostics import print_diagnostics
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import DiagnosticFormat, command_group, environments_options, takes
from lisa_compiler.cli.progress_bar import format_bytes, progress_step
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.spinner import phase_spinner
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.compile import saving
from lisa_compiler.compile.compilation import Compilation, CompileOptions, compile_project
from lisa_compiler.compile.environments import manifest_origin
from lisa_compiler.output.cdk_version import describe_other_version
from lisa_compiler.output.diff import summary, unified_diff
from lisa_compiler.project.paths import WEIGHTS_LOCK, shown_path
from lisa_schema.artifact_diagnostics import OUTPUT_ORPHANED, OUTPUT_STALE, WEIGHTS_OUTDATED
from lisa_schema.diagnostics import Diagnostic
from lisa_schema.errors import ConfigurationError

app = command_group()


@app.command(
    "compile",
    epilog=(
        "lisa compile --env dev\n\n"
        "lisa compile --all --check      [dim]# in CI: exit 3 and a diff when generated/ is out of date[/dim]\n\n"
        "lisa compile -e dev --set ecsModels\\[0].instanceType=g6.12xlarge"
    ),
)
@takes(environments_options)
def compile_command(
    invocation: Invocation,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 3 with a diff when the output is out of date.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Output directory; default: generated/ of the project."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Compile even when nothing has changed.")] = False,
    no_weights: Annotated[bool, typer.Option("--no-weights", help="Skip models/ and do not require weights.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Also start LiteLLM offline with its compiled configuration.")
    ] = False,
    relock: Annotated[bool, typer.Option("--relock", help="Lock changed files of a locked commit.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors, for CI.")] = False,
    form: DiagnosticFormat = Format.TEXT,
) -> None:
    """Compile environments into generated/<env>. Writes nothing if any has errors."""
    project = invocation.project
    if relock and (check or no_weights):
        raise typer.BadParameter("--relock excludes --check and --no-weights.", param_hint="--relock")
    options = CompileOptions(
        cache=not (no_cache or relock), check=check, strict=strict, weights=not no_weights, relock=relock
    )
    try:
        with phase_spinner() as progress:
            made = compile_project(
                project,
                invocation.selection,
                output or project.output,
                options,
                progress=progress,
                step=progress_step,
            )
    except ConfigurationError as error:
        print_diagnostics(error.diagnostics, form, project)
        raise typer.Exit(ExitCode.FAILED) from error
    code = _compare(made, form) if check else _write(made, form)
    if verify and code is ExitCode.OK:
        code = _verify(invocation, made.output, form, strict=strict)
    raise typer.Exit(code)


def _verify(invocation: Invocation, output: Path, form: Format, *, strict: bool) -> ExitCode:
    """Start LiteLLM with what was compiled."""
    from lisa_compiler.emit.litellm import PATH as LITELLM_CONFIG  # noqa: PLC0415  # PyYAML, only with --verify
    from lisa_compiler.policy.check import PolicyOptions, check_project  # noqa: PLC0415  # likewise
    from lisa_compiler.policy.finding import Tool  # noqa: PLC0415  # likewise

    options = PolicyOptions(tools=frozenset({Tool.LITELLM}), today=datetime.now(UTC).date(), strict=strict)
    report = check_project(invocation.project, invocation.selection, output, options)
    print_diagnostics(report.diagnostics, form, invocation.project, meanings=report.meanings)
    for name, version in report.started.items():
        print_status(f"{name}: LiteLLM {version} starts with {shown_path(output / name / LITELLM_CONFIG)}")
    return ExitCode.FAILED if report.has_errors else ExitCode.OK


def _write(made: Compilation, form: Format) -> ExitCode:
    print_diagnostics(made.diagnostics, form, made.project)
    if made.has_errors:
        return ExitCode.FAILED
    for name, build in made.unchanged.items():
        place = shown_path(made.output / name)
        print_status(f"{name}: {place} is up to date ({build.stacks} stacks, {build.files} files)")
    made, locked = saving.lock_weights(made)
    for name, model in locked.items():
        size = format_bytes(model.total_bytes)
        print_status(f"{name}: locked, {len(model.files)} files, {size} → {WEIGHTS_LOCK}")
    for one, seconds in saving.write_output(made):
        what = f"compiled {one.stacks} stacks, {len(one.files)} files to {shown_path(made.output / one.name)}"
        print_status(f"{one.name}: {what}; {summary(one.changes)} ({seconds:.1f} s)")
    return ExitCode.OK


def _compare(made: Compilation, form: Format) -> ExitCode:
    if form is Format.TEXT:
        print_diagnostics(made.diagnostics, form, made.project)
        for one in made.out_of_date:
            for line in unified_diff(shown_path(made.output / one.name), one.changes):
                write_output(line + "\n")
    else:
        found = [_out_of_date(made, one.name, summary(one.changes)) for one in made.out_of_date]
        print_diagnostics([*made.diagnostics, *found], form, made.project)
    for one in made.compiled:
        state = (
            f"out of date: {summary(one.changes)}; run `lisa compile --env {one.name}`" if one.changes else "up to date"
        )
        print_status(f"{one.name}: {shown_path(made.output / one.name)} is {state} ({one.seconds:.1f} s)")
        if one.changes and (other := describe_other_version(made.output / one.name)):
            print_status(f"{one.name}: {other}")
    if made.has_errors:
        return ExitCode.FAILED
    outdated = {OUTPUT_ORPHANED.rule, WEIGHTS_OUTDATED.rule} & {found.rule for found in made.diagnostics}
    return ExitCode.STALE if made.out_of_date or outdated else ExitCode.OK


def _out_of_date(made: Compilation, environment: str, counts: str) -> Diagnostic:
    place = shown_path(made.output / environment)
    return OUTPUT_STALE.at(
        manifest_origin(made.project, made.output, environment),
        " ".join([f"{place} is out of date ({counts}).", describe_other_version(made.output / environment)]).rstrip(),
        fix=f"Run `lisa compile --env {environment}` and commit {place}.",
    )
