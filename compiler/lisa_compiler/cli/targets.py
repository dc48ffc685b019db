"""What a command of the deployment works on: an environment, its plan, its compiled assembly and its account."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.cli.diagnosing import show
from lisa_compiler.cli.inspecting import validated
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.staging import Workspace
from lisa_compiler.cli.terminal import ExitCode, say
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly
    from lisa_compiler.aws.account import Account
    from lisa_compiler.plan import Deployment
    from lisa_compiler.provenance.index import Index


@dataclass(frozen=True, slots=True)
class Target:
    """An environment that is deployed.

    Attributes:
        request: what was asked for.
        deployment: the plan of the environment.
    """

    request: Request
    deployment: Deployment

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return self.deployment.environment

    @property
    def project(self) -> Path:
        """Folder of config.yaml."""
        return self.request.project

    @property
    def output(self) -> Path:
        """Directory of all environments' output."""
        return self.project / "generated"

    def assembly(self) -> Assembly:
        """What is compiled for the environment.

        Raises:
            DeployError: nothing is, or another version did it.
        """
        from lisa_compiler.artifacts import assembly

        order = [stack.component for stack in self.deployment.stacks]
        return assembly.read(self.output, self.environment, self.deployment.region.partition.id, order)

    def fresh_assembly(self) -> Assembly:
        """What is compiled for the environment, when it is what the sources compile to.

        Raises:
            DeployError: it is not.
        """
        assembly = self.assembly()
        self.require_up_to_date()
        return assembly

    def require_up_to_date(self) -> None:
        """Require that the compiled output is what the sources compile to.

        Raises:
            DeployError: it is not.
        """
        if problem := self._out_of_date():
            place = shown_path(self.output / self.environment)
            raise DeployError(
                f"{problem} Only reviewed output can be deployed: run `lisa compile --env {self.environment}`, review "
                f"{place} and commit it. If it was compiled with options such as --region, use the same options."
            )

    def warn_if_out_of_date(self) -> None:
        """Report compiled output that is not what the sources compile to, for commands that change nothing by it."""
        place = shown_path(self.output / self.environment)
        try:
            problem = self._out_of_date()
        except LisaError:
            # `lisa destroy` must work for sources that no longer compile.
            problem = f"{place} cannot be compared with its sources, which do not compile."
        if problem:
            say(f"warning: {problem} This command uses it as it is; run `lisa compile --env {self.environment}`.")

    def provenance(self) -> Index:
        """Where the compiled output comes from; an empty index for sources that no longer compile."""
        from lisa_compiler.compile.provenance import index_of
        from lisa_compiler.provenance.index import Index

        try:
            return index_of(self.project, self.output, self.environment, self.deployment.config)
        except LisaError:
            return Index({})

    def _out_of_date(self) -> str | None:
        """A sentence, when the compiled output is not what the sources compile to."""
        from lisa_compiler.cli.compiling import differences
        from lisa_compiler.output.diff import summary

        changes = differences(self.request, self.output, self.environment)
        place = shown_path(self.output / self.environment)
        return f"{place} is out of date ({summary(changes)})." if changes else None

    def account(self) -> Account:
        """The account that the environment belongs in.

        Raises:
            DeployError: there are no credentials, or they are for another one.
        """
        from lisa_compiler.aws.account import connect

        config = self.deployment.config
        return connect(self.environment, config.account_number, config.region, config.profile)

    def workspace(self) -> Workspace:
        """Where the environment's weights are."""
        config = self.deployment.config
        if config.profile is not None:
            os.environ["AWS_PROFILE"] = config.profile  # s5cmd takes a profile from nowhere else
        needed = tuple(dict.fromkeys(model.config.model_name for model in self.deployment.models))
        given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        endpoint = given or self.deployment.region.s5cmd_endpoint
        return Workspace(self.project, self.environment, config.s3_bucket_models, needed, endpoint)


def on_target(request: Request, work: Callable[[Target], ExitCode]) -> ExitCode:
    """Run a command for a valid configuration; one that is not is reported."""
    from lisa_compiler.compile import ami_lock
    from lisa_compiler.plan import plan

    try:
        name = request.environments[0] if request.environments else None
        loaded, config, _ = validated(request, name, request.overrides())
        amis = ami_lock.load(request.project, loaded.environment)
        return work(Target(request, plan(loaded.environment, config, amis)))
    except ConfigurationError as error:
        show(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
