"""Computed values: descriptions of values that the compiler calculates from settings."""

from __future__ import annotations

import re

from lisa_compiler.provenance.index import ATTRIBUTES, Place

_MODEL, _TASK = "model-*", "ModelTask"
_CONTAINER = "ContainerDefinitions[*]"

_SENTENCES = {
    Place(
        _MODEL, _TASK, f"{_CONTAINER}.MemoryReservation"
    ): "the instance's memory in MiB minus 5 GiB, at most 90 % of it and at most what the instance registers with ECS",
    Place(
        "serve", "RestApiTask", f"{_CONTAINER}.MemoryReservation"
    ): "half of the instance's memory in MiB minus 2 GiB, so that two tasks fit during an update",
    Place(_MODEL, _TASK, f"{_CONTAINER}.Environment[THREADS].Value"): "half the instance's vCPUs, rounded up",
    Place("serve", "RestApiTask", f"{_CONTAINER}.Environment[THREADS].Value"): (
        "the instance's vCPUs, or fewer workers if the container's memory is the limit"
    ),
    Place(_MODEL, _TASK, f"{_CONTAINER}.ResourceRequirements[0].Value"): "all GPUs of the instance",
    Place(
        _MODEL, "InstancesGroup", ATTRIBUTES
    ): "instances kept in service during a replacement: the minimum, or the maximum minus one if that is smaller",
    Place(
        _MODEL, "InstancesLaunchTemplate", "LaunchTemplateData.ImageId"
    ): "the pinned or configured AMI for instances with or without GPUs",
    Place(_MODEL, "RegistrationParameter", "Value"): "the model's entry in the models API",
    Place("models-api", "ConfigurationParameter", "Value"): "the configuration that proposals are validated with",
    Place("serve", "RegisteredModelsParameter", "Value"): "the models that the gateway's deprecated routes list",
}


_HASH = re.compile(r"[0-9A-F]{8}\Z")
_NAMED_CONTAINER = re.compile(r"\AContainerDefinitions\[[^\]]*\]")


def describe_computation(component: str, logical_id: str, path: str) -> str | None:
    """Return how a value of a resource is computed from the settings; None for a value that is copied."""
    kind = _MODEL if component.startswith("model-") else component
    return _SENTENCES.get(Place(kind, _HASH.sub("", logical_id), _NAMED_CONTAINER.sub(_CONTAINER, path)))
