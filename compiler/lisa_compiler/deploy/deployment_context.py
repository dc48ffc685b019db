"""What the commands on a deployment work with: an environment, its plan, its compiled output and its account."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.artifacts import assembly
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.compile.compilation import differences
from lisa_compiler.compile.planning import PlannedEnvironment, plan_environment
from lisa_compiler.deploy.weights import open_bucket_workspace
from lisa_compiler.output.cdk_version import describe_other_version
from lisa_compiler.output.diff import summary
from lisa_compiler.project.paths import shown_path
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly
    from lisa_compiler.aws.account import Account
    from lisa_compiler.plan import Deployment
    from lisa_compiler.project.project import Project
    from lisa_compiler.provenance.index import Index
    from lisa_weights.steps import Step
    from lisa_weights.workspace import Workspace

Phases = Callable[[], AbstractContextManager[Callable[[str], None] | None]]
"""Opens what receives the names of phases; None where they are not shown."""


@dataclass(frozen=True, slots=True)
class DeploymentContext:
    """An environment and its deployment.

    Attributes:
        project: the project.
        planned: the environment and its plan.
        phases: shows the phases of compiling, by which output is found to be up to date.
        step: shows the progress of work on weights.
    """

    project: Project
    planned: PlannedEnvironment
    phases: Phases = nullcontext
    step: Step | None = None

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return self.deployment.environment

    @property
    def deployment(self) -> Deployment:
        """Plan of the environment."""
        return self.planned.deployment

    @property
    def output(self) -> Path:
        """Compiled output of the environment."""
        return self.project.output / self.environment

    def assembly(self) -> Assembly:
        """Read the compiled output.

        Raises:
            DeployError: it does not exist, or another version compiled it.
        """
        order = [stack.component for stack in self.deployment.stacks]
        return assembly.read(self.project.output, self.environment, self.deployment.region.partition.id, order)

    def up_to_date_assembly(self) -> Assembly:
        """Read the compiled output, which must be what the sources compile to.

        Raises:
            DeployError: it is not.
        """
        found = self.assembly()
        self.require_up_to_date()
        return found

    def require_up_to_date(self) -> None:
        """Require that the compiled output is what the sources compile to.

        Raises:
            DeployError: it is not.
        """
        if problem := self._out_of_date():
            place = shown_path(self.output)
            raise DeployError(
                f"{problem} Only reviewed output can be deployed: run `lisa compile --env {self.environment}`, review "
                f"{place} and commit it. If it was compiled with options such as --region, use the same options."
            )

    def staleness_warning(self) -> str | None:
        """Describe compiled output that is out of date, for commands that only read it; None if it is up to date."""
        try:
            problem = self._out_of_date()
        except LisaError:
            # `lisa destroy` must work for sources that no longer compile.
            problem = f"{shown_path(self.output)} cannot be compared with its sources, because they do not compile."
        command = f"lisa compile --env {self.environment}"
        return f"{problem} This command uses it as it is; run `{command}`." if problem else None

    def provenance(self) -> Index:
        """Where the compiled output comes from; an empty index for sources that no longer compile."""
        from lisa_compiler.compile.provenance import index_of  # noqa: PLC0415  # the emitters: 0.2 s, for drift alone
        from lisa_compiler.provenance.index import Index  # noqa: PLC0415  # see above

        try:
            return index_of(self.project.root, self.project.output, self.environment, self.deployment.config)
        except LisaError:
            return Index({})

    def account(self) -> Account:
        """Connect to the account of the environment.

        Raises:
            DeployError: there are no credentials, or they are for another account.
        """
        from lisa_compiler.aws.account import connect  # noqa: PLC0415  # boto3: 0.4 s, and bundles need none

        config = self.deployment.config
        return connect(self.environment, config.account_number, config.region, config.profile)

    def workspace(self) -> Workspace:
        """Where the weights of the environment are."""
        config = self.deployment.config
        if config.profile is not None:
            os.environ["AWS_PROFILE"] = config.profile  # s5cmd takes a profile from nowhere else
        given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return open_bucket_workspace(self.planned.environment, given)

    def _out_of_date(self) -> str | None:
        """A sentence, when the compiled output is not what the sources compile to."""
        with self.phases() as progress:
            changes = differences(self.project, self.planned, self.project.output, progress=progress, step=self.step)
        if not changes:
            return None
        other = describe_other_version(self.output)
        return f"{shown_path(self.output)} is out of date ({summary(changes)}).{f' {other}' if other else ''}"


def open_deployment(
    project: Project, name: str | None, *, phases: Phases = nullcontext, step: Step | None = None
) -> DeploymentContext:
    """Validate and plan an environment; None is that of `env` in config.yaml.

    Raises:
        ConfigurationError: the configuration has errors.
    """
    return DeploymentContext(project, plan_environment(project.environment(name)), phases, step)
