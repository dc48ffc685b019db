"""`lisa init`: ask for what has no default, and make the repository."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.terminal import ExitCode, say
from lisa_compiler.distribution import build_wheel, given_wheel
from lisa_compiler.output.atomic_directory import create_directory_atomically
from lisa_compiler.starter.questions import Question, answer_for, given_answers, steps
from lisa_compiler.starter.repository import (
    MAY_BE_THERE,
    LisaSource,
    mistake,
    published,
    requirement_source,
    vendored,
    write_repository,
)
from lisa_schema.errors import ConfigurationError, LisaError

_PUBLISHED = " Pass --vendor to put LISA's wheel into the repository instead."


def run(
    directory: Path,
    assignments: Sequence[str],
    *,
    defaults: bool,
    requirement: str | None = None,
    vendor: bool = False,
    wheel: Path | None = None,
) -> ExitCode:
    """Make a configuration repository.

    Args:
        directory: where to.
        assignments: answers, as `prod.region=eu-west-1`.
        defaults: whether to take what is proposed without asking.
        requirement: what pip installs LISA by; None for the package index.
        vendor: whether the repository carries the wheel of this LISA, which is built from its checkout.
        wheel: the wheel to carry instead.
    """
    given = given_answers(assignments)
    if requirement is not None and (vendor or wheel):
        raise LisaError("--requirement cannot be combined with --vendor or --wheel. Pass one of them.")
    with (
        create_directory_atomically(directory, may_hold=MAY_BE_THERE) as staging,
        TemporaryDirectory(prefix="lisa-") as scratch,
    ):
        answers = _ask(given, interactive=_at_terminal() and not defaults)
        try:
            source = _source(requirement, wheel, Path(scratch) if vendor else None)
            write_repository(staging, answers, source, lambda stage: say(f"{stage} …"))
        except ConfigurationError as error:
            show(error.diagnostics, Format.TEXT, Request(staging))
            raise LisaError(f"The answers are inconsistent; {directory} was not created.") from error
    where = shown_path(directory)
    say(
        f"{where} is ready and compiled. Read its README.md for the one-time setup before the first deployment.\n"
        f"LISA is installed from {source.description}.{'' if source.wheel or requirement else _PUBLISHED}\n"
        f"Next: cd {shlex.quote(where)}, git init, git add --all, git commit, and push it to a new Git repository."
    )
    return ExitCode.OK


def _source(requirement: str | None, wheel: Path | None, scratch: Path | None) -> LisaSource:
    if wheel is not None:
        return vendored(given_wheel(wheel))
    if scratch is not None:
        say("building LISA's wheel …")
        return vendored(build_wheel(scratch))
    return published() if requirement is None else requirement_source(requirement)


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _ask(given: dict[str, str], *, interactive: bool) -> dict[str, str]:
    answers: dict[str, str] = {}
    missing: list[str] = []
    for question, environment, name in steps(answers):
        value = answer_for(given, question, name)
        proposed = question.default(answers, environment)
        if value is None and interactive:
            answers[name] = _prompt(question, environment, name, proposed, answers)
            continue
        value = proposed if value is None else value
        if value is None:
            missing.append(name)
            answers[name] = question.example
            continue
        if wrong := mistake(question, name, value, answers):
            raise LisaError(f"--set {name}={value}: {wrong}")
        answers[name] = value
    if missing:
        wanted = " ".join(f"--set {name}=…" for name in missing)
        raise LisaError(f"Cannot prompt without a terminal. Set these values with --set: {wanted}")
    unused = sorted(name for name in given if name not in answers and not _is_shared(name, answers))
    if unused:
        raise LisaError(f"--set {unused[0]}: unknown environment, or a value that the other answers make unnecessary.")
    return answers


def _is_shared(name: str, answers: dict[str, str]) -> bool:
    return any(answer.endswith(f".{name}") for answer in answers)


def _prompt(question: Question, environment: str, name: str, proposed: str | None, answers: dict[str, str]) -> str:
    text = f"{environment}: {question.text}" if environment else question.text
    while True:
        value = str(typer.prompt(text, default=proposed, show_default=bool(proposed), err=True)).strip()
        wrong = mistake(question, name, value, answers)
        if wrong is None:
            return value
        say(f"  {wrong}")
