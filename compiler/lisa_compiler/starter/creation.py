"""The use case of `lisa init`: collect the answers, and create the repository, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lisa_compiler.distribution import build_wheel, given_wheel
from lisa_compiler.output.atomic_directory import create_directory_atomically
from lisa_compiler.starter.pipelines import Pipeline
from lisa_compiler.starter.prompts import Question, answer_for, steps
from lisa_compiler.starter.repository import (
    ALLOWED_EXISTING,
    LisaSource,
    published,
    requirement_source,
    validate_answer,
    vendored,
    write_repository,
)
from lisa_schema.errors import ConfigurationError, LisaError

Ask = Callable[[str, str | None, Callable[[str], str | None]], str]
"""Asks a question: text, proposed answer, and what describes an invalid answer; returns a valid one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """Options of a new repository.

    Attributes:
        requirement: pip requirement for LISA; None for the package index.
        vendor: whether the repository has the wheel of this LISA, which is built from its checkout.
        wheel: the wheel that it has instead.
        pipeline: what runs its pipelines.
    """

    requirement: str | None = None
    vendor: bool = False
    wheel: Path | None = None
    pipeline: Pipeline = Pipeline.GITHUB

    def __post_init__(self) -> None:
        if self.requirement is not None and (self.vendor or self.wheel):
            raise LisaError("--requirement cannot be combined with --vendor or --wheel. Pass one of them.")


def create_repository(
    directory: Path,
    given: dict[str, str],
    options: InitOptions,
    *,
    ask: Ask | None,
    tell: Callable[[str], None],
    report: Callable[[Path, ConfigurationError], None],
) -> LisaSource:
    """Create a configuration repository, compiled.

    Args:
        directory: where to; new, empty, or with .git alone.
        given: answers by name, for one environment as `prod.region`.
        options: where LISA is installed from.
        ask: asks for answers that are not given; None uses what is proposed.
        tell: receives the name of each phase.
        report: receives the errors of answers that do not fit each other, and the directory of the files that they are
            about, which is removed afterwards.

    Returns:
        Where the repository installs LISA from.

    Raises:
        LisaError: an answer is missing or invalid, or the directory cannot be used; nothing was created.
    """
    with (
        create_directory_atomically(directory, may_hold=ALLOWED_EXISTING) as temporary,
        TemporaryDirectory(prefix="lisa-") as scratch,
    ):
        answers = collect_answers(given, ask)
        source = _source(options, Path(scratch), tell)
        try:
            write_repository(temporary, answers, source, lambda phase: tell(f"{phase} …"), options.pipeline)
        except ConfigurationError as error:
            report(temporary, error)
            raise LisaError(f"The answers are inconsistent; {directory} was not created.") from error
    return source


def collect_answers(given: dict[str, str], ask: Ask | None) -> dict[str, str]:
    """Complete the answers that are given, by asking or with what is proposed.

    Raises:
        LisaError: an answer is missing, invalid or unused.
    """
    answers: dict[str, str] = {}
    missing: list[str] = []
    for question, environment, name in steps(answers):
        value = answer_for(given, question, name)
        proposed = question.default(answers, environment)
        if value is None and ask is not None:
            text = f"{environment}: {question.text}" if environment else question.text
            answers[name] = ask(text, proposed, _validator(question, name, answers))
            continue
        value = proposed if value is None else value
        if value is None:
            missing.append(name)
            answers[name] = question.example
            continue
        if wrong := validate_answer(question, name, value, answers):
            raise LisaError(f"--set {name}={value}: {wrong}")
        answers[name] = value
    if missing:
        wanted = " ".join(f"--set {name}=…" for name in missing)
        raise LisaError(f"Cannot prompt without a terminal. Set these values with --set: {wanted}")
    unused = sorted(name for name in given if name not in answers and not _is_shared(name, answers))
    if unused:
        raise LisaError(f"--set {unused[0]}: unknown environment, or a value that the other answers make unnecessary.")
    return answers


def _validator(question: Question, name: str, answers: dict[str, str]) -> Callable[[str], str | None]:
    return lambda value: validate_answer(question, name, value, answers)


def _is_shared(name: str, answers: dict[str, str]) -> bool:
    return any(answer.endswith(f".{name}") for answer in answers)


def _source(options: InitOptions, scratch: Path, tell: Callable[[str], None]) -> LisaSource:
    if options.wheel is not None:
        return vendored(given_wheel(options.wheel))
    if options.vendor:
        tell("building LISA's wheel …")
        return vendored(build_wheel(scratch))
    return published() if options.requirement is None else requirement_source(options.requirement)
