"""A group of commands whose modules are imported when one of their commands runs.

A module of commands imports the use cases that it calls, at its top. Together they take a second to import, and each
command needs the modules of one. https://click.palletsprojects.com/en/stable/complex/#lazily-loading-subcommands
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """A command in the list of commands, before its module is imported.

    Attributes:
        module: name of its module, whose `app` has the command, or is the group of this name.
    """

    def __init__(self, name: str, module: str, summary: str) -> None:
        super().__init__(name, help=summary, rich_markup_mode="rich")
        self.module = module

    def load(self) -> Any:
        """Import the module and return the command."""
        command: Any = typer.main.get_command(importlib.import_module(self.module).app)
        return getattr(command, "commands", {}).get(self.name, command)


class LazyGroup(TyperGroup):
    """A group with commands that are loaded when they run; the list of commands needs none of them."""

    table: ClassVar[Mapping[str, tuple[str, str]]] = MappingProxyType({})
    """Module and summary of each command, by name, in the order of the help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, (module, summary) in self.table.items():
            self.add_command(LazyCommand(name, module, summary), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments name, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest
