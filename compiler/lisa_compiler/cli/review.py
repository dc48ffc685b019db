"""`lisa diff` and `lisa explain`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import SCOPE, command_group, scope_options, takes
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.compile.cache import is_outdated
from lisa_compiler.project.paths import OUTPUT
from lisa_compiler.review import rendering
from lisa_compiler.review.comparison import review_environment
from lisa_compiler.review.explain import explain as explain_target
from lisa_compiler.review.explain import output_of
from lisa_compiler.review.json_report import as_data

if TYPE_CHECKING:
    from lisa_compiler.provenance.index import Index

app = command_group()


class DiffFormat(StrEnum):
    """Format of a review."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


@app.command(epilog="lisa diff --env prod --base origin/main --format markdown")
@takes(scope_options)
def diff(
    invocation: Invocation,
    *,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REF",
            help="Branch, tag or commit to compare with (merge base); default: the default branch.",
            rich_help_panel=SCOPE,
        ),
    ] = None,
    reports: Annotated[
        str | None,
        typer.Option("--intake-reports", metavar="URL", help="Link to the intake reports of changed weights."),
    ] = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", help="Text, Markdown for a pull request, or JSON.")
    ] = DiffFormat.TEXT,
) -> None:
    """Show the impact of changes in generated/, highest risk first. Runs offline."""
    name = _environment(invocation)
    root = invocation.project.root

    def index() -> Index:
        from lisa_compiler.compile.provenance import index_of  # noqa: PLC0415  # the emitters: 0.3 s, often not needed

        return index_of(root, root / OUTPUT, name, invocation.project.environment(name).config)

    review = review_environment(
        root, name, base, staleness=_staleness_warnings(root, name), index=index, reports=reports
    )
    if form is DiffFormat.MARKDOWN:
        write_output(rendering.markdown(review.change, review.comparison))
    elif form is DiffFormat.JSON:
        write_output(as_data(review.change, review.comparison))
    else:
        for warning in review.comparison.warnings:
            print_status(f"warning: {warning}")
        write_output(rendering.text(review.change, review.comparison))


@app.command(
    epilog=(
        "lisa explain ecsModels\\[0].instanceType --env prod\n\n"
        "lisa explain serve/TokenTable\n\n"
        "lisa explain generated/prod/litellm/config.yaml --env prod"
    )
)
@takes(scope_options)
def explain(
    invocation: Invocation,
    target: Annotated[
        str, typer.Argument(metavar="WHAT", help="A key, a file of generated/, a logical id or a resource's name.")
    ],
) -> None:
    """Show which settings produce a resource or file, or what a key affects."""
    from lisa_compiler.compile.provenance import index_of  # noqa: PLC0415  # the emitters: 0.3 s, which diff spares
    from lisa_compiler.provenance.rules import keys_of_rules  # noqa: PLC0415  # pydantic models, likewise

    name = _environment(invocation)
    root = invocation.project.root
    output_of(root, name)
    config = invocation.project.environment(name).config
    index = index_of(root, root / OUTPUT, name, config)
    found = explain_target(root, name, target, index, keys_of_rules(config))
    for warning in _staleness_warnings(root, name):
        print_status(f"warning: {warning}")
    write_output(found)


def _environment(invocation: Invocation) -> str:
    return invocation.environment or invocation.project.default_environment()


def _staleness_warnings(root: Path, environment: str) -> tuple[str, ...]:
    if is_outdated(root, root / OUTPUT, environment):
        what = f"generated/{environment} or its sources changed since the last compile"
        return (f"{what}. Run `lisa compile --env {environment}` first.",)
    return ()
