"""`lisa policy`: run the checks, take away what is waived, and report the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.diagnosing import has_errors, show
from lisa_compiler.cli.inspecting import validated
from lisa_compiler.cli.report import Format, counted, render
from lisa_compiler.cli.requests import Request
from lisa_compiler.cli.terminal import ExitCode, say
from lisa_compiler.policy.finding import Tool
from lisa_schema.diagnostics import Diagnostic, Severity
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from lisa_compiler.policy.check import Checked
    from lisa_compiler.policy.waivers import Waived


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOptions:
    """Options of a policy check.

    Attributes:
        form: format of the findings.
        tools: which checks to run.
        today: the day that waivers are compared with.
        strict: whether a warning is an error.
        sarif: file that the findings are written to as SARIF, besides.
    """

    form: Format
    tools: frozenset[Tool]
    today: date
    strict: bool
    sarif: Path | None = None


def run(request: Request, output: Path, options: PolicyOptions) -> ExitCode:
    """Check the templates of environments that were compiled into a directory."""
    from lisa_compiler.policy.waivers import apply_waivers, read_waivers

    try:
        waivers = read_waivers(request.project)
        checked = _check(request, output, options.tools)
    except ConfigurationError as error:
        _report(error.diagnostics, {}, request, options)
        return ExitCode.FAILED
    environments = {one.environment: one for one in checked}
    result = apply_waivers(
        [finding for one in checked for finding in one.findings],
        waivers,
        options.today,
        checked=environments,
        complete=request.all and options.tools == frozenset(Tool),
    )
    diagnostics = [
        *(diagnostic for one in checked for diagnostic in one.stale),
        *(environments[finding.environment].diagnostic(finding) for finding in result.findings),
        *result.diagnostics,
    ]
    if options.strict:
        diagnostics = [replace(diagnostic, severity=Severity.ERROR) for diagnostic in diagnostics]
    meanings = {finding.rule: finding.title for finding in result.findings}
    _report(diagnostics, meanings, request, options)
    _say_waived(result)
    if has_errors(diagnostics):
        return ExitCode.FAILED
    for one in checked:
        _say_result(one, result)
    return ExitCode.OK


def _report(
    diagnostics: Sequence[Diagnostic], meanings: Mapping[str, str], request: Request, options: PolicyOptions
) -> None:
    show(diagnostics, options.form, request, meanings=meanings)
    if options.sarif is None:
        return
    text = render(
        diagnostics, Format.SARIF, project=request.project, shown_below=request.shown_project, meanings=meanings
    )
    try:
        options.sarif.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LisaError(f"{options.sarif} cannot be written: {error.strerror}.") from error


def _check(request: Request, output: Path, tools: frozenset[Tool]) -> list[Checked]:
    """Validate all environments before the first is checked, since checking takes long."""
    from lisa_compiler.policy.check import check_environment
    from lisa_compiler.project.load import environments

    overrides = request.overrides()
    every = environments(request.project) if request.all else ()
    names: Sequence[str | None] = every or request.environments or (None,)
    valid = [validated(request, name, overrides) for name in names]
    return [
        check_environment(request.project, output, loaded, config, overrides=overrides, tools=tools)
        for loaded, config, _ in valid
    ]


def _say_waived(result: Waived) -> None:
    for finding, waiver in result.waived:
        say(
            f"waived until {waiver.expiry}: {finding.environment}: {finding.rule} at {finding.place} "
            f"({waiver.owner}: {waiver.reason})"
        )


def _say_result(one: Checked, result: Waived) -> None:
    left = [one.diagnostic(finding) for finding in result.findings if finding.environment == one.environment]
    waived = sum(1 for finding, _ in result.waived if finding.environment == one.environment)
    say(f"{one.environment}: {counted(left) or 'no findings'}" + (f", {waived} waived" if waived else ""))
