"""The files of a new configuration repository, and the validation of the answers that they are made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lisa_compiler.compile.compilation import CompileOptions, compile_project
from lisa_compiler.compile.saving import write_output
from lisa_compiler.distribution import locked_requirements
from lisa_compiler.output.tree import STATE_DIRECTORY
from lisa_compiler.project.paths import CONFIG_FILE, OVERLAY_FOLDER
from lisa_compiler.project.project import Project, Selection
from lisa_compiler.resources import jinja_environment, templates_dir
from lisa_compiler.starter.pipelines import Pipeline, PipelineSettings, pipeline_files
from lisa_compiler.starter.prompts import (
    ENVIRONMENTS,
    QUESTIONS,
    Answers,
    Question,
    deployment_names,
    environment_names,
    environments_mistake,
    example_answers,
    is_isolated,
)
from lisa_compiler.starter.workflows import WorkflowSettings
from lisa_schema.errors import ConfigurationError
from lisa_schema.export import config_schema, overlay_schema, schema_text
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from lisa_schema.diagnostics import Diagnostic

LISA_REQUIREMENT: Final = "requirements-lisa.txt"
"""Names LISA alone; requirements.txt locks everything that it requires, by hash."""
VENDOR: Final = "vendor"
"""Directory of LISA's wheel in a repository that carries it."""
INSTALL: Final = (
    f"pip install --require-hashes --no-deps -r requirements.txt && pip install --no-deps -r {LISA_REQUIREMENT}"
)
"""Installs what is locked, then LISA."""

_FOLDER: Final = "starter"
_STATIC_FILES: Final = {
    ".gitattributes": "gitattributes",
    ".gitignore": "gitignore",
    "package-lock.json": "package-lock.json",
    "package.json": "package.json",
    "policy/waivers.yaml": "waivers.yaml",
}
_LOCKED: Final = f"""\
# What LISA {VERSION} requires, each file by hash: pip rejects all others. {LISA_REQUIREMENT} contains LISA itself.
"""
ALLOWED_EXISTING: Final = frozenset({".git"})
"""What the directory of a new repository may hold: it may be an empty clone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LisaSource:
    """Where a repository installs LISA from.

    Attributes:
        lines: what pip reads in requirements-lisa.txt.
        description: the same for a reader, as the end of "LISA is installed from".
        wheel: file that the repository carries in vendor/; None for none.
    """

    lines: str
    description: str
    wheel: Path | None = None


def published() -> LisaSource:
    """LISA as the package index has it."""
    return requirement_source(f"lisa-gitops=={VERSION}", f"the package index, which must contain lisa-gitops {VERSION}")


def requirement_source(requirement: str, description: str = "") -> LisaSource:
    """LISA by a requirement as pip takes it."""
    return LisaSource(lines=f"{requirement}\n", description=description or f"`{requirement}`")


def vendored(wheel: Path) -> LisaSource:
    """LISA as a wheel that the repository carries, checked by its hash."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return LisaSource(
        lines=f"--no-index\n--find-links {VENDOR}\nlisa-gitops=={VERSION} --hash=sha256:{digest}\n",
        description=f"{VENDOR}/{wheel.name} in the repository",
        wheel=wheel,
    )


def starter_files(
    answers: Answers, source: LisaSource | None = None, pipeline: Pipeline = Pipeline.GITHUB
) -> dict[str, str]:
    """Render the text files of the repository, except what is compiled, by path.

    Args:
        answers: one for each question.
        source: where LISA is installed from; None for the package index.
        pipeline: what runs the repository's pipelines.
    """
    source = source or published()
    names = environment_names(answers)
    # GitHub's runners do not reach isolated Regions; the others run inside of the network.
    hosted = pipeline is Pipeline.GITHUB
    reachable = tuple(name for name in names if not (hosted and is_isolated(answers[f"{name}.region"])))
    settings = WorkflowSettings(
        header=f"Created by `lisa init` of LISA {VERSION}. You can change it.",
        environments=reachable,
        install=INSTALL,
        lisa="lisa",
        strict=True,
        own_tests=False,
    )
    values = _values(answers)
    deployed = [environment for environment in values["environments"] if environment["name"] in reachable]
    made = pipeline_files(
        PipelineSettings(
            system=pipeline, workflows=settings, deployment=answers["deploymentName"], environments=deployed
        )
    )
    return {
        **configuration_files(answers),
        "README.md": _render(
            "README.md.j2",
            {**values, "install": INSTALL, "source": source.description, "pipeline": pipeline.value},
        ),
        "requirements.txt": f"{_LOCKED}--only-binary=:all:\n{_without_comments(locked_requirements())}",
        LISA_REQUIREMENT: f"# LISA, from {source.description}. requirements.txt has its dependencies.\n{source.lines}",
        "schema/config.schema.json": schema_text(config_schema()),
        "schema/overlay.schema.json": schema_text(overlay_schema()),
        **{
            path: (templates_dir() / _FOLDER / name).read_text(encoding="utf-8") for path, name in _STATIC_FILES.items()
        },
        **made,
    }


def _without_comments(lock: str) -> str:
    return "".join(line for line in lock.splitlines(keepends=True) if not line.startswith("#"))


def configuration_files(answers: Answers) -> dict[str, str]:
    """Render config.yaml and the overlays in environments/, by path."""
    values = _values(answers)
    overlays = {
        f"environments/{environment['name']}.yaml": _render(
            "environment.yaml.j2", {"environment": environment, "deploymentName": answers["deploymentName"]}
        )
        for environment in values["environments"]
    }
    return {"config.yaml": _render("config.yaml.j2", values), **overlays}


def _values(answers: Answers) -> dict[str, Any]:
    # A question that was not asked has a blank answer.
    shared = {question.name: "" for question in QUESTIONS if not question.each} | dict(answers)
    environments = [
        {**_environment(answers, name), "deploymentName": own_name}
        for name, own_name in deployment_names(answers).items()
    ]
    return {"answers": shared, "environments": environments, "version": VERSION}


def _environment(answers: Answers, name: str) -> dict[str, Any]:
    index_url = answers.get(f"{name}.indexUrl", "")
    own = {key: answers.get(f"{name}.{key}", "") for key in ("accountNumber", "region", "s3BucketModels")}
    return {
        **own,
        "name": name,
        "indexUrl": index_url,
        "mirror": urlsplit(index_url).hostname or "",
        "certificate": answers.get(f"{name}.certificate", ""),
        "internetFacing": answers.get(f"{name}.internetFacing", ""),
    }


def _render(template: str, values: Mapping[str, Any]) -> str:
    return jinja_environment().get_template(f"{_FOLDER}/{template}").render(values)


def validate_answer(question: Question, name: str, value: str, answers: Answers) -> str | None:
    """Describe what is wrong with an answer; None if it is valid.

    Args:
        question: what was asked.
        name: name of the answer, with its environment.
        value: the answer.
        answers: those before it.
    """
    if not value and not question.optional:
        return "This has no default: an answer is required."
    if question.name == ENVIRONMENTS:
        return environments_mistake(value)
    judged = example_answers({**answers, name: value})
    environment = name.rpartition(".")[0] or environment_names(judged)[0]
    for diagnostic in _diagnostics(judged, environment):
        if diagnostic.is_error and diagnostic.key_path == question.path:
            return f"{diagnostic.message} {diagnostic.fix}".strip()
    return None


def _diagnostics(answers: Answers, environment: str) -> tuple[Diagnostic, ...]:
    files = configuration_files(answers)
    with tempfile.TemporaryDirectory(prefix="lisa-") as folder:
        for path in (CONFIG_FILE, f"{OVERLAY_FOLDER}/{environment}.yaml"):
            _write(Path(folder) / path, files[path])
        try:
            return Project(Path(folder)).environment(environment).diagnostics
        except ConfigurationError as error:
            return error.diagnostics


def write_repository(
    directory: Path,
    answers: Answers,
    source: LisaSource,
    tell: Callable[[str], None],
    pipeline: Pipeline = Pipeline.GITHUB,
) -> None:
    """Write a repository's files, and compile its environments.

    Args:
        directory: where to; it is there, and empty.
        answers: one for each question.
        source: where LISA is installed from.
        tell: receives the name of each phase.
        pipeline: what runs the repository's pipelines.

    Raises:
        ConfigurationError: the answers are inconsistent.
    """
    for path, text in starter_files(answers, source, pipeline).items():
        _write(directory / path, text)
    if source.wheel is not None:
        (directory / VENDOR).mkdir()
        shutil.copyfile(source.wheel, directory / VENDOR / source.wheel.name)
    compile_all(directory, environment_names(answers), tell)


def compile_all(directory: Path, environments: Sequence[str], tell: Callable[[str], None]) -> None:
    """Compile the environments of a new repository into its generated/.

    Raises:
        ConfigurationError: the configuration has errors; nothing was written.
    """
    project = Project(directory)
    options = CompileOptions(cache=False)
    tell(f"compiling {', '.join(environments)}")
    made = compile_project(project, Selection(names=tuple(environments)), project.output, options)
    for _ in write_output(made):
        pass
    # It holds the state of this machine alone.
    shutil.rmtree(project.output / STATE_DIRECTORY, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
