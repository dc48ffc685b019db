"""The hosted models: each has a parameter that its own stack writes, with its configuration and where it runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.models.hosting import Capacity
from lisa_lambdas.parameters import Parameters

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Listing:
    """What is known of the hosted models.

    Attributes:
        models: those that can be read, by id.
        unreadable: names of the parameters of the others.
    """

    models: List[HostedModel]
    unreadable: List[str]


class Registry:
    """Finds hosted models.

    Args:
        parameters: where they are written.
        path: the path below which each has its parameter.
    """

    def __init__(self, parameters: Parameters, path: str) -> None:
        self._parameters = parameters
        self._path = path

    def listing(self) -> Listing:
        """The hosted models that can be read, by id, and the parameters of those that cannot."""
        values, unreadable = self._parameters.below(self._path)
        models = []
        for name, value in values.items():
            try:
                models.append(_model(value))
            except (KeyError, TypeError, ValueError):
                unreadable.append(name)
        for name in unreadable:
            _log.error("the parameter %s/%s is being updated, or is not what its stack wrote", self._path, name)
        return Listing(sorted(models, key=lambda one: one.id), sorted(unreadable))

    def all(self) -> List[HostedModel]:
        """Every hosted model, by id.

        Raises:
            UnavailableError: one of them cannot be read.
        """
        found = self.listing()
        if found.unreadable:
            raise _unreadable(found.unreadable)
        return found.models

    def find(self, model_id: str) -> Optional[HostedModel]:
        """The model of an id; None when it is not hosted.

        Raises:
            UnavailableError: no other model has the id, and one cannot be read, which can be that model.
        """
        found = self.listing()
        model = next((one for one in found.models if one.id == model_id), None)
        if model is None and found.unreadable:
            raise _unreadable(found.unreadable)
        return model


def _unreadable(names: List[str]) -> UnavailableError:
    listed = ", ".join(names)
    return UnavailableError(f"The parameter of {listed} is being updated; try again in a moment, or deploy its stack.")


def _model(value: Dict[str, Any]) -> HostedModel:
    """The model that a parameter describes.

    Raises:
        KeyError, TypeError, ValueError: the stack of a model does not write such a value.
    """
    minimum = int(value["minCapacity"])
    texts = {name: value[name] for name in ("modelId", "cluster", "url")}
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(value["configuration"], dict):
        raise TypeError("a value has the wrong type")
    return HostedModel(
        id=texts["modelId"],
        cluster=texts["cluster"],
        capacity=Capacity(minimum=minimum, maximum=int(value["maxCapacity"]), desired=max(minimum, 1)),
        url=texts["url"],
        configuration=value["configuration"],
    )
