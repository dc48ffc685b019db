"""Options of the commands on a deployment: those of one environment, which is validated and planned once."""

from __future__ import annotations

from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import environment_options, takes
from lisa_compiler.cli.progress_bar import progress_step
from lisa_compiler.cli.spinner import phase_spinner
from lisa_compiler.cli.terminal import print_status
from lisa_compiler.deploy.deployment_context import DeploymentContext, open_deployment


def open_context(invocation: Invocation) -> DeploymentContext:
    """Open the environment of a command."""
    return open_deployment(invocation.project, invocation.environment, phases=phase_spinner, step=progress_step)


@takes(environment_options)
def deployment_options(invocation: Invocation) -> DeploymentContext:
    """Options of one environment, with its overrides, as its deployment."""
    return open_context(invocation)


def warn_if_out_of_date(context: DeploymentContext) -> None:
    """Warn of compiled output that is not what the sources compile to, in commands that only read it."""
    if warning := context.staleness_warning():
        print_status(f"warning: {warning}")
