"""Models of LISA 3 to 6, as `GET /models` of its model management API lists them → entries of a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lisa_compiler.migrate.schedules import read_schedule
from lisa_schema.variable_ownership import owned_variable

_HOSTED: Final = ("modelName", "modelId", "modelType", "streaming", "instanceType", "inferenceContainer")
_NOT_RUNNING: Final = frozenset({"Stopped", "Stopping", "Failed", "Deleting"})
_TYPES: Final = ("textgen", "embedding")
_SCALING: Final = ("minCapacity", "maxCapacity", "cooldown", "defaultInstanceWarmup")
_METRIC: Final = ("targetValue", "duration", "estimatedInstanceWarmup")
_KNOWN: Final = frozenset(
    {*_HOSTED, "containerConfig", "autoScalingConfig", "loadBalancerConfig", "status", "modelUrl", "modelDescription"}
)
_HANDLED: Final = frozenset({"allowedGroups", "guardrailsConfig"})
_CONTAINER: Final = frozenset({"image", "sharedMemorySize", "healthCheckConfig", "environment"})
_CHECK: Final = {"path": "/health"}


@dataclass(slots=True)
class ListedModels:
    """Models of the API as entries of a configuration.

    Attributes:
        hosted: entries of `ecsModels`.
        external: entries of `litellmConfig.model_list`.
        guardrails: entries of `litellmConfig.guardrails`.
        groups: the groups that may call a model, by its name; a model that is not here is for everyone.
        changes: what was written differently, each a sentence.
        without_equivalent: what was left out, each a sentence.
    """

    hosted: list[dict[str, Any]] = field(default_factory=list)
    external: list[dict[str, Any]] = field(default_factory=list)
    guardrails: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
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
    _list_rest(name, model, _KNOWN | _HANDLED, listed)
    if groups := [str(group) for group in model.get("allowedGroups") or []]:
        listed.groups[str(model["modelId"])] = groups
    if model.get("instanceType") is None:
        listed.external.append(_external(model))
        _guard(name, model, listed)
        _list_rest(name, model, frozenset(model) - {"modelDescription"}, listed)
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
    entry["autoScalingConfig"] = _scaling(name, model.get("autoScalingConfig") or {}, listed)
    for key in ("guardrailsConfig", "modelDescription"):
        if model.get(key):
            listed.without_equivalent.append(f"{name}: `{key}` has no equivalent for hosted models.")
    balancer = model.get("loadBalancerConfig") or {}
    _list_rest(f"{name}: loadBalancerConfig", balancer, frozenset({"healthCheckConfig"}), listed)
    entry["loadBalancerConfig"] = {"healthCheckConfig": _filled(balancer.get("healthCheckConfig") or {}) or _CHECK}
    listed.hosted.append(entry)


def _list_rest(name: str, block: Mapping[str, Any], known: frozenset[str], listed: ListedModels) -> None:
    """List the keys of a block that are left out, if they say something."""
    for key in sorted(set(block) - known):
        if block[key] not in (None, "", [], {}):
            listed.without_equivalent.append(f"{name}: `{key}` has no equivalent.")


def _guard(name: str, model: Mapping[str, Any], listed: ListedModels) -> None:
    """Guardrails of Amazon Bedrock for an external model, which LiteLLM has each by its name."""
    names = []
    for key, written in (model.get("guardrailsConfig") or {}).items():
        guardrail = {"guardrailName": key, **written} if isinstance(written, dict) else {"guardrailName": key}
        if not guardrail.get("guardrailIdentifier"):
            listed.without_equivalent.append(f"{name}: the guardrail {key} has no identifier.")
            continue
        names.append(str(guardrail["guardrailName"]))
        if groups := guardrail.get("allowedGroups"):
            listed.without_equivalent.append(
                f"{name}: the guardrail {names[-1]} checks the requests of all groups, not only of {', '.join(groups)}."
            )
        parameters = {
            "guardrail": "bedrock",
            "mode": guardrail.get("mode") or "pre_call",
            "guardrailIdentifier": guardrail["guardrailIdentifier"],
            "guardrailVersion": str(guardrail.get("guardrailVersion") or "DRAFT"),
        }
        entry = {"guardrail_name": names[-1], "litellm_params": parameters}
        if entry not in listed.guardrails:
            listed.guardrails.append(entry)
    if names:
        listed.external[-1]["litellm_params"]["guardrails"] = names
        listed.changes.append(f"{name}: its guardrails are in litellmConfig.guardrails.")


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
    _list_rest(f"{name}: containerConfig", written, _CONTAINER, listed)
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


def _scaling(name: str, written: Mapping[str, Any], listed: ListedModels) -> dict[str, Any]:
    metric = written.get("metricConfig") or {}
    schedule = read_schedule(written.get("scheduling") or {})
    known_keys = frozenset({*_SCALING, "metricConfig", *(["scheduling"] if schedule else [])})
    _list_rest(f"{name}: autoScalingConfig", written, known_keys, listed)
    known = frozenset({*_METRIC, "albMetricName", "AlbMetricName"})
    _list_rest(f"{name}: autoScalingConfig.metricConfig", metric, known, listed)
    scaling: dict[str, Any] = {key: written[key] for key in _SCALING if written.get(key) is not None}
    if scaling.get("minCapacity") == 0:
        scaling["minCapacity"] = 1
        listed.changes.append(f"{name}: minCapacity is 1 instead of 0; set `deploy` to false for a model that is off.")
    scaling["metricConfig"] = {
        "AlbMetricName": metric.get("albMetricName") or metric.get("AlbMetricName") or "RequestCountPerTarget",
        "targetValue": 30,
        **{key: metric[key] for key in _METRIC if metric.get(key) is not None},
    }
    if schedule is not None:
        scaling["schedule"] = schedule
        listed.changes.append(f"{name}: its schedule is in autoScalingConfig.schedule, as windows without instances.")
    return scaling


def _filled(block: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if value is not None}
