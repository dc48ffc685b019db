"""Rules about options that name files: a container has those of its image and the weights, and downloads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import engine_image
from lisa_schema.models import Config, EcsModel
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.given_options import GivenOption, pair_options
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import engine_models, server_arguments
from lisa_schema.rules.service_paths import runs_own_entrypoint

_FILES: Final[Mapping[str, frozenset[str]]] = {
    "vllm": frozenset(
        {
            *("chat-template", "tool-parser-plugin", "reasoning-parser-plugin", "log-config-file", "hf-config-path"),
            *("tokenizer", "lora-modules", "allowed-local-media-path", "speculative-config", "speculative-model"),
            *("spec-model", "VLLM_LOGGING_CONFIG_PATH"),
        }
    ),
    "sglang": frozenset(
        {
            *("chat-template", "completion-template", "tokenizer-path", "lora-paths", "speculative-draft-model-path"),
            *("speculative-draft-model", "speculative-token-map", "quantization-param-path"),
        }
    ),
    "tgi": frozenset({"tokenizer-config-path", "lora-adapters", "TOKENIZER_CONFIG_PATH", "LORA_ADAPTERS"}),
}
"""By engine, options and variables whose value names a file, a folder or a model."""

_MODELS: Final = frozenset(
    {
        *("tokenizer", "lora-modules", "speculative-config", "speculative-model", "spec-model", "hf-config-path"),
        *("tokenizer-path", "lora-paths", "speculative-draft-model-path", "speculative-draft-model"),
        *("lora-adapters", "LORA_ADAPTERS"),
    }
)
"""Those of them that also take the name of a model on the Hub."""

_ADAPTERS: Final = frozenset({"lora-modules", "lora-paths", "lora-adapters", "LORA_ADAPTERS"})
_OF_IMAGES: Final = ("/usr/", "/vllm-workspace/", "/sgl-workspace/", "/opt/lisa/", "/etc/", "/proc/", "/dev/", "/tmp")  # noqa: S108
"""Folders in which official images, and LISA, have files."""

_HUB: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_TEMPLATE: Final = re.compile(r"[{}\n]")
_EXTENSION: Final = re.compile(r"\.(jinja2?|json|ya?ml|py|txt|model|safetensors)\Z")
_OF_EXAMPLES: Final = ("examples/", "./examples/")


@rule("LISA513", "argument-file", "Build an image that has the file, from your build context.")
def files_are_in_the_image(config: Config) -> Iterator[RuleViolation]:
    """Options must name files that the container has: those of its image and of the weights. It downloads nothing."""
    for index, model, container, installed in engine_models(config):
        if container not in _FILES or not runs_own_entrypoint(model):
            continue  # What a user's own image has is unknown.
        image = engine_image(model.container_config.image)
        given, _ = pair_options(server_arguments(model, index), container, installed)
        for option, text, value, path in _named(model, index, container, given):
            for name in _names_in(option, value):
                told = _fault(config, model, option, name)
                if told is None:
                    continue
                what, is_certain = told
                certain = is_certain and image.publishes(container)
                unknown = "" if certain else f"; whether `{image.name}` has it is unknown" if is_certain else ""
                ending = ": the server does not start" if certain else ""
                message = f"`{text}` names {what}{unknown}{ending}."
                fix = "List the adapter in `adapters`." if option in _ADAPTERS and container == "vllm" else None
                yield RuleViolation(path, message, fix, (), None if certain else Severity.WARNING)


def _named(
    model: EcsModel, index: int, container: str, given: list[GivenOption]
) -> Iterator[tuple[str, str, str, Path]]:
    for one in given:
        if one.option in _FILES[container] and one.value:
            yield one.option, one.text, one.value, one.value_at.path
    for name, value in model.container_config.environment.items():
        if name in _FILES[container] and value and not SECRET_ARN.match(value):
            yield name, name, value, ("ecsModels", index, "containerConfig", "environment", name)


def _names_in(option: str, value: str) -> Iterator[str]:
    """The names in a value: of adapters behind `name=`, of a JSON object's model or path, else the value."""
    if value.lstrip().startswith("{"):
        try:
            content = json.loads(value)
        except (ValueError, RecursionError):
            return  # LISA570 reports it.
        named = [content.get(key) for key in ("model", "path", "lora_path")] if isinstance(content, dict) else []
        yield from (name for name in named if isinstance(name, str))
    elif option in _ADAPTERS:
        yield from (part.partition("=")[2] or part for part in value.split(","))
    else:
        yield value


def _fault(config: Config, model: EcsModel, option: str, name: str) -> tuple[str, bool] | None:
    """What a name is that the container does not have, and whether that is certain in the project's own image."""
    if name.startswith("/"):
        mount = config.nvme_container_mount_path.rstrip("/")
        own = (f"{mount}/", f"{model.local_model_code.rstrip('/')}/", *_OF_IMAGES)
        if name.startswith(own) or name == mount or _TEMPLATE.search(name):
            return None
        return f"`{name}`, which is neither in the image nor among the weights in {mount}", True
    if option in _MODELS and _HUB.fullmatch(name) and not _EXTENSION.search(name):
        return f"`{name}` on the Hub, from which the container downloads nothing (HF_HUB_OFFLINE is 1)", False
    if _TEMPLATE.search(name) or name.startswith(_OF_EXAMPLES) or option in _MODELS:
        return None
    if _EXTENSION.search(name) and "/" in name:
        return f"`{name}`, a file of the project perhaps: the container has the files of its image alone", False
    return None
