"""`lisa diff` and `lisa explain`: what a change does, and where a generated value comes from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.cli.inspecting import validated
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from lisa_compiler.cli.requests import Request


class DiffFormat(StrEnum):
    """How a change is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(request: Request, base: str | None, form: DiffFormat) -> ExitCode:
    """Print the impact of the working tree's output of an environment compared with a commit.

    Raises:
        LisaError: a revision or an output cannot be read.
    """
    from lisa_compiler.review import rendering
    from lisa_compiler.review.change import compare
    from lisa_compiler.review.output import read_output
    from lisa_compiler.review.revisions import WorkingTree, base_of

    project = request.project
    try:
        name = request.environments[0] if request.environments else _default_environment(project)
    except ConfigurationError as error:
        return _report_errors(error, request)
    commit = base_of(project, base)
    before, after = (read_output(revision, name) for revision in (commit, WorkingTree(project)))
    if before is None and after is None:
        where = f"neither in the working tree nor in {commit.short}"
        raise LisaError(f"generated/{name} exists {where}. Run `lisa compile --env {name}`.")
    compared = rendering.Comparison(
        base=commit.short,
        reference=commit.reference,
        command=f"lisa diff --env {name}" + (f" --base {base}" if base else ""),
        warnings=_staleness_warnings(project, name) if after is not None and not after.options else (),
    )
    change = compare(name, before, after)
    if form is DiffFormat.MARKDOWN:
        put(rendering.markdown(change, compared))
    elif form is DiffFormat.JSON:
        put(rendering.as_data(change, compared))
    else:
        for warning in compared.warnings:
            say(f"warning: {warning}")
        put(rendering.text(change, compared))
    return ExitCode.OK


def explain(request: Request, target: str) -> ExitCode:
    """Print the settings behind a generated value, or what a key affects.

    Raises:
        LisaError: the target does not exist, or the files cannot be read.
    """
    from lisa_compiler.compile.provenance import index_of
    from lisa_compiler.provenance.rules import keys_of_rules
    from lisa_compiler.review.explain import explain as explained
    from lisa_compiler.review.explain import output_of

    try:
        name = request.environments[0] if request.environments else _default_environment(request.project)
        output_of(request.project, name)
        config = validated(request, name, ())[1]
        index = index_of(request.project, request.project / "generated", name, config)
        found = explained(request.project, name, target, index, keys_of_rules(config))
        for warning in _staleness_warnings(request.project, name):
            say(f"warning: {warning}")
        put(found)
    except ConfigurationError as error:
        return _report_errors(error, request)
    return ExitCode.OK


def _report_errors(error: ConfigurationError, request: Request) -> ExitCode:
    from lisa_compiler.cli.diagnosing import show
    from lisa_compiler.cli.report import Format

    show(error.diagnostics, Format.TEXT, request)
    return ExitCode.FAILED


def _default_environment(project: Path) -> str:
    from lisa_compiler.project.load import load

    return load(project, None).environment


def _staleness_warnings(project: Path, environment: str) -> tuple[str, ...]:
    from lisa_compiler.compile.cache import is_outdated

    if is_outdated(project, project / "generated", environment):
        what = f"generated/{environment} or its sources changed since the last compile"
        return (f"{what}. Run `lisa compile --env {environment}` first.",)
    return ()
