"""`lisa proposals …`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lisa_compiler.cli.diagnostics import print_diagnostics
from lisa_compiler.cli.invocation import Invocation
from lisa_compiler.cli.options import TableFormat, command_group, scope_options, takes
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.terminal import print_status, write_output
from lisa_compiler.project.paths import shown_path
from lisa_compiler.proposals.proposal import Proposal
from lisa_compiler.proposals.queue import ProposalQueue, open_queue

app = command_group("Apply proposals of the models API to the configuration files.")

Endpoint = Annotated[str | None, typer.Option("--endpoint-url", metavar="URL", help="DynamoDB-compatible store.")]
ProposalId = Annotated[str, typer.Argument(metavar="ID", help="Id of the proposal.")]


@takes(scope_options)
def queue_options(invocation: Invocation, *, endpoint_url: Endpoint = None) -> ProposalQueue:
    """Options of commands on the proposals of one environment."""
    return open_queue(invocation.project, invocation.environment, endpoint_url)


@app.command("list", epilog="lisa proposals list --env prod")
@takes(queue_options)
def proposals_list(
    queue: ProposalQueue,
    *,
    every: Annotated[bool, typer.Option("--all", help="Include applied and withdrawn proposals.")] = False,
    form: Annotated[TableFormat, typer.Option("--format", help="Output format.")] = TableFormat.TEXT,
) -> None:
    """List the pending proposals of an environment, newest first."""
    found = queue.list(every=every)
    if form is TableFormat.JSON:
        write_output(json.dumps([asdict(proposal) for proposal in found], indent=2) + "\n")
        return
    for proposal in found:
        write_output(f"{_summary(proposal)}\n")
    if not found:
        print_status(f"{queue.environment}: no proposals")


@app.command("show", epilog="lisa proposals show 20261122T101500-0a1b2c3d --env prod | git apply --check")
@takes(queue_options)
def proposals_show(queue: ProposalQueue, proposal: ProposalId) -> None:
    """Print the file changes of a proposal as a unified diff. Changes nothing."""
    change = queue.preview(proposal)
    print_status(_summary(change.proposal))
    write_output(change.file.diff())


@app.command("apply", epilog="lisa proposals apply 20261122T101500-0a1b2c3d --env prod")
@takes(queue_options)
def proposals_apply(queue: ProposalQueue, proposal: ProposalId) -> None:
    """Apply a proposal to the working tree if the result is valid; mark it as applied."""
    change = queue.validate(proposal)
    print_diagnostics(change.diagnostics, Format.TEXT, queue.project)
    write_output(change.file.diff())
    queue.apply(change)
    path = shown_path(queue.project.root / change.file.path)
    print_status(f"changed {path}; compile, and open a pull request")


def _summary(proposal: Proposal) -> str:
    cells = (proposal.id, f"{proposal.status:<9}", f"{proposal.kind:<6}", proposal.model_id, f"by {proposal.author}")
    return "  ".join(cells)
