"""The shortest way to say that there is nothing to compile, what a change does, and where a value comes from.

Most compiles of an editor, a hook or `make` change nothing, and a review is a question that is asked often. Importing
Typer takes longer than answering, so that the plain forms of these commands are read here, and everything else is left
to Typer: other commands, unusual spellings, mistakes, and whatever has to be compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_compiler.cli.terminal import ExitCode

_TEXT = ("--project", "--output", "--format", "--profile", "--deployment-name", "--account-number", "--region")
_LISTS = ("--env", "--set")
_FLAGS = ("--all", "--no-weights", "--strict")
_SHORT = {"-e": "--env", "-o": "--output"}
_REVIEWS = {"diff": (0, ("--project", "--env", "--base", "--format")), "explain": (1, ("--project", "--env"))}
"""Commands of a review: how many arguments each has, and its options."""


def nothing_to_do(arguments: Sequence[str]) -> bool:
    """Tell whether the arguments ask for a compile that would change nothing; it has then been reported."""
    parsed = parse(arguments)
    if parsed is None:
        return False
    options, lists, flags = parsed
    every = "--all" in flags
    from lisa_compiler.cli.compiling import CompileOptions, run_unchanged
    from lisa_compiler.cli.report import Format
    from lisa_compiler.cli.requests import SHORTCUTS, request

    project = Path(options.get("--project", "."))
    form = options.get("--format", Format.TEXT.value)
    if not project.is_dir() or form not in set(Format) or (every and lists["--env"]):
        return False
    shortcuts = [(name, options.get(name)) for name in SHORTCUTS]
    asked = request(project, lists["--env"], every=every, shortcuts=shortcuts, assignments=lists["--set"])
    output = Path(options["--output"]) if "--output" in options else project / "generated"
    compile_options = CompileOptions(form=Format(form), strict="--strict" in flags, weights="--no-weights" not in flags)
    return run_unchanged(asked, output, compile_options)


def reviewed(arguments: Sequence[str]) -> ExitCode | None:
    """Answer `diff` or `explain`; None when the arguments are neither, or when what is wrong is Typer's to say."""
    parsed = parse_review(arguments)
    if parsed is None:
        return None
    words, options = parsed
    from lisa_compiler.cli import reviewing
    from lisa_compiler.cli.requests import request
    from lisa_schema.errors import LisaError

    project = Path(options.get("--project", "."))
    form = options.get("--format", reviewing.DiffFormat.TEXT.value)
    if not project.is_dir() or form not in set(reviewing.DiffFormat):
        return None
    asked = request(project, [options["--env"]] if "--env" in options else None)
    try:
        if arguments[0] == "diff":
            return reviewing.diff(asked, options.get("--base"), reviewing.DiffFormat(form))
        return reviewing.explain(asked, words[0])
    except LisaError:
        return None


def parse_review(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]] | None:
    """Read `diff` or `explain` with arguments and options; None when unsure."""
    if not arguments or arguments[0] not in _REVIEWS:
        return None
    count, known = _REVIEWS[arguments[0]]
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        if not argument.startswith("-"):
            words.append(argument)
            continue
        name, equals, value = argument.partition("=") if argument.startswith("--") else (argument, "", "")
        name = _SHORT.get(name, name)
        if not equals:
            value = next(rest, "-")
        if name not in known or (not equals and value.startswith("-")):
            return None
        options[name] = value
    return (words, options) if len(words) == count else None


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
