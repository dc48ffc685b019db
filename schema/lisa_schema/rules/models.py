"""Rules about models: what they do, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path, key_path
from lisa_schema.models import Config, InferenceContainer, ModelType
from lisa_schema.rules.registry import RuleViolation, rule

_SERVES: Final = {
    InferenceContainer.TGI: (ModelType.TEXTGEN,),
    InferenceContainer.TEI: (ModelType.EMBEDDING,),
    InferenceContainer.INSTRUCTOR: (ModelType.EMBEDDING,),
    InferenceContainer.VLLM: (ModelType.TEXTGEN, ModelType.EMBEDDING),
    InferenceContainer.SGLANG: (ModelType.TEXTGEN, ModelType.EMBEDDING),
}


_MODELS_AT_MOST: Final = 1000


@rule("LISA301", "textgen-needs-streaming", "Add `streaming: true`, or `streaming: false` if it does not stream.")
def textgen_needs_streaming(config: Config) -> Iterator[RuleViolation]:
    """A text generation model must set `streaming`."""
    for path, kind, streaming, key in _typed(config):
        if kind is ModelType.TEXTGEN and streaming is None:
            at = (*path, "streaming")
            yield RuleViolation(
                at, f"`{key_path(path)}` is a `textgen` model but does not set `streaming`.", None, (key,)
            )


@rule("LISA302", "embedding-has-no-streaming", "Remove `streaming`.")
def embedding_has_no_streaming(config: Config) -> Iterator[RuleViolation]:
    """An embedding model must not set `streaming`."""
    for path, kind, streaming, key in _typed(config):
        if kind is ModelType.EMBEDDING and streaming is not None:
            at = (*path, "streaming")
            yield RuleViolation(at, f"`{key_path(path)}` is an embedding model, which cannot stream.", None, (key,))


@rule(
    "LISA303",
    "container-serves-type",
    "Use an inferenceContainer that supports the modelType; vllm and sglang support both.",
)
def container_serves_type(config: Config) -> Iterator[RuleViolation]:
    """The container must support the model type: tgi textgen, tei and instructor embedding, vllm and sglang both."""
    for index, model in enumerate(config.ecs_models):
        if model.model_type not in _SERVES[model.inference_container]:
            path: Path = ("ecsModels", index)
            message = f"The container {model.inference_container} does not support {model.model_type} models."
            yield RuleViolation((*path, "inferenceContainer"), message, None, ((*path, "modelType"),))


@rule("LISA304", "model-identifiers-unique", "Change the modelId of one of them.")
def model_identifiers_unique(config: Config) -> Iterator[RuleViolation]:
    """Deployed models must have unique identifiers (compared by letters and digits only, case-insensitively)."""
    first: dict[str, int] = {}
    for index, model in enumerate(config.ecs_models):
        if not model.deploy:
            continue
        plain = re.sub(r"[^A-Za-z0-9]", "", model.identifier).casefold()
        if plain not in first:
            first[plain] = index
            continue
        other = config.ecs_models[first[plain]]
        message = f"The model `{model.identifier}` would get the same AWS names as `{other.identifier}`"
        key = "modelId" if model.model_id else "modelName"
        also: tuple[Path, ...] = tuple(
            ("ecsModels", position, name) for position in (first[plain], index) for name in ("modelId", "modelName")
        )
        yield RuleViolation(("ecsModels", index, key), f"{message} in `ecsModels[{first[plain]}]`.", None, also)


@rule("LISA305", "model-name-is-path", "Use the name on its model card, such as `mistralai/Mistral-7B-v0.3`.")
def model_name_is_path(config: Config) -> Iterator[RuleViolation]:
    """A modelName, and the weights of an adapter, must be a path in the models bucket that no other model can read."""
    deployed = {index: model.model_name for index, model in enumerate(config.ecs_models) if model.deploy}
    for index, model in enumerate(config.ecs_models):
        named: list[tuple[Path, str]] = [(("ecsModels", index, "modelName"), model.model_name)]
        named += [
            (("ecsModels", index, "adapters", position, "weights" if adapter.weights else "name"), adapter.source)
            for position, adapter in enumerate(model.adapters)
        ]
        for path, name in named:
            if any(part in ("", ".", "..") for part in name.split("/")):
                yield RuleViolation(path, f"`{name}` is not a valid path for weights.")
            for other, outer in deployed.items():
                if index in deployed and name.startswith(f"{outer}/"):
                    message = (
                        f"The weights of `{name}` are inside those of `{outer}` (`ecsModels[{other}]`), whose "
                        "containers could read them."
                    )
                    fix = "Rename the directory of one of them in the models bucket, and change the configuration."
                    yield RuleViolation(path, message, fix, (("ecsModels", other, "modelName"),))


@rule(
    "LISA306",
    "unique-model-name",
    "Rename one of them, unless requests can use either.",
    Severity.WARNING,
)
def unique_model_name(config: Config) -> Iterator[RuleViolation]:
    """An external model must not have the name of a hosted model or adapter: LiteLLM would send requests to either."""
    deployed = [(index, model) for index, model in enumerate(config.ecs_models) if model.deploy]
    hosted = {adapter.name: index for index, model in deployed for adapter in model.adapters}
    hosted |= {model.identifier: index for index, model in deployed}
    for position, listed in enumerate(config.litellm_config.model_list):
        if listed.model_name in hosted:
            index = hosted[listed.model_name]
            message = (
                f"`{listed.model_name}` is also the name of the hosted `ecsModels[{index}]`; requests can use either."
            )
            also: tuple[Path, ...] = tuple(("ecsModels", index, key) for key in ("modelId", "modelName", "adapters"))
            yield RuleViolation(("litellmConfig", "model_list", position, "model_name"), message, None, also)


@rule("LISA307", "consistent-lisa-params", "Use the same lisa_params for all entries with this model_name.")
def consistent_lisa_params(config: Config) -> Iterator[RuleViolation]:
    """Entries of litellmConfig.model_list with the same name must have the same lisa_params."""
    first: dict[str, int] = {}
    models = config.litellm_config.model_list
    for position, model in enumerate(models):
        other = first.setdefault(model.model_name, position)
        if models[other].lisa_params != model.lisa_params:
            message = f"`{model.model_name}` has different lisa_params in `litellmConfig.model_list[{other}]`."
            also: tuple[Path, ...] = (("litellmConfig", "model_list", other),)
            yield RuleViolation(("litellmConfig", "model_list", position, "lisa_params"), message, None, also)


def _typed(config: Config) -> Iterator[tuple[Path, ModelType, bool | None, Path]]:
    for index, model in enumerate(config.ecs_models):
        path: Path = ("ecsModels", index)
        yield path, model.model_type, model.streaming, (*path, "modelType")
    for position, listed in enumerate(config.litellm_config.model_list):
        path = ("litellmConfig", "model_list", position, "lisa_params")
        yield path, listed.lisa_params.model_type, listed.lisa_params.streaming, (*path, "model_type")


@rule("LISA308", "model-limit", "Deploy the others with another deploymentName.")
def model_limit(config: Config) -> Iterator[RuleViolation]:
    """A deployment must host at most 1,000 models: each has a stack, a role and a load balancer."""
    count = len(config.deployed_models)
    if count > _MODELS_AT_MOST:
        yield RuleViolation(("ecsModels",), f"{count} models are deployed; the maximum is {_MODELS_AT_MOST}.")
