"""The hosted models: each has a parameter that its own stack writes, with its configuration and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from lisa_lambdas.models.hosting import Capacity
from lisa_lambdas.parameters import Parameters


@dataclass(frozen=True)
class HostedModel:
    """A model that the deployment hosts.

    Attributes:
        id: what clients call it: modelId, else modelName.
        cluster: name of its ECS cluster, and of its auto scaling group.
        capacity: what its group has when it runs.
        url: stable address of its load balancer.
        configuration: its entry of `ecsModels`, without what is the default.
    """

    id: str
    cluster: str
    capacity: Capacity
    url: str
    configuration: Dict[str, Any]


class Registry:
    """Finds hosted models.

    Args:
        parameters: where they are written.
        path: the path below which each has its parameter.
    """

    def __init__(self, parameters: Parameters, path: str) -> None:
        self._parameters = parameters
        self._path = path

    def all(self) -> List[HostedModel]:
        """Every hosted model, by id."""
        return sorted((_model(value) for value in self._parameters.below(self._path).values()), key=lambda one: one.id)

    def find(self, model_id: str) -> Optional[HostedModel]:
        """The model of an id; None when it is not hosted."""
        return next((model for model in self.all() if model.id == model_id), None)


def _model(value: Dict[str, Any]) -> HostedModel:
    minimum = int(value["minCapacity"])
    return HostedModel(
        id=value["modelId"],
        cluster=value["cluster"],
        capacity=Capacity(minimum=minimum, maximum=int(value["maxCapacity"]), desired=max(minimum, 1)),
        url=value["url"],
        configuration=value["configuration"],
    )
