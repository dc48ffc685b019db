"""The use cases of `lisa proposals`: list what is proposed for an environment, preview it, and apply it."""

from __future__ import annotations

from dataclasses import dataclass

from lisa_compiler.compile.planning import plan_environment
from lisa_compiler.project.project import Project
from lisa_compiler.proposals.applying import save, validate_with
from lisa_compiler.proposals.editing import apply_to_file
from lisa_compiler.proposals.proposal import Proposal, ProposalError
from lisa_compiler.proposals.table import ProposalTable, client
from lisa_compiler.proposals.yaml_file import YamlFile
from lisa_schema.diagnostics import Diagnostic

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """What a proposal changes.

    Attributes:
        proposal: the proposal.
        file: the file that it changes, in memory.
        diagnostics: warnings of the configuration with the change.
    """

    proposal: Proposal
    file: YamlFile
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposalQueue:
    """The proposals of one environment.

    Attributes:
        project: the project.
        environment: name of the environment.
        table: where the proposals are stored.
    """

    project: Project
    environment: str
    table: ProposalTable

    def list(self, *, every: bool) -> list[Proposal]:
        """Proposals, the newest first; unless `every` is set, those that are pending."""
        return [proposal for proposal in self.table.all() if every or proposal.status == PENDING]

    def preview(self, proposal_id: str) -> ProposedChange:
        """What a proposal would change; nothing is written.

        Raises:
            ProposalError: it does not exist, or does not fit the files.
        """
        proposal = self.table.find(proposal_id)
        return ProposedChange(proposal, apply_to_file(self.project.root, self.environment, proposal))

    def validate(self, proposal_id: str) -> ProposedChange:
        """What a pending proposal changes, when the configuration is valid with it; nothing is written.

        Raises:
            ProposalError: it does not exist, is not pending, or does not fit the files.
            ConfigurationError: the configuration would have errors.
        """
        proposal = self.table.find(proposal_id)
        if proposal.status != PENDING:
            raise ProposalError(f"The proposal {proposal.id} is {proposal.status}.")
        file = apply_to_file(self.project.root, self.environment, proposal)
        return ProposedChange(proposal, file, validate_with(self.project.root, self.environment, file).diagnostics)

    def apply(self, change: ProposedChange) -> None:
        """Write the file of a validated change, then mark its proposal as applied.

        Raises:
            ProposalError: the table cannot be written; the file is.
        """
        save(self.project.root, change.file)
        self.table.mark_applied(change.proposal.id)


def open_queue(project: Project, name: str | None, endpoint_url: str | None) -> ProposalQueue:
    """Open the proposals of an environment.

    Args:
        project: the project.
        name: name of the environment; None for `env` in config.yaml.
        endpoint_url: address of a DynamoDB-compatible store; None for DynamoDB.

    Raises:
        ConfigurationError: the configuration has errors.
        LisaError: boto3 is missing, or the profile, the Region or the address cannot be used.
    """
    planned = plan_environment(project.environment(name))
    config = planned.environment.config
    dynamodb = client(config.region, config.profile, endpoint_url)
    environment = planned.environment.name
    return ProposalQueue(
        project, environment, ProposalTable(dynamodb, planned.deployment.names.proposals_table, environment)
    )
