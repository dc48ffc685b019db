"""The files of a new configuration repository, and how its first answers are judged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lisa_compiler.resources import jinja_environment, templates_dir
from lisa_compiler.starter.questions import (
    ENVIRONMENTS,
    QUESTIONS,
    Answers,
    Question,
    environment_names,
    environments_mistake,
    example_answers,
    is_isolated,
)
from lisa_compiler.starter.workflows import WorkflowSettings, workflows
from lisa_schema.errors import ConfigurationError
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from lisa_schema.diagnostics import Diagnostic

REQUIREMENT: Final = f"lisa-gitops[aws,policy]=={VERSION}"
"""What pip installs LISA by, unless the package comes from elsewhere."""

_FOLDER: Final = "starter"
_AS_THEY_ARE: Final = {
    ".gitattributes": "gitattributes",
    ".gitignore": "gitignore",
    "package-lock.json": "package-lock.json",
    "package.json": "package.json",
    "policy/waivers.yaml": "waivers.yaml",
}
MAY_BE_THERE: Final = frozenset({".git"})
"""What the directory of a new repository may hold: it may be an empty clone."""


def starter_files(answers: Answers, requirement: str = REQUIREMENT) -> dict[str, str]:
    """Render the repository's files but what is compiled, by path.

    Args:
        answers: one for each question.
        requirement: what pip installs LISA by.
    """
    from lisa_schema.export import config_schema, overlay_schema, schema_text

    names = environment_names(answers)
    reachable = tuple(name for name in names if not is_isolated(answers[f"{name}.region"]))
    settings = WorkflowSettings(
        header=f"Made by `lisa init` of LISA {VERSION}; it is yours to change.",
        environments=reachable or names,
        install="pip install -r requirements.txt",
        lisa="lisa",
        strict=True,
        own_tests=False,
    )
    made = workflows(settings)
    if not reachable:
        del made[".github/workflows/deploy.yml"]
    return {
        **configuration_files(answers),
        "README.md": _render("README.md.j2", _values(answers)),
        "requirements.txt": f"{requirement}\n",
        "schema/config.schema.json": schema_text(config_schema()),
        "schema/overlay.schema.json": schema_text(overlay_schema()),
        **{path: (templates_dir() / _FOLDER / name).read_text(encoding="utf-8") for path, name in _AS_THEY_ARE.items()},
        **made,
    }


def configuration_files(answers: Answers) -> dict[str, str]:
    """Render config.yaml and the overlays in environments/, by path."""
    values = _values(answers)
    overlays = {
        f"environments/{environment['name']}.yaml": _render("environment.yaml.j2", {"environment": environment})
        for environment in values["environments"]
    }
    return {"config.yaml": _render("config.yaml.j2", values), **overlays}


def _values(answers: Answers) -> dict[str, Any]:
    # A question that was not asked has a blank answer.
    shared = {question.name: "" for question in QUESTIONS if not question.each} | dict(answers)
    environments = [_environment(answers, name) for name in environment_names(answers)]
    return {"answers": shared, "environments": environments, "version": VERSION}


def _environment(answers: Answers, name: str) -> dict[str, Any]:
    own = {key: answers.get(f"{name}.{key}", "") for key in ("accountNumber", "region", "s3BucketModels")}
    return {
        **own,
        "name": name,
        "indexUrl": answers.get(f"{name}.indexUrl", ""),
        "certificate": answers.get(f"{name}.certificate", ""),
        "internetFacing": answers.get(f"{name}.internetFacing", ""),
    }


def _render(template: str, values: Mapping[str, Any]) -> str:
    return jinja_environment().get_template(f"{_FOLDER}/{template}").render(values)


def mistake(question: Question, name: str, value: str, answers: Answers) -> str | None:
    """Say what is wrong with an answer; None when nothing is.

    Args:
        question: what was asked.
        name: name of the answer, with its environment.
        value: the answer.
        answers: those before it.
    """
    if not value and not question.optional:
        return "This has no default: an answer is needed."
    if question.name == ENVIRONMENTS:
        return environments_mistake(value)
    judged = example_answers({**answers, name: value})
    environment = name.rpartition(".")[0] or environment_names(judged)[0]
    for diagnostic in _diagnostics(judged, environment):
        if diagnostic.is_error and diagnostic.key_path == question.path:
            return f"{diagnostic.message} {diagnostic.fix}".strip()
    return None


def _diagnostics(answers: Answers, environment: str) -> tuple[Diagnostic, ...]:
    from lisa_compiler.load import load
    from lisa_schema.validate import validate

    files = configuration_files(answers)
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        for path in ("config.yaml", f"environments/{environment}.yaml"):
            _write(Path(folder) / path, files[path])
        try:
            return validate(load(Path(folder), environment).document).diagnostics
        except ConfigurationError as error:
            return error.diagnostics


def write_repository(directory: Path, answers: Answers, requirement: str, tell: Callable[[str], None]) -> None:
    """Write a repository's files, and compile its environments.

    Args:
        directory: where to; it is there, and empty.
        answers: one for each question.
        requirement: what pip installs LISA by.
        tell: is told the stages, for a person who waits.

    Raises:
        ConfigurationError: the answers do not fit each other.
    """
    for path, text in starter_files(answers, requirement).items():
        _write(directory / path, text)
    compile_all(directory, environment_names(answers), tell)


def compile_all(directory: Path, environments: Sequence[str], tell: Callable[[str], None]) -> None:
    """Compile the environments of a new repository into its generated/."""
    from lisa_compiler import manifest
    from lisa_compiler.pipeline import compile_environment
    from lisa_compiler.tree import MANIFEST, STATE_DIRECTORY
    from lisa_compiler.write import write_environment

    for name in environments:
        tell(f"compiling {name}")
        compiled = compile_environment(directory, name)
        content = manifest.build(name, compiled.config, options=(), files=compiled.files)
        write_environment(directory / "generated", name, {**compiled.files, MANIFEST: content})
    # It holds the state of this machine alone.
    shutil.rmtree(directory / "generated" / STATE_DIRECTORY, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
