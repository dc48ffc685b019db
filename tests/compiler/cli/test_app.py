"""The list of commands, and the options that commands share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from lisa_compiler.cli.app import COMMANDS, app
from lisa_compiler.cli.options import environments_options, takes
from lisa_compiler.project.project import Project, Selection

from .conftest import Lisa


def commands() -> Iterator[tuple[str, Any]]:
    root: Any = typer.main.get_command(app)
    for name, lazy in root.commands.items():
        yield name, lazy.load()


def test_summaries_are_those_of_the_commands() -> None:
    assert {name: command.help.partition("\n")[0] for name, command in commands()} == {
        name: summary for name, (_, summary) in COMMANDS.items()
    }


def test_commands_have_their_names() -> None:
    assert {name: command.name or name for name, command in commands()} == {name: name for name in COMMANDS}


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("config", "--origin", "--show-origin"),
        ("schema", "--of", "--type"),
        ("policy", "--today", "--as-of"),
        ("bundle", "--partial", "--allow-missing"),
    ],
)
def test_renamed_option_keeps_its_old_name_hidden(command: str, old: str, new: str) -> None:
    parameters = {option: each for each in dict(commands())[command].params for option in each.opts}
    assert (parameters[old].hidden, parameters[new].hidden) == (True, False)


@pytest.mark.parametrize("option", ["--type", "--of"])
def test_schema_of_overlays_by_either_name(lisa: Lisa, project: Path, option: str) -> None:
    assert lisa("schema", option, "overlay").out != lisa("schema").out


@pytest.mark.parametrize("option", ["--show-origin", "--origin"])
def test_config_shows_origins_by_either_name(lisa: Lisa, project: Path, option: str) -> None:
    assert "# config.yaml:" in lisa("config", option).out


def test_takes_passes_shared_options_as_one_object() -> None:
    seen: list[Any] = []

    @takes(environments_options)
    def command(invocation: Any, *, extra: int = 0) -> None:
        seen.append((invocation.project, invocation.selection, extra))

    command(
        project=Path("infra"),
        env=["dev", "prod", "dev"],
        all_environments=False,
        assignments=["a.b=c=d", "nonsense"],
        profile="",
        deployment_name="x",
        account_number=None,
        region="us-west-2",
        extra=1,
    )
    options = (("--deployment-name", "x"), ("--region", "us-west-2"), ("--set a.b", "c=d"), ("--set", "nonsense"))
    assert seen == [(Project(Path("infra"), options), Selection(names=("dev", "prod")), 1)]


def test_takes_ends_a_command_with_the_errors_of_the_configuration(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @takes(environments_options)
    def command(invocation: Any) -> None:
        invocation.project.environment("nowhere")

    given: dict[str, Any] = dict.fromkeys(
        ("env", "all_environments", "assignments", "profile", "deployment_name", "account_number", "region")
    )
    with pytest.raises(typer.Exit) as ended:
        command(project=project, **given)
    assert ended.value.exit_code == 1
    assert "Unknown environment `nowhere`" in capsys.readouterr().err
