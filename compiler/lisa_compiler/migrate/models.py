"""Models of LISA 3 to 6, as `GET /models` of its model management API lists them → entries of a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lisa_schema.variable_ownership import owned_variable

_HOSTED: Final = ("modelName", "modelId", "modelType", "streaming", "instanceType", "inferenceContainer")
_NOT_RUNNING: Final = frozenset({"Stopped", "Stopping", "Failed", "Deleting"})
_TYPES: Final = ("textgen", "embedding")
_SCALING: Final = ("minCapacity", "maxCapacity", "cooldown", "defaultInstanceWarmup")
_METRIC: Final = ("targetValue", "duration", "estimatedInstanceWarmup")
_KNOWN: Final = frozenset(
    {*_HOSTED, "containerConfig", "autoScalingConfig", "loadBalancerConfig", "status", "modelUrl", "modelDescription"}
)
_REST: Final = frozenset(
    {"allowedGroups", "features", "guardrailsConfig", "apiKeyName", "apiKeySecretArn", "scheduling"}
)
_CHECK: Final = {"path": "/health"}


@dataclass(slots=True)
class ListedModels:
    """Models of the API as entries of a configuration.

    Attributes:
        hosted: entries of `ecsModels`.
        external: entries of `litellmConfig.model_list`.
        changes: what was written differently, each a sentence.
        without_equivalent: what was left out, each a sentence.
    """

    hosted: list[dict[str, Any]] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    without_equivalent: list[str] = field(default_factory=list)


def read_models(text: str) -> ListedModels:
    """Read the models that the API lists.

    Raises:
        ValueError: the text is not the API's answer.
    """
    data = json.loads(text)
    models = data.get("models") if isinstance(data, dict) else data
    if not isinstance(models, list) or not all(isinstance(model, dict) and model.get("modelId") for model in models):
        raise ValueError("it must be the JSON answer of GET /models: an object with the list `models`")
    listed = ListedModels()
    for model in models:
        _read(model, listed)
    return listed


def _read(model: Mapping[str, Any], listed: ListedModels) -> None:
    name = f"model {model['modelId']}"
    if model.get("modelType") not in _TYPES:
        listed.without_equivalent.append(f"{name}: models of type {model.get('modelType')} are not supported.")
        return
    for key in sorted((set(model) - _KNOWN) | (set(model) & _REST)):
        if model[key] not in (None, "", [], {}):
            reason = ": every user can call the model" if key == "allowedGroups" else ""
            listed.without_equivalent.append(f"{name}: `{key}` has no equivalent{reason}.")
    if model.get("instanceType") is None:
        listed.external.append(_external(model))
        listed.changes.append(f"{name}: the API does not return keys; add `api_key: os.environ/NAME` if it needs one.")
        return
    entry: dict[str, Any] = {key: model[key] for key in _HOSTED if model.get(key) is not None}
    if entry["modelType"] == "embedding":
        entry.pop("streaming", None)
    else:
        entry.setdefault("streaming", True)
    if model.get("status") in _NOT_RUNNING:
        entry["deploy"] = False
        listed.changes.append(f"{name}: its status is {model['status']}, so that `deploy` is false.")
    entry["containerConfig"] = _container(name, model, listed)
    entry["autoScalingConfig"] = _scaling(model.get("autoScalingConfig") or {})
    balancer = model.get("loadBalancerConfig") or {}
    entry["loadBalancerConfig"] = {"healthCheckConfig": _filled(balancer.get("healthCheckConfig") or {}) or _CHECK}
    listed.hosted.append(entry)


def _external(model: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {"model": model.get("modelName") or model["modelId"]}
    if model.get("modelUrl"):
        parameters["api_base"] = model["modelUrl"]
    kind: dict[str, Any] = {"model_type": model["modelType"]}
    if model["modelType"] == "textgen":
        kind["streaming"] = bool(model.get("streaming", True))
    return {"model_name": model["modelId"], "litellm_params": parameters, "lisa_params": kind}


def _container(name: str, model: Mapping[str, Any], listed: ListedModels) -> dict[str, Any]:
    written = model.get("containerConfig") or {}
    image = _filled(written.get("image") or {})
    if image.get("type") in (None, "asset"):
        image = {"baseImage": image.get("baseImage", ""), "type": "asset"}
    container: dict[str, Any] = {"image": image}
    if written.get("sharedMemorySize"):
        container["sharedMemorySize"] = written["sharedMemorySize"]
    if check := _filled(written.get("healthCheckConfig") or {}):
        container["healthCheckConfig"] = check
    kind = str(model.get("inferenceContainer"))
    variables: dict[str, Any] = {}
    for variable, value in (written.get("environment") or {}).items():
        if owned_variable(kind, variable) is None:
            variables[variable] = str(value)
        else:
            listed.changes.append(f"{name}: the variable {variable} was removed; LISA sets it.")
    if variables:
        container["environment"] = variables
    return container


def _scaling(written: Mapping[str, Any]) -> dict[str, Any]:
    metric = written.get("metricConfig") or {}
    scaling: dict[str, Any] = {key: written[key] for key in _SCALING if written.get(key) is not None}
    scaling["metricConfig"] = {
        "AlbMetricName": metric.get("albMetricName") or metric.get("AlbMetricName") or "RequestCountPerTarget",
        "targetValue": 30,
        **{key: metric[key] for key in _METRIC if metric.get(key) is not None},
    }
    return scaling


def _filled(block: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}
