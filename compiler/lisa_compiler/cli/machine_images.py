"""What `lisa ami refresh` does: read the account, compare with the lock file, write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.aws.amis import pinned_parameters, read_amis
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.compile import ami_lock

if TYPE_CHECKING:
    from lisa_compiler.cli.targets import Target
    from lisa_compiler.plan.amis import AmiLock, LockedAmi


def refresh(target: Target, *, check: bool) -> ExitCode:
    """Pin what the environment's SSM parameters name now; with `check`, only compare."""
    environment = target.environment
    name = ami_lock.lock_file(environment)
    parameters = pinned_parameters(target.deployment)
    if not parameters:
        say(f"{environment}: no AMI to pin: each is set by amiId, or read at each deployment")
        return ExitCode.OK
    before = ami_lock.load(target.project, environment)
    after = read_amis(target.account(), parameters)
    changes = [
        line
        for parameter, services in parameters.items()
        for line in _change(parameter, services, _locked(before, after.region, parameter), after.amis[parameter])
    ]
    for line in changes:
        put(line + "\n")
    if before == after:
        say(f"{environment}: {name} is up to date")
        return ExitCode.OK
    if check:
        say(f"{environment}: {name} is out of date; run `lisa ami refresh --env {environment}`")
        return ExitCode.STALE
    ami_lock.save(target.project, environment, after)
    say(f"wrote {name}; run `lisa compile --env {environment}`, review with `lisa diff`, and commit both")
    return ExitCode.OK


def _locked(lock: AmiLock, region: str, parameter: str) -> LockedAmi | None:
    return lock.amis.get(parameter) if lock.region == region else None


def _change(parameter: str, services: tuple[str, ...], old: LockedAmi | None, new: LockedAmi) -> list[str]:
    if old == new:
        return []
    lines = [f"{parameter}, version {new.version}: {', '.join(services)}"]
    if old is not None and old.id != new.id:
        lines.append(f"  - {_described(old)}")
    lines.append(f"  + {_described(new)}")
    return lines


def _described(ami: LockedAmi) -> str:
    end = f", deprecated from {ami.deprecation_time[:10]}" if ami.deprecation_time else ""
    return f"{ami.id}  {ami.name}, created {ami.creation_date[:10]}{end}"
