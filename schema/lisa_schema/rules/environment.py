"""Rules about what reaches a container beside the keys of its own: variables, arguments of the server, its context."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from lisa_schema.document import Path
from lisa_schema.legacy_syntax import BUILT_IN_CONTEXTS, REST_API_CONTEXT
from lisa_schema.models import AssetImage, Config, EcsModel
from lisa_schema.owned_variables import OwnedVariable, canonical, owned_variable
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import Service, services
from lisa_schema.settable_variables import GATEWAY, SETTABLE

SECRET_ARN: Final = re.compile(r"arn:aws[a-z-]*:(secretsmanager:[^:]*:\d*:secret:|ssm:[^:]*:\d*:parameter/)")
"""What a value of a container's environment begins with when ECS resolves it at the start."""

_VARIABLES_BYTES: Final = 48 * 1024
"""Of the 64 KiB of a task definition (Amazon ECS Developer Guide, "Amazon ECS service quotas")."""

_LISTENS: Final = "the load balancer reaches the container at port 8080."
_OWNED_ARGUMENTS: Final[Mapping[str, dict[str, str]]] = {
    "vllm": {
        "model": "set `modelName`.",
        "served-model-name": "set `modelName`; clients call the model by its `modelId`.",
        "config": "set its options in SERVER_ARGS.",
        "host": _LISTENS,
        "port": _LISTENS,
        "uds": _LISTENS,
    },
    "tgi": {
        "model-id": "set `modelName`.",
        "hostname": _LISTENS,
        "port": _LISTENS,
        "p": _LISTENS,
        "ngrok": "clients reach models through the REST API.",
        "ngrok-authtoken": "clients reach models through the REST API.",
        "ngrok-edge": "clients reach models through the REST API.",
    },
    "tei": {
        "model-id": "set `modelName`.",
        "hostname": _LISTENS,
        "port": _LISTENS,
        "p": _LISTENS,
        "uds-path": _LISTENS,
    },
}
"""By inference container, the options that its entrypoint sets, each with the second half of the fix."""

_ADAPTER_ARGUMENTS: Final[dict[str, str]] = {
    "enable-lora": "`adapters` enables it.",
    "no-enable-lora": "`adapters` enables it.",
    "lora-modules": "list the adapter in `adapters`.",
    "max-lora-rank": "it follows from the adapters.",
}
"""What the entrypoint of a model with `adapters` sets too."""


@rule("LISA318", "owned-variable", "Remove the variable.")
def owned_variables(config: Config) -> Iterator[RuleViolation]:
    """A variable that LISA owns must be set by its configuration key, not in an environment."""
    for path, service in services(config):
        container = _container(service)
        for name, value in service.container_config.environment.items():
            at: Path = (*path, "containerConfig", "environment", name)
            owned = owned_variable(container, name)
            if owned is not None and not _is_accepted(owned, value, config, service):
                yield _owned(at, name, owned)
            elif owned is None and canonical(container, name) != name and name.upper() in SETTABLE[container]:
                yield RuleViolation(at, f"The gateway reads `{name}` as `{name.upper()}`.", f"Write `{name.upper()}`.")
    for name, value in config.litellm_config.environment_variables.items():
        owned = owned_variable(GATEWAY, name)
        if owned is not None and value not in owned.accepts and _is_set(owned, config):
            yield _owned(("litellmConfig", "environment_variables", name), name, owned)


@rule("LISA319", "owned-argument", "Remove the argument.")
def owned_arguments(config: Config) -> Iterator[RuleViolation]:
    """SERVER_ARGS must not repeat an option that the entrypoint sets: model, name and address."""
    for index, model in enumerate(config.ecs_models):
        options = _OWNED_ARGUMENTS.get(model.inference_container, {}) | (_ADAPTER_ARGUMENTS if model.adapters else {})
        at: Path = ("ecsModels", index, "containerConfig", "environment", "SERVER_ARGS")
        words = model.container_config.environment.get("SERVER_ARGS", "")
        if options and SECRET_ARN.match(words):
            message = "SERVER_ARGS comes from a secret, which could override LISA's settings without a review."
            yield RuleViolation(at, message, "Write the arguments as plain text.")
        for word in words.split():
            flag = word.partition("=")[0].lstrip("-").replace("_", "-")
            option = next((name for name in options if flag and _means(model, flag, name)), None)
            if word.startswith("-") and option is not None:
                message = f"`{word}` in SERVER_ARGS would override `--{option}`, which LISA sets."
                yield RuleViolation(at, message, f"Remove it; {options[option]}")


@rule("LISA325", "context-fits", "Use the built-in context of the container, or a directory of your project.")
def context_fits(config: Config) -> Iterator[RuleViolation]:
    """A built-in build context must be that of its container: the gateway's for the REST API, else the server's."""
    for path, service in services(config):
        image = service.container_config.image
        if not isinstance(image, AssetImage):
            continue
        context = _context(image)
        own = BUILT_IN_CONTEXTS[service.inference_container] if isinstance(service, EcsModel) else REST_API_CONTEXT
        if context in {REST_API_CONTEXT, *BUILT_IN_CONTEXTS.values()} and context != own:
            also: tuple[Path, ...] = ((*path, "inferenceContainer"),) if isinstance(service, EcsModel) else ()
            message = f"`{context}` is the context of another container."
            yield RuleViolation((*path, "containerConfig", "image", "path"), message, f"Write `{own}`.", also)


@rule("LISA327", "environment-size", "Move long values to files in the image or to secrets.")
def environment_size(config: Config) -> Iterator[RuleViolation]:
    """The variables of a container must fit into an ECS task definition, which has at most 64 KiB."""
    for path, service in services(config):
        variables = service.container_config.environment
        size = sum(len(json.dumps({"Name": name, "Value": value})) for name, value in variables.items())
        if size > _VARIABLES_BYTES:
            message = f"The variables have {size} bytes in a task definition; the maximum is {_VARIABLES_BYTES}."
            yield RuleViolation((*path, "containerConfig", "environment"), message)


def _is_accepted(owned: OwnedVariable, value: str, config: Config, service: Service) -> bool:
    """Return whether a value of an owned variable is harmless: what LISA sets anyway, or of no concern here."""
    return (
        value in owned.accepts
        or (owned.accepts_secret and SECRET_ARN.match(value) is not None)
        or (owned.built_only and not _is_built(service))
        or not _is_set(owned, config)
    )


def _owned(path: Path, name: str, owned: OwnedVariable) -> RuleViolation:
    return RuleViolation(path, f"`{name}` is reserved for LISA: it controls {owned.controls}.", owned.fix)


def _is_set(owned: OwnedVariable, config: Config) -> bool:
    return not owned.trust_only or bool(config.certificate_authority_bundle)


def _is_built(service: Service) -> bool:
    image = service.container_config.image
    return isinstance(image, AssetImage) and _context(image) in {"", REST_API_CONTEXT, *BUILT_IN_CONTEXTS.values()}


def _context(image: AssetImage) -> str:
    return str(PurePosixPath(image.path)) if image.path else ""


def _container(service: Service) -> str:
    return str(service.inference_container) if isinstance(service, EcsModel) else GATEWAY


def _means(model: EcsModel, flag: str, option: str) -> bool:
    # Python's argparse, which vLLM uses, accepts the beginning of an option's name.
    return option.startswith(flag) if model.inference_container == "vllm" else flag == option
