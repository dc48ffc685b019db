"""Rules about the arguments of inference servers: `serverArgs`, and the older variable SERVER_ARGS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import engine_image
from lisa_schema.engine_settings import TITLES, names
from lisa_schema.engine_versions import EngineVersion
from lisa_schema.models import AssetImage, Config, EcsModel, InferenceContainer
from lisa_schema.option_values import is_covered
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.service_paths import runs_own_entrypoint
from lisa_schema.server_arguments import holds_value, option_name, split_words, unclosed_quote
from lisa_schema.vllm_options import VARIABLES

_LISTENS: Final = "the load balancer reaches the container at port 8080."
_NO_KEY: Final = "the gateway sends no key, so that the server would reject every request."
_TLS: Final = "the load balancer ends TLS, and reaches the container with HTTP."
_DRAINS: Final = "set the variable DRAIN_TIMEOUT."
_NAMED: Final = "set `modelName`; clients call the model by its `modelId`."
_OWNED: Final[Mapping[str, Mapping[str, str]]] = {
    "vllm": {
        "model": "set `modelName`.",
        "model-tag": "set `modelName`.",
        "served-model-name": _NAMED,
        "config": "set its options in `serverArgs`.",
        "host": _LISTENS,
        "port": _LISTENS,
        "uds": _LISTENS,
        "root-path": _LISTENS,
        "headless": _LISTENS,
        "grpc": _LISTENS,
        "api-key": _NO_KEY,
        **dict.fromkeys(("ssl-keyfile", "ssl-certfile", "ssl-ca-certs", "ssl-cert-reqs"), _TLS),
        "shutdown-timeout": _DRAINS,
    },
    "sglang": {
        "model-path": "set `modelName`.",
        "model": "set `modelName`.",
        "served-model-name": _NAMED,
        "config": "set its options in `serverArgs`.",
        "host": _LISTENS,
        "port": _LISTENS,
        "fastapi-root-path": _LISTENS,
        **dict.fromkeys(("grpc-mode", "smg-grpc-mode"), _LISTENS),
        **dict.fromkeys(("api-key", "admin-api-key"), _NO_KEY),
        **dict.fromkeys(("ssl-keyfile", "ssl-certfile", "ssl-ca-certs", "ssl-keyfile-password"), _TLS),
        "is-embedding": "set `modelType`.",
    },
    "tgi": {
        "model-id": "set `modelName`.",
        "hostname": _LISTENS,
        "port": _LISTENS,
        "p": _LISTENS,
        "api-key": _NO_KEY,
        "ngrok": "clients reach models through the REST API.",
        "ngrok-authtoken": "clients reach models through the REST API.",
        "ngrok-edge": "clients reach models through the REST API.",
    },
    "tei": {
        "model-id": "set `modelName`.",
        "served-model-name": _NAMED,
        "hostname": _LISTENS,
        "port": _LISTENS,
        "p": _LISTENS,
        "uds-path": _LISTENS,
        "api-key": _NO_KEY,
    },
}
"""By inference container, the options that LISA sets or that would make the model unreachable, each with the second
half of the fix."""

_OWNED_WITH_ADAPTERS: Final[Mapping[str, str]] = {
    "enable-lora": "`adapters` enables it.",
    "no-enable-lora": "`adapters` enables it.",
    "lora-modules": "list the adapter in `adapters`.",
    "max-lora-rank": "it follows from the adapters.",
}
"""What the entrypoint of a model with `adapters` sets too."""

SETTINGS_AS_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "vllm": {**VARIABLES, "TRUST_REMOTE_CODE": "trust-remote-code"},
    "sglang": {
        "MAX_TOTAL_TOKENS": "context-length",
        "MAX_CONCURRENT_REQUESTS": "max-running-requests",
        "QUANTIZE": "quantization",
        "DTYPE": "dtype",
        "TENSOR_PARALLEL_SIZE": "tp-size",
        "GPU_MEMORY_UTILIZATION": "mem-fraction-static",
        "TRUST_REMOTE_CODE": "trust-remote-code",
    },
}
"""By inference container, the variables that its entrypoint turns into options."""

# Python's argparse, which these servers use, accepts the beginning of an option's name.
ABBREVIATES: Final = frozenset({"vllm", "sglang"})
"""Engines that complete the beginning of an option's name."""
_BEFORE_OPTION: Final = re.compile(r"\s+(?=--?[A-Za-z])")
_COLON: Final = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*:(\s|[^\s=]*\Z)")
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]+(?=[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a model's server, and the key that it is reported at."""

    text: str
    path: Path
    source: str


def server_arguments(model: EcsModel, index: int) -> Iterator[Argument]:
    """The words of SERVER_ARGS, then the entries of `serverArgs`, in the order in which the server gets them."""
    words = model.container_config.environment.get("SERVER_ARGS", "")
    at: Path = ("ecsModels", index, "containerConfig", "environment", "SERVER_ARGS")
    if not SECRET_ARN.match(words):
        for word in split_words(words):
            yield Argument(word, at, "SERVER_ARGS")
    for position, text in enumerate(model.server_args):
        yield Argument(text, ("ecsModels", index, "serverArgs", position), "serverArgs")


def engine_models(config: Config) -> Iterator[tuple[int, EcsModel, str, EngineVersion | None]]:
    """Each model with an engine that has tables: its position, its container, and the version that its image names."""
    for index, model in enumerate(config.ecs_models):
        container = str(model.inference_container)
        if container in TITLES:
            image = engine_image(model.container_config.image)
            yield index, model, container, image.version if image.engine == container else None


def certainty(model: EcsModel, container: str, installed: EngineVersion | None) -> Severity | None:
    """Return a warning for what is not certain: an unknown version, and an image that users build themselves."""
    is_own = isinstance(model.container_config.image, AssetImage) and not runs_own_entrypoint(model)
    return None if is_covered(container, installed) and not is_own else Severity.WARNING


def why_owned(container: str, option: str) -> str | None:
    """Return what to do instead of setting an option that LISA controls, a sentence; None for other options."""
    return _OWNED.get(container, {}).get(option)


@rule("LISA319", "owned-argument", "Remove the argument.")
def owned_arguments(config: Config) -> Iterator[RuleViolation]:
    """Arguments must not repeat an option that LISA sets, such as model, name and address, or that bars the gateway."""
    for index, model in enumerate(config.ecs_models):
        options = {**_OWNED.get(model.inference_container, {}), **(_OWNED_WITH_ADAPTERS if model.adapters else {})}
        words = model.container_config.environment.get("SERVER_ARGS", "")
        if options and SECRET_ARN.match(words):
            at: Path = ("ecsModels", index, "containerConfig", "environment", "SERVER_ARGS")
            message = "SERVER_ARGS comes from a secret, which could override LISA's settings without a review."
            yield RuleViolation(at, message, "Write the arguments as plain text.")
        for argument in server_arguments(model, index):
            flag = option_name(argument.text)
            option = _owned_option(model, flag, options) if flag else None
            if option is not None:
                meant = "" if flag == option else f" (`--{option}`)"
                message = f"`{argument.text}` in {argument.source} is an option{meant} that LISA controls."
                yield RuleViolation(argument.path, message, f"Remove it; {options[option]}")


@rule("LISA507", "server-arguments", "Write each option and each value as one element of `serverArgs`.")
def arguments_are_separate(config: Config) -> Iterator[RuleViolation]:
    """Arguments must be listed in one place, each option and value as one element, for a server that takes options."""
    for index, model in enumerate(config.ecs_models):
        path: Path = ("ecsModels", index)
        variable: Path = (*path, "containerConfig", "environment", "SERVER_ARGS")
        words = model.container_config.environment.get("SERVER_ARGS")
        if model.server_args and words is not None:
            message = "`serverArgs` and SERVER_ARGS both set arguments of the server."
            fix = "Move the words of SERVER_ARGS into `serverArgs`, and remove the variable."
            yield RuleViolation((*path, "serverArgs"), message, fix, (variable,))
        if model.inference_container is InferenceContainer.INSTRUCTOR:
            if model.server_args and runs_own_entrypoint(model):
                message = "The instructor container takes no arguments."
                yield RuleViolation((*path, "serverArgs"), message, "Remove `serverArgs`, and set its variables.")
            continue
        if runs_own_entrypoint(model):
            yield from _misplaced_values(model, index)
        yield from _twice(model, index)
        previous = ""
        for argument in server_arguments(model, index):
            # A text that follows an option and is no option itself is its value, whatever it begins with.
            flag = option_name(argument.text)
            is_value = option_name(previous) is not None and "=" not in previous
            if not (is_value and flag is not None and _is_text(str(model.inference_container), flag)):
                yield from _joined(argument)
            previous = argument.text


def _owned_option(model: EcsModel, flag: str, options: Mapping[str, str]) -> str | None:
    if flag in options:
        return flag
    container = str(model.inference_container)
    if container not in ABBREVIATES or len(flag) < 2 or flag in names(container, "options"):
        return None
    return next((name for name in options if name.startswith(flag)), None)


def _misplaced_values(model: EcsModel, index: int) -> Iterator[RuleViolation]:
    first = next(server_arguments(model, index), None)
    if first is not None and not first.text.startswith("-"):
        message = f"{first.source} starts with the value `{first.text}`: LISA already names the model."
        yield RuleViolation(first.path, message, "Remove it, or start with the option that it belongs to.")


def _is_text(container: str, flag: str) -> bool:
    known = names(container, "options") if container in TITLES else frozenset()
    return not any(name.startswith(flag.removeprefix("no-")) for name in known)


def _twice(model: EcsModel, index: int) -> Iterator[RuleViolation]:
    """A setting that a variable and an argument both give: the server takes the argument, which comes last."""
    variables = model.container_config.environment
    for argument in server_arguments(model, index):
        flag = option_name(argument.text)
        for name, option in SETTINGS_AS_OPTIONS.get(str(model.inference_container), {}).items():
            if flag == option and name in variables and runs_own_entrypoint(model):
                at: Path = ("ecsModels", index, "containerConfig", "environment", name)
                message = f"`{name}` has no effect: `--{option}` in {argument.source} sets the same, and comes last."
                yield RuleViolation(at, message, "Remove one of them.", (argument.path,), Severity.WARNING)


def _as_elements(text: str) -> str:
    """How to write several words: options, and what follows each of them as one value."""
    words = [word for part in _BEFORE_OPTION.split(text.strip()) for word in part.split(None, 1)]
    shown = [f"`{word.strip()}`" for word in words]
    count = "two" if len(shown) == 2 else str(len(shown))
    return f"Write {count} elements: {', '.join(shown[:-1])} and {shown[-1]}."


def _joined(argument: Argument) -> Iterator[RuleViolation]:
    text = argument.text
    if SECRET_ARN.match(text) and argument.source == "serverArgs":
        message = "An ARN in `serverArgs` is passed as it is: only variables become secrets."
        yield RuleViolation(argument.path, message, "Use a variable that the server reads, in `environment`.")
    elif holds_value(text):
        message = f"`{text}` is one argument: the server looks for an option of this name, with the space."
        yield RuleViolation(argument.path, message, _as_elements(text))
    elif _COLON.match(text):
        option, _, value = text.partition(":")
        message = f"`{text}` is one argument: the server looks for an option of this name, with the colon."
        fix = f"Write two elements: `{option}` and `{value.strip()}`." if value.strip() else f"Write `{option}`."
        yield RuleViolation(argument.path, message, fix)
    elif _DASHES.match(text):
        meant = _DASHES.sub("--", text)
        message = f"`{text}` starts with a dash of text processors, which is no hyphen."
        yield RuleViolation(argument.path, message, f"Write `{meant}`.")
    elif argument.source == "serverArgs" and text != text.strip() and text.strip().startswith("--"):
        message = f'"{text}" has a space at its end or beginning, which the server takes for a part of the option.'
        yield RuleViolation(argument.path, message, f"Write `{text.strip()}`.")
    elif argument.source == "SERVER_ARGS" and unclosed_quote(text):
        message = f"A quote opens at `{text}` in SERVER_ARGS and does not close before a space or the end."
        yield RuleViolation(argument.path, message, "Use `serverArgs`, where each element is one argument.")
    elif argument.source == "serverArgs" and len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        message = f"The argument {text} includes its quotes, which the server gets as part of the value."
        fix = f"Remove the inner quotes: `{text[1:-1]}`."
        yield RuleViolation(argument.path, message, fix, severity=Severity.WARNING)
