"""The plan of a valid environment: its configuration with the AMIs that its lock file pins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.compile import ami_lock
from lisa_compiler.plan import plan

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.amis import AmiLock
    from lisa_compiler.project.project import ValidEnvironment


@dataclass(frozen=True, slots=True)
class PlannedEnvironment:
    """A valid environment and its plan.

    Attributes:
        environment: the environment.
        amis: its lock file of AMIs.
        deployment: its plan.
    """

    environment: ValidEnvironment
    amis: AmiLock
    deployment: Deployment


def plan_environment(environment: ValidEnvironment) -> PlannedEnvironment:
    """Plan a valid environment.

    Raises:
        ConfigurationError: its lock file of AMIs cannot be used.
    """
    amis = ami_lock.load(environment.root, environment.name)
    return PlannedEnvironment(environment, amis, plan(environment.name, environment.config, amis))
