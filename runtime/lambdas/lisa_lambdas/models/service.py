"""What can be done with hosted models: look, start, stop, and propose changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Tuple

from lisa_lambdas.caller import Caller
from lisa_lambdas.errors import ConflictError, NotFoundError, UnavailableError
from lisa_lambdas.models.hosting import STOPPED, Hosting
from lisa_lambdas.models.proposal import Proposal, Setting, propose_create, propose_delete, propose_update
from lisa_lambdas.models.proposal_store import ProposalStore
from lisa_lambdas.models.registry import HostedModel, Registry
from lisa_lambdas.models.state import ModelState, state_of
from lisa_lambdas.parameters import Parameters


@dataclass(frozen=True)
class LiveModel:
    """A hosted model, and how it is."""

    model: HostedModel
    state: ModelState
    instances: int

    def as_json(self) -> Dict[str, Any]:
        """The model as the API shows it."""
        return {
            "modelId": self.model.id,
            "state": self.state.value,
            "instances": self.instances,
            "url": self.model.url,
            "configuration": self.model.configuration,
        }


def _now() -> datetime:
    return datetime.now(timezone.utc)


class ModelService:
    """The models of one environment.

    Args:
        registry: finds them.
        hosting: where they run.
        proposals: where proposals are kept.
        parameters: where the environment's configuration is written.
        configuration_name: name of its parameter.
        environment: name of the environment.
        clock: tells the time.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        hosting: Hosting,
        proposals: ProposalStore,
        parameters: Parameters,
        configuration_name: str,
        environment: str,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.proposals = proposals
        self._registry = registry
        self._hosting = hosting
        self._parameters = parameters
        self._configuration_name = configuration_name
        self._environment = environment
        self._clock = clock

    def all(self) -> Tuple[List[LiveModel], List[str]]:
        """The hosted models, by id, and the parameters of those that cannot be read."""
        found = self._registry.listing()
        return self._live(found.models), found.unreadable

    def find(self, model_id: str) -> LiveModel:
        """A hosted model; NotFoundError when there is none of that id."""
        return self._live([self._hosted(model_id)])[0]

    def start(self, model_id: str) -> None:
        """Give a model the capacity that it is configured with.

        Raises:
            NotFoundError: no model of that id is hosted.
            ConflictError: it runs, or is just being created, changed or deleted.
        """
        live = self.find(model_id)
        if live.state not in (ModelState.STOPPED, ModelState.STOPPING):
            raise ConflictError(f"The model is {live.state.value}; only stopped models can be started.")
        self._hosting.resize(live.model.cluster, live.model.capacity)

    def stop(self, model_id: str) -> None:
        """Take a model's instances away, and keep scaling from bringing them back.

        Raises:
            NotFoundError: no model of that id is hosted.
            ConflictError: it is stopped, or just being deleted.
        """
        live = self.find(model_id)
        if live.state in (ModelState.STOPPED, ModelState.STOPPING, ModelState.DELETING):
            raise ConflictError(f"The model is {live.state.value}; only running models can be stopped.")
        self._hosting.resize(live.model.cluster, STOPPED)

    def propose_create(self, model: Dict[str, Any], caller: Caller) -> Proposal:
        """Propose a new hosted model; raises as `proposal.propose_create`."""
        return self._keep(propose_create(self._setting(), model, caller, self._clock()))

    def propose_update(self, model_id: str, change: Dict[str, Any], caller: Caller) -> Proposal:
        """Propose a change of a model; raises as `proposal.propose_update`, and NotFoundError."""
        model = self._hosted(model_id)
        return self._keep(propose_update(self._setting(), model, change, caller, self._clock()))

    def propose_delete(self, model_id: str, caller: Caller) -> Proposal:
        """Propose the removal of a model; raises as `proposal.propose_delete`, and NotFoundError."""
        model = self._hosted(model_id)
        return self._keep(propose_delete(self._setting(), model, caller, self._clock()))

    def _keep(self, proposal: Proposal) -> Proposal:
        self.proposals.add(proposal)
        return proposal

    def _setting(self) -> Setting:
        configuration = self._parameters.one(self._configuration_name)
        if configuration is None:
            raise UnavailableError("The configuration parameter is missing; deploy the models-api stack.")
        return Setting(self._environment, configuration, self._registry.all())

    def _hosted(self, model_id: str) -> HostedModel:
        found = self._registry.find(model_id)
        if found is None:
            raise NotFoundError(f"The model {model_id} is not hosted.")
        return found

    def _live(self, models: List[HostedModel]) -> List[LiveModel]:
        observed = self._hosting.observe([model.cluster for model in models])
        found = []
        for model in models:
            group, service = observed[model.cluster]
            found.append(LiveModel(model, state_of(group, service), group.instances if group else 0))
        return found
