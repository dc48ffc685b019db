"""What `lisa proposals …` does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from lisa_compiler.cli.diagnosing import show as show_diagnostics
from lisa_compiler.cli.inspecting import validated
from lisa_compiler.cli.report import Format
from lisa_compiler.cli.requests import Request, shown_path
from lisa_compiler.cli.terminal import ExitCode, put, say
from lisa_compiler.plan import plan
from lisa_compiler.proposals.applying import check, save
from lisa_compiler.proposals.editing import edited
from lisa_compiler.proposals.proposal import Proposal, ProposalError
from lisa_compiler.proposals.table import ProposalTable, client
from lisa_schema.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose proposals are meant, and where they are."""

    environment: str
    table: ProposalTable


def show_all(request: Request, endpoint_url: str | None, *, every: bool, as_json: bool) -> ExitCode:
    """Print the proposals of an environment as a table."""

    def work(place: _Place) -> None:
        found = [proposal for proposal in place.table.all() if every or proposal.status == "pending"]
        if as_json:
            put(json.dumps([asdict(proposal) for proposal in found], indent=2) + "\n")
            return
        for proposal in found:
            put(f"{'  '.join(_row(proposal))}\n")
        if not found:
            say(f"{place.environment}: nothing is proposed")

    return _in_place(request, endpoint_url, work)


def show(request: Request, endpoint_url: str | None, proposal_id: str) -> ExitCode:
    """Print what a proposal changes, as a diff."""

    def work(place: _Place) -> None:
        proposal = place.table.find(proposal_id)
        say("  ".join(_row(proposal)))
        put(edited(request.project, place.environment, proposal).diff())

    return _in_place(request, endpoint_url, work)


def apply(request: Request, endpoint_url: str | None, proposal_id: str) -> ExitCode:
    """Change the file that a proposal belongs into, and mark the proposal."""

    def work(place: _Place) -> None:
        proposal = place.table.find(proposal_id)
        if proposal.status != "pending":
            raise ProposalError(f"The proposal {proposal.id} is {proposal.status}.")
        file = edited(request.project, place.environment, proposal)
        show_diagnostics(check(request.project, place.environment, file).diagnostics, Format.TEXT, request)
        put(file.diff())
        say(f"changed {shown_path(save(request.project, file))}; run `lisa compile` and open a pull request")
        place.table.mark_applied(proposal.id)

    return _in_place(request, endpoint_url, work)


def _in_place(request: Request, endpoint_url: str | None, work: Callable[[_Place], None]) -> ExitCode:
    name = request.environments[0] if request.environments else None
    try:
        loaded, config, _ = validated(request, name, request.overrides())
        deployment = plan(loaded.environment, config)
        dynamodb = client(config.region, config.profile, endpoint_url)
        work(
            _Place(
                loaded.environment,
                ProposalTable(dynamodb, deployment.names.proposals_table, loaded.environment),
            )
        )
    except ConfigurationError as error:
        show_diagnostics(error.diagnostics, Format.TEXT, request)
        return ExitCode.FAILED
    return ExitCode.OK


def _row(proposal: Proposal) -> tuple[str, ...]:
    return proposal.id, f"{proposal.status:<9}", f"{proposal.kind:<6}", proposal.model_id, f"by {proposal.author}"
