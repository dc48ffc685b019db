"""Rules about which GPUs of its instance a model's server sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.instances import instance_type
from lisa_schema.models import Config, EcsModel, InferenceContainer
from lisa_schema.parallel_sizes import parallel_sizes
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import runs_own_entrypoint

_VARIABLE: Final = "CUDA_VISIBLE_DEVICES"
_SHARES: Final = (InferenceContainer.VLLM, InferenceContainer.SGLANG, InferenceContainer.TGI)


@rule("LISA514", "visible-gpus", "Remove the variable: the server uses all GPUs of the instance.")
def visible_gpus(config: Config) -> Iterator[RuleViolation]:
    """CUDA_VISIBLE_DEVICES must leave a server the GPUs that it uses; LISA counts those of the instance."""
    for index, model in enumerate(config.ecs_models):
        host = instance_type(model.instance_type)
        text = model.container_config.environment.get(_VARIABLE)
        if text is None or SECRET_ARN.match(text) or host is None or not host.gpus:
            continue
        path: Path = ("ecsModels", index)
        at: Path = (*path, "containerConfig", "environment", _VARIABLE)
        names = [word.strip() for word in text.split(",")]
        seen = _seen(names, host.gpus)
        also: tuple[Path, ...] = ((*path, "instanceType"),)
        if seen < len(names) or seen == 0:
            what = "hides every GPU" if seen == 0 else f"leaves {seen} GPU{'s' if seen > 1 else ''} visible"
            message = f"`{_VARIABLE}` is `{text}`, which {what} of {host.name}, whose GPUs are 0 to {host.gpus - 1}."
            is_usable = seen > 0 or model.inference_container is InferenceContainer.INSTRUCTOR
            yield RuleViolation(at, message, None, also, Severity.WARNING if is_usable else None)
            continue
        if model.inference_container not in _SHARES or (needed := _needed(model, host.gpus)) is None:
            continue
        if needed > seen:
            message = f"`{_VARIABLE}` leaves {seen} of {host.gpus} GPUs visible, but the server uses {needed}."
            fix = f"Remove the variable, or set `{_SETTING[model.inference_container]}` to {seen} as well."
            yield RuleViolation(at, message, fix, also)


_SETTING: Final = {
    InferenceContainer.VLLM: "TENSOR_PARALLEL_SIZE",
    InferenceContainer.SGLANG: "TENSOR_PARALLEL_SIZE",
    InferenceContainer.TGI: "NUM_SHARD",
}


def _seen(names: list[str], count: int) -> int:
    """How many GPUs CUDA sees: it stops at the first name that is none, or that comes twice."""
    seen: list[str] = []
    for name in names:
        is_index = name.isdecimal() and int(name) < count
        if not (is_index or name.startswith(("GPU-", "MIG-"))) or name in seen:
            break
        seen.append(name)
    return len(seen)


def _needed(model: EcsModel, count: int) -> int | None:
    """GPUs that the server's parallel sizes need; None where the default of an image is unknown."""
    sizes = parallel_sizes(str(model.inference_container), model.container_config.environment, model.server_args)
    if sizes is None:
        return None
    if sizes.tensor is None and not runs_own_entrypoint(model):
        return None
    return (sizes.tensor or count) * sizes.others
