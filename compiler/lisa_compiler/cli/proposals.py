"""The commands `lisa proposals …` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lisa_compiler.cli.options import HOW, Environment, Project, TableFormat
from lisa_compiler.cli.requests import request

proposals_app = typer.Typer(
    help="Apply proposals of the models API to the configuration files.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint-url", metavar="URL", help="DynamoDB-compatible store.", rich_help_panel=HOW),
]
ProposalId = Annotated[str, typer.Argument(metavar="ID", help="Id of the proposal.")]


@proposals_app.command("list", epilog="lisa proposals list --env prod")
def proposals_list(
    *,
    project: Project = Path(),
    env: Environment = None,
    endpoint_url: Endpoint = None,
    every: Annotated[
        bool, typer.Option("--all", help="Include applied and withdrawn proposals.", rich_help_panel=HOW)
    ] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """List the pending proposals of an environment, newest first."""
    from lisa_compiler.cli import proposing

    asked = request(project, [env] if env else None)
    raise typer.Exit(proposing.show_all(asked, endpoint_url, every=every, as_json=form is TableFormat.JSON))


@proposals_app.command("show", epilog="lisa proposals show 20261122T101500-0a1b2c3d --env prod | git apply --check")
def proposals_show(
    proposal: ProposalId, *, project: Project = Path(), env: Environment = None, endpoint_url: Endpoint = None
) -> None:
    """Print the file changes of a proposal as a unified diff. Changes nothing."""
    from lisa_compiler.cli import proposing

    raise typer.Exit(proposing.show(request(project, [env] if env else None), endpoint_url, proposal))


@proposals_app.command("apply", epilog="lisa proposals apply 20261122T101500-0a1b2c3d --env prod")
def proposals_apply(
    proposal: ProposalId, *, project: Project = Path(), env: Environment = None, endpoint_url: Endpoint = None
) -> None:
    """Apply a proposal to the working tree if the result is valid; mark it as applied."""
    from lisa_compiler.cli import proposing

    raise typer.Exit(proposing.apply(request(project, [env] if env else None), endpoint_url, proposal))
