"""`lisa diff` and `lisa explain`: what a change does, and where a generated value comes from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_schema.errors import LisaError


class DiffFormat(StrEnum):
    """How a change is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(project: Path, environment: str | None, base: str | None, form: DiffFormat) -> ExitCode:
    """Tell what the working tree's output of an environment does otherwise than that of a commit.

    Raises:
        LisaError: a revision or an output cannot be read.
    """
    from lisa_compiler.review import document
    from lisa_compiler.review.change import compare
    from lisa_compiler.review.output import read_output
    from lisa_compiler.review.revisions import WorkingTree, base_of

    name = environment or _default_environment(project)
    commit = base_of(project, base)
    before, after = (read_output(revision, name) for revision in (commit, WorkingTree(project)))
    if before is None and after is None:
        raise LisaError(
            f"There is no generated/{name}, neither here nor in {commit.short}: run `lisa compile --env {name}`."
        )
    command = f"lisa diff --env {name}" + (f" --base {base}" if base else "")
    compared = document.Comparison(
        base=commit.short,
        reference=commit.reference,
        command=command,
        warnings=_doubts(project, name, compiled=after is not None and not after.options),
    )
    change = compare(name, before, after)
    if form is DiffFormat.MARKDOWN:
        put(document.markdown(change, compared))
    elif form is DiffFormat.JSON:
        put(document.as_data(change, compared))
    else:
        put(document.text(change, compared))
        for warning in compared.warnings:
            say(f"warning: {warning}")
    return ExitCode.OK


def _default_environment(project: Path) -> str:
    from lisa_compiler.load import load

    return load(project, None).environment


def _doubts(project: Path, environment: str, *, compiled: bool) -> tuple[str, ...]:
    from lisa_compiler.freshness import was_compiled_otherwise

    if compiled and was_compiled_otherwise(project, project / "generated", environment):
        what = f"generated/{environment} is not what its sources compile to"
        return (f"{what}: run `lisa compile --env {environment}` first.",)
    return ()
