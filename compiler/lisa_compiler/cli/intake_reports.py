"""`lisa weights report`: show or write what models contain, what was found in them, and where they came from."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from lisa_compiler.cli.progress_bar import progress_step
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.project.paths import WEIGHTS_LOCK, shown_path
from lisa_compiler.review.revisions import Commit, base_of
from lisa_weights.errors import WeightsError
from lisa_weights.intake.changed import changed_models, report_directory
from lisa_weights.intake.rendering import as_document, as_markdown, write_report
from lisa_weights.intake.report import IntakeReport, examine, report_of_entry
from lisa_weights.lock import lock_file
from lisa_weights.lock.lock_file import WeightsLock
from lisa_weights.model_directory import LocalState
from lisa_weights.workspace import Workspace


def print_reports(
    workspace: Workspace, model: str | None, changed_since: str | None, output: Path | None, *, markdown: bool
) -> None:
    """Show the report of a model, or write those of several into a directory.

    Args:
        workspace: where the weights are.
        model: name of a model in the lock file; None with `changed_since`.
        changed_since: a revision; each model that the lock file changes since it is reported.
        output: directory of the reports; None to show one.
        markdown: whether the shown report is Markdown rather than JSON.

    Raises:
        typer.BadParameter: the options exclude each other.
        typer.Exit: what was found does not match the lock file.
        WeightsError: a model or the lock file cannot be read.
    """
    if (model is None) == (changed_since is None):
        raise typer.BadParameter("Name a model, or pass --changed-since.", param_hint="MODEL")
    if changed_since is not None and output is None:
        raise typer.BadParameter("Pass --output for the reports of several models.", param_hint="--changed-since")
    if model is not None:
        report = _report(workspace, model)
        if output is None:
            write_output(as_markdown(report) if markdown else _json(as_document(report)))
        reports = {output: report}
    else:
        base = base_of(workspace.project, changed_since)
        changed = changed_models(_lock_of(base), workspace.lock())
        print_status(f"{len(changed)} models changed since {base.short}")
        reports = {(output or Path()) / report_directory(name): _report(workspace, name) for name in changed}
    for directory, report in reports.items():
        for path in write_report(report, directory) if directory is not None else ():
            print_status(f"wrote {shown_path(path)}")
    if any(report.mismatches for report in reports.values()):
        raise typer.Exit(ExitCode.FAILED)


def _lock_of(base: Commit) -> WeightsLock:
    """The lock file of a commit; empty where it has none that this version reads, so that everything is reported."""
    try:
        return lock_file.parse(base.read([WEIGHTS_LOCK]).get(WEIGHTS_LOCK, b""), WEIGHTS_LOCK)
    except WeightsError:
        return WeightsLock()


def _report(workspace: Workspace, model: str) -> IntakeReport:
    locked = workspace.locked(model)
    if workspace.local_state(model) is LocalState.ABSENT:
        return report_of_entry(model, locked)
    return examine(model, workspace.path(model), locked, progress_step)


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
