"""`lisa ami refresh`."""

from __future__ import annotations

from typing import Annotated

import typer

from lisa_compiler.cli.deployment_options import deployment_options
from lisa_compiler.cli.options import command_group, takes
from lisa_compiler.cli.terminal import ExitCode, print_status, write_output
from lisa_compiler.compile import ami_lock
from lisa_compiler.deploy.ami_refresh import AmiChange, read_current_amis
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.plan.amis import LockedAmi

app = command_group("Pin the AMIs that EC2 instances boot.")


@app.callback()
def ami() -> None:
    """Pin the AMIs that EC2 instances boot."""


@app.command(
    epilog=(
        "lisa ami refresh --env prod\n\n"
        "lisa ami refresh --env prod --check    [dim]# exit 3 when there are newer AMIs[/dim]"
    )
)
@takes(deployment_options)
def refresh(
    context: DeploymentContext,
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 3 when the lock file differs.")] = False,
) -> None:
    """Read the SSM parameters of AMIs in the account, and update ami.<env>.lock.json."""
    environment = context.environment
    name = context.project.ami_lock(environment).name
    found = read_current_amis(context.planned, context.account)
    if found is None:
        print_status(f"{environment}: no AMI to pin: each is set by amiId, or read at each deployment")
        return
    for change in found.changes:
        for line in _lines(change):
            write_output(line + "\n")
    if found.is_current:
        print_status(f"{environment}: {name} is up to date")
        return
    if check:
        print_status(f"{environment}: {name} is out of date; run `lisa ami refresh --env {environment}`")
        raise typer.Exit(ExitCode.STALE)
    ami_lock.save(context.project.root, environment, found.lock)
    print_status(f"wrote {name}; run `lisa compile --env {environment}`, review with `lisa diff`, and commit both")


def _lines(change: AmiChange) -> list[str]:
    old, new = change.locked, change.current
    lines = [f"{change.parameter}, version {new.version}: {', '.join(change.services)}"]
    if old is not None and old.id != new.id:
        lines.append(f"  - {_description(old)}")
    return [*lines, f"  + {_description(new)}"]


def _description(ami: LockedAmi) -> str:
    end = f", deprecated from {ami.deprecation_time[:10]}" if ami.deprecation_time else ""
    return f"{ami.id}  {ami.name}, created {ami.creation_date[:10]}{end}"
