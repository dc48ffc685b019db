"""`lisa status` and `lisa unlock`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lisa_compiler.cli.approval import require_approval
from lisa_compiler.cli.deployment_options import deployment_options
from lisa_compiler.cli.options import TableFormat, command_group, takes
from lisa_compiler.cli.tables import table
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.deploy.deployment_context import DeploymentContext
from lisa_compiler.project.git import GitError, find_commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.ledger.lock import Holder
    from lisa_compiler.ledger.records import Record

app = command_group()

_HEAD = ("BEGAN", "COMMAND", "COMMIT", "LISA", "STACKS", "BY", "RESULT")
_SHORT = 12
"""Characters of a commit that are shown."""


@app.command(epilog="lisa status --env prod --format json")
@takes(deployment_options)
def status(
    context: DeploymentContext,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Deployments that are shown.")] = 10,
    form: Annotated[TableFormat, typer.Option("--format", help="Text or JSON.")] = TableFormat.TEXT,
) -> None:
    """Show what is deployed, by whom, and what holds the lock."""
    from lisa_compiler.ledger.overview import read_overview  # noqa: PLC0415  # boto3: 0.4 s

    account = context.account()
    overview = read_overview(account, context.deployment.names, context.environment)
    records = overview.records[:limit]
    if form is TableFormat.JSON:
        held = None if overview.holder is None else asdict(overview.holder)
        listed = [asdict(record) for record in records]
        write_output(json.dumps({"environment": context.environment, "lock": held, "records": listed}, indent=2) + "\n")
        return
    write_output(_rendered(context, records, overview.holder))


@app.command(epilog="lisa unlock --env prod")
@takes(deployment_options)
def unlock(
    context: DeploymentContext,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Release the lock without a prompt.")] = False,
) -> None:
    """Release the lock of a deployment whose command no longer runs."""
    from lisa_compiler.ledger.overview import open_lock  # noqa: PLC0415  # boto3: 0.4 s
    from lisa_compiler.ledger.table import explaining_a_missing_table  # noqa: PLC0415  # likewise

    lock = open_lock(context.account(), context.deployment.names, context.environment)
    with explaining_a_missing_table(context.environment):
        holder = lock.holder()
    if holder is None:
        print_status(f"{context.environment} is not locked")
        return
    print_status(f"{context.environment} is locked by {holder.describe()}")
    require_approval("Release the lock? A command that still runs is interrupted.", yes=yes)
    released = lock.release(holder)
    print_status(f"{context.environment} is unlocked" if released else "the lock was released meanwhile")


def _rendered(context: DeploymentContext, records: Sequence[Record], holder: Holder | None) -> str:
    lines = [f"lock: {'free' if holder is None else holder.describe()}"]
    if not records:
        return "\n".join([*lines, "ledger: no deployments", ""])
    head = _head(context)
    rows = [
        (
            record.began[:19] + "Z",
            record.command,
            _commit(record, head),
            record.version,
            str(len(record.stacks)) + ("" if record.whole else " selected"),
            record.owner.rpartition(":")[2],
            record.result.value + (f": {record.detail}" if record.detail else ""),
        )
        for record in records
    ]
    return "\n".join([*lines, "", table(_HEAD, rows)])


def _head(context: DeploymentContext) -> str | None:
    try:
        return find_commit(context.project.root, "HEAD")
    except GitError:
        return None


def _commit(record: Record, head: str | None) -> str:
    if not record.commit:
        return f"output {record.digest[:_SHORT]}"
    marks = [mark for mark, holds in (("HEAD", record.commit == head), ("uncommitted", record.uncommitted)) if holds]
    return record.commit[:_SHORT] + (f" ({', '.join(marks)})" if marks else "")
