"""Rules about LoRA adapters: what serves them, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_schema.document import Path
from lisa_schema.models import Config, InferenceContainer
from lisa_schema.rules.registry import RuleViolation, rule


@rule(
    "LISA393",
    "adapters-need-vllm",
    "Set `inferenceContainer: vllm`, or merge each adapter into the base model, host the result and remove `adapters`.",
)
def adapters_need_vllm(config: Config) -> Iterator[RuleViolation]:
    """A model with adapters must be served by vLLM: the other containers of LISA do not load adapters."""
    for index, model in enumerate(config.ecs_models):
        if model.adapters and model.inference_container is not InferenceContainer.VLLM:
            message = f"The container {model.inference_container} does not serve adapters."
            key: Path = ("ecsModels", index, "inferenceContainer")
            yield RuleViolation(("ecsModels", index, "adapters"), message, None, (key,))


@rule("LISA394", "adapter-name-unique", "Rename it.")
def adapter_name_unique(config: Config) -> Iterator[RuleViolation]:
    """The name of an adapter must differ from the names of all deployed models and of their other adapters."""
    first: dict[str, tuple[Path, str]] = {}
    for index, model in enumerate(config.ecs_models):
        if not model.deploy:
            continue
        for key, name in (("modelName", model.model_name), ("modelId", model.model_id or "")):
            if name:
                first.setdefault(name, (("ecsModels", index, key), f"a model, `ecsModels[{index}]`"))
    for index, model in enumerate(config.ecs_models):
        for position, adapter in enumerate(model.adapters if model.deploy else ()):
            path: Path = ("ecsModels", index, "adapters", position, "name")
            other, what = first.setdefault(adapter.name, (path, f"an adapter of `ecsModels[{index}]`"))
            if other != path:
                message = f"`{adapter.name}` is also the name of {what}: requests could not tell them apart."
                yield RuleViolation(path, message, None, (other,))


@rule("LISA574", "adapter-weights", "Write the name of the adapter's weights, which a fine-tuning made.")
def adapter_weights(config: Config) -> Iterator[RuleViolation]:
    """The weights of an adapter must not be those of a model: they contain what is added to the base model."""
    for index, model in enumerate(config.ecs_models):
        for position, adapter in enumerate(model.adapters):
            if adapter.weights is None:
                continue
            of = next((other for other in config.ecs_models if other.model_name == adapter.weights), None)
            if of is not None:
                what = "the base model itself" if of is model else "another model"
                path: Path = ("ecsModels", index, "adapters", position, "weights")
                message = f"`{adapter.weights}` is {what}, not a LoRA adapter."
                yield RuleViolation(path, message, None, (("ecsModels", index, "modelName"),))
