"""Derivations: what the compiler computes from a setting, where the output does not simply repeat it."""

from __future__ import annotations

from lisa_compiler.review.reach import Place

_MODEL, _TASK = "model-*", "ModelTask"
_CONTAINER = "ContainerDefinitions[*]"
_GATEWAY = "ContainerDefinitions[rest-api]"

_SENTENCES = {
    Place(
        _MODEL, _TASK, f"{_CONTAINER}.MemoryReservation"
    ): "the instance's memory in MiB less 5 GiB, at most 90 % of it and what the instance registers with ECS",
    Place(
        "serve", "RestApiTask", f"{_GATEWAY}.MemoryReservation"
    ): "half of the instance's memory in MiB less 2 GiB, so that the next task fits beside the current one",
    Place(_MODEL, _TASK, f"{_CONTAINER}.Environment[THREADS].Value"): "half the instance's vCPUs, rounded up",
    Place("serve", "RestApiTask", f"{_GATEWAY}.Environment[THREADS].Value"): (
        "the instance's vCPUs, or as many worker processes as the container's memory is enough for"
    ),
    Place(_MODEL, _TASK, f"{_CONTAINER}.ResourceRequirements[0].Value"): "every GPU of the instance",
    Place(
        _MODEL, "InstancesGroup", "@Attributes"
    ): "how many instances stay while others are replaced: the minimum, or one less than the maximum when that is less",
    Place(
        _MODEL, "InstancesLaunchTemplate", "LaunchTemplateData.ImageId"
    ): "the AMI that is pinned or configured for instances with GPUs, or for those without",
    Place(_MODEL, "RegistrationParameter", "Value"): "what the models API shows of the model",
    Place("models-api", "ConfigurationParameter", "Value"): "what proposals are validated with",
    Place("serve", "RegisteredModelsParameter", "Value"): "what the gateway's older routes list",
}


def describe_computation(place: Place) -> str | None:
    """Say how a value in a place, in general, comes from the settings; None when it repeats them."""
    return _SENTENCES.get(place)
