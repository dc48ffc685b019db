"""The use case of `lisa ami refresh`: compare an environment's lock file of AMIs with what its account names now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.aws.amis import pinned_parameters, read_amis

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.aws.account import Account
    from lisa_compiler.compile.planning import PlannedEnvironment
    from lisa_compiler.plan.amis import AmiLock, LockedAmi


@dataclass(frozen=True, slots=True)
class AmiChange:
    """An SSM parameter that names another AMI, or another version of it.

    Attributes:
        parameter: name of the parameter.
        services: services whose instances boot the AMI.
        locked: what the lock file has; None for nothing.
        current: what the parameter names now.
    """

    parameter: str
    services: tuple[str, ...]
    locked: LockedAmi | None
    current: LockedAmi


@dataclass(frozen=True, slots=True)
class AmiRefresh:
    """What an account names now.

    Attributes:
        lock: the lock file as it should be.
        changes: how it differs from the present one, by parameter.
        is_current: whether the lock file needs no change.
    """

    lock: AmiLock
    changes: tuple[AmiChange, ...]
    is_current: bool


def read_current_amis(planned: PlannedEnvironment, connect: Callable[[], Account]) -> AmiRefresh | None:
    """Read the SSM parameters of an environment; None when none is to be pinned, and no account is needed.

    Raises:
        DeployError: the account cannot be read.
    """
    parameters = pinned_parameters(planned.deployment)
    if not parameters:
        return None
    before = planned.amis
    after = read_amis(connect(), parameters)
    locked = before.amis if before.region == after.region else {}
    changes = tuple(
        AmiChange(parameter, services, locked.get(parameter), after.amis[parameter])
        for parameter, services in parameters.items()
        if locked.get(parameter) != after.amis[parameter]
    )
    return AmiRefresh(after, changes, before == after)
