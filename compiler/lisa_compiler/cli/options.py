"""Options that several commands share, and how a command gets them: as one object.

    @app.command()
    @takes(environment_options)
    def stacks(invocation: Invocation, *, form: TableFormat = TableFormat.TEXT) -> None: ...

has the options of environment_options() before its own, and receives what that function returns.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from lisa_compiler.cli.diagnostics import exit_on_errors
from lisa_compiler.cli.invocation import Invocation, build_invocation
from lisa_compiler.cli.report import Format
from lisa_compiler.project.project import Project
from lisa_schema.errors import LisaError

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Shared = TypeVar("_Shared")

SCOPE, OVERRIDES = "Scope", "Configuration overrides"
"""Panels of options in the help; the other options are in the default panel."""


class TableFormat(StrEnum):
    """Format of a table."""

    TEXT = "text"
    JSON = "json"


def _complete_environment(ctx: Any, args: list[str], incomplete: str) -> list[str]:  # noqa: ARG001  # Typer's signature
    """Complete --env with the environments of the project."""
    try:
        names = Project(ctx.params.get("project") or Path()).environments()
    except LisaError:
        return []
    return [name for name in names if name.startswith(incomplete)]


ProjectDirectory = Annotated[
    Path,
    typer.Option(
        "--project",
        metavar="DIR",
        help="Directory of config.yaml.",
        exists=True,
        file_okay=False,
        rich_help_panel=SCOPE,
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
        rich_help_panel=SCOPE,
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
        rich_help_panel=SCOPE,
    ),
]
AllEnvironments = Annotated[bool, typer.Option("--all", help="All environments.", rich_help_panel=SCOPE)]
DiagnosticFormat = Annotated[
    Format,
    typer.Option("--format", help="Format of errors and warnings."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help=r"Set a value, may be repeated: ecsModels\[mistral].deploy=false",
        rich_help_panel=OVERRIDES,
    ),
]
Profile = Annotated[str | None, typer.Option(metavar="NAME", help="AWS profile.", rich_help_panel=OVERRIDES)]
DeploymentName = Annotated[str | None, typer.Option(metavar="NAME", help="deploymentName.", rich_help_panel=OVERRIDES)]
AccountNumber = Annotated[
    str | None, typer.Option(metavar="DIGITS", help="accountNumber, twelve digits.", rich_help_panel=OVERRIDES)
]
Region = Annotated[str | None, typer.Option(metavar="NAME", help="AWS Region.", rich_help_panel=OVERRIDES)]


def takes(
    options: Callable[..., _Shared],
) -> Callable[[Callable[Concatenate[_Shared, _Parameters], _Result]], Callable[..., _Result]]:
    """Give a command the options that a function declares, and the function's result as its first argument.

    Typer reads the options from a command's signature: that of the result has the function's parameters, then the
    command's own. Errors of the configuration, from the function or the command, are printed and end the command.
    """

    def decorate(command: Callable[Concatenate[_Shared, _Parameters], _Result]) -> Callable[..., _Result]:
        shared = inspect.signature(options, eval_str=True).parameters
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        @functools.wraps(command)
        def run(**values: Any) -> _Result:
            given = {name: values.pop(name) for name in shared}
            call: Callable[..., _Result] = command
            with exit_on_errors(Project(given.get("project", Path()))):
                return call(options(**given), **values)

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*shared.values(), *own)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def scope_options(*, project: ProjectDirectory = Path(), env: Environment = None) -> Invocation:
    """Options of commands on one environment as the files have it: --project and --env."""
    return build_invocation(project, [env] if env else [])


def environment_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environment = None,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> Invocation:
    """Options of commands on one environment: those of its scope and its overrides."""
    shortcuts = override_options(profile, deployment_name, account_number, region)
    return build_invocation(project, [env] if env else [], shortcuts=shortcuts, assignments=assignments or ())


def environments_options(
    *,
    project: ProjectDirectory = Path(),
    env: Environments = None,
    all_environments: AllEnvironments = False,
    assignments: Assignments = None,
    profile: Profile = None,
    deployment_name: DeploymentName = None,
    account_number: AccountNumber = None,
    region: Region = None,
) -> Invocation:
    """Options of commands on several environments: those of their scope and their overrides."""
    if env and all_environments:
        raise typer.BadParameter("--env and --all are mutually exclusive.", param_hint="--all")
    shortcuts = override_options(profile, deployment_name, account_number, region)
    return build_invocation(
        project, env or (), every=all_environments, shortcuts=shortcuts, assignments=assignments or ()
    )


def override_options(
    profile: str | None, deployment_name: str | None, account_number: str | None, region: str | None
) -> list[tuple[str, str | None]]:
    """Pair the options that stand for a field with their values."""
    return [
        ("--profile", profile),
        ("--deployment-name", deployment_name),
        ("--account-number", account_number),
        ("--region", region),
    ]


def command_group(summary: str | None = None, *, invoke_without_command: bool = False) -> typer.Typer:
    """A group of commands as all groups are: Rich markup, no options of its own for completion.

    Args:
        summary: help of the group; None for a module whose commands belong to `lisa` itself.
        invoke_without_command: whether the group is a command as well.
    """
    group = typer.Typer(add_completion=False, invoke_without_command=invoke_without_command, rich_markup_mode="rich")
    if summary is not None:
        group.info.help, group.info.no_args_is_help = summary, True
    return group
