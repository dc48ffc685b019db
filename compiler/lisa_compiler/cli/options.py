"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from lisa_compiler.cli.report import Format

WHAT, CHANGE, HOW = "Scope", "Configuration overrides", "Options"
"""Groups of options in the help."""


class TableFormat(StrEnum):
    """How a table is written."""

    TEXT = "text"
    JSON = "json"


class SchemaKind(StrEnum):
    """Which schema is meant."""

    CONFIG = "config"
    OVERLAY = "overlay"
    EFFECTIVE = "effective"


class KeyKind(StrEnum):
    """Kind of a private key."""

    RSA = "rsa"
    EC = "ec"


def _complete_environment(ctx: Any, args: list[str], incomplete: str) -> list[str]:  # noqa: ARG001  # Typer's signature
    """Complete --env with the environments of the project."""
    from lisa_compiler.project.load import environments
    from lisa_schema.errors import LisaError

    try:
        return [name for name in environments(ctx.params.get("project") or Path()) if name.startswith(incomplete)]
    except LisaError:
        return []


Project = Annotated[
    Path,
    typer.Option(
        "--project",
        metavar="DIR",
        help="Directory of config.yaml.",
        exists=True,
        file_okay=False,
        rich_help_panel=WHAT,
    ),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="Environment; default: `env` in config.yaml.",
        autocompletion=_complete_environment,
        rich_help_panel=WHAT,
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        help="Environment, may be repeated; default: `env` in config.yaml.",
        autocompletion=_complete_environment,
        rich_help_panel=WHAT,
    ),
]
AllEnvironments = Annotated[bool, typer.Option("--all", help="All environments.", rich_help_panel=WHAT)]
DiagnosticFormat = Annotated[
    Format,
    typer.Option("--format", help="Format of errors and warnings.", rich_help_panel=HOW),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help=r"Set a value, may be repeated: ecsModels\[mistral].deploy=false",
        rich_help_panel=CHANGE,
    ),
]
Profile = Annotated[str | None, typer.Option(metavar="NAME", help="AWS profile.", rich_help_panel=CHANGE)]
DeploymentName = Annotated[str | None, typer.Option(metavar="NAME", help="deploymentName.", rich_help_panel=CHANGE)]
AccountNumber = Annotated[
    str | None, typer.Option(metavar="DIGITS", help="accountNumber, twelve digits.", rich_help_panel=CHANGE)
]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="AWS Region.", rich_help_panel=CHANGE)]


def shortcuts(
    profile: str | None, deployment_name: str | None, account_number: str | None, region: str | None
) -> list[tuple[str, str | None]]:
    """Pair the options that stand for a field with their values."""
    return [
        ("--profile", profile),
        ("--deployment-name", deployment_name),
        ("--account-number", account_number),
        ("--region", region),
    ]


def one_or_all(environments: list[str] | None, *, every: bool) -> None:
    """Reject --env together with --all."""
    if environments and every:
        raise typer.BadParameter("--env and --all are mutually exclusive.", param_hint="--all")
