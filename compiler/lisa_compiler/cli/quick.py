"""The shortest way to say that there is nothing to compile.

Most compiles of an editor, a hook or `make` change nothing. Importing Typer takes longer than finding that out, so that
the plain form of the command is read here, and everything else is left to Typer: other commands, unusual spellings,
mistakes, and whatever has to be compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_TEXT = ("--project", "--output", "--format", "--profile", "--deployment-name", "--account-number", "--region")
_LISTS = ("--env", "--set")
_FLAGS = ("--all", "--no-weights", "--strict")
_SHORT = {"-e": "--env", "-o": "--output"}


def nothing_to_do(arguments: Sequence[str]) -> bool:
    """Tell whether the arguments ask for a compile that would change nothing; it has then been reported."""
    parsed = parse(arguments)
    if parsed is None:
        return False
    options, lists, flags = parsed
    every = "--all" in flags
    from lisa_compiler.cli.compiling import How, run_unchanged
    from lisa_compiler.cli.requests import SHORTCUTS, request
    from lisa_compiler.report import Format

    project = Path(options.get("--project", "."))
    form = options.get("--format", Format.TEXT.value)
    if not project.is_dir() or form not in set(Format) or (every and lists["--env"]):
        return False
    shortcuts = [(name, options.get(name)) for name in SHORTCUTS]
    asked = request(project, lists["--env"], every=every, shortcuts=shortcuts, assignments=lists["--set"])
    output = Path(options["--output"]) if "--output" in options else project / "generated"
    how = How(form=Format(form), strict="--strict" in flags, weights="--no-weights" not in flags)
    return run_unchanged(asked, output, how)


def parse(arguments: Sequence[str]) -> tuple[dict[str, str], dict[str, list[str]], set[str]] | None:
    """Read `compile` and its options: those with one value, those that repeat, and flags; None when unsure."""
    if not arguments or arguments[0] != "compile":
        return None
    options: dict[str, str] = {}
    lists: dict[str, list[str]] = {name: [] for name in _LISTS}
    flags: set[str] = set()
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in _FLAGS:
            flags.add(argument)
            continue
        name, equals, value = argument.partition("=") if argument.startswith("--") else (argument, "", "")
        name = _SHORT.get(name, name)
        if not equals:
            value = next(rest, "-")
            if value.startswith("-"):
                return None
        if name in lists:
            lists[name].append(value)
        elif name in _TEXT:
            options[name] = value
        else:
            return None
    return options, lists, flags
