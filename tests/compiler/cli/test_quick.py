"""The shortest way to say that there is nothing to compile reads what Typer reads, or leaves it to Typer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from lisa_compiler.cli import compiling, quick
from lisa_compiler.cli.app import app
from lisa_compiler.cli.terminal import ExitCode

from .conftest import Lisa

PLAIN = [
    [],
    ["--env", "dev"],
    ["-e", "dev", "--env=prod", "-e", "dev"],
    ["--all"],
    ["--strict"],
    ["--no-weights", "--all", "--strict"],
    ["--project", ".", "--output", "out"],
    ["--project=.", "-o", "out", "--output", "last"],
    ["--format", "json", "--format=github"],
    ["--region", "us-west-2", "--profile", "", "--deployment-name=x", "--account-number", "000000000001"],
    ["--set", "a.b=c=d", "--set=e[0]=f", "--set", "nonsense"],
]
UNUSUAL = [
    [],
    ["--help"],
    ["validate"],
    ["--debug", "compile"],
    ["compile", "--check"],
    ["compile", "--no-cache"],
    ["compile", "-h"],
    ["compile", "-edev"],
    ["compile", "dev"],
    ["compile", "--"],
    ["compile", "--env"],
    ["compile", "--env", "--all"],
    ["compile", "--reg", "us-west-2"],
    ["compile", "--all=yes"],
]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_both_ask_for_the_same(
    lisa: Lisa, project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    asked: list[Any] = []

    def run(request: Any, output: Path, how: Any) -> ExitCode:
        asked.append((request, output, how))
        return ExitCode.OK

    def run_unchanged(request: Any, output: Path, how: Any) -> bool:
        asked.append((request, output, how))
        return True

    monkeypatch.setattr(compiling, "run", run)
    monkeypatch.setattr(compiling, "run_unchanged", run_unchanged)
    assert lisa("compile", *arguments).code == 0
    assert quick.nothing_to_do(["compile", *arguments])
    assert asked[0] == asked[1]


@pytest.mark.parametrize("arguments", UNUSUAL, ids=" ".join)
def test_what_is_unusual_is_left_to_typer(arguments: list[str]) -> None:
    assert quick.parse(arguments) is None


@pytest.mark.parametrize("arguments", [["--project", "nowhere"], ["--format", "xml"], ["--all", "--env", "dev"]])
def test_what_typer_refuses_is_left_to_typer(project: Path, arguments: list[str]) -> None:
    assert not quick.nothing_to_do(["compile", *arguments])


def test_every_option_of_compile_is_read_or_left_to_typer() -> None:
    command: Any = typer.main.get_command(app)
    options = {name for parameter in command.commands["compile"].params for name in parameter.opts}
    read = {name for name in options if quick.parse(["compile", name, "value"]) or quick.parse(["compile", name])}
    assert options - read == {"--check", "--no-cache"}
