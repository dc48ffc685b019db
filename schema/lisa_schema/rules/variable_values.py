"""The rule about the values of variables: numbers, booleans, quantization and data types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.clap_values import FORMS
from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.engine_images import Accelerator, EngineImage, engine_image
from lisa_schema.engine_settings import DTYPES, TITLES, Support, names, nearest, other_versions, support
from lisa_schema.engine_versions import EngineVersion
from lisa_schema.models import Config, EcsModel
from lisa_schema.option_values import is_covered, value_fault
from lisa_schema.own_values import OWN_FORMS, own_value_fault
from lisa_schema.rules.engine_variables import REFERENCE
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import SETTINGS_AS_OPTIONS, certainty, engine_models, server_arguments
from lisa_schema.rules.service_paths import Service, container_kind, runs_own_entrypoint, services
from lisa_schema.server_arguments import option_name
from lisa_schema.variable_ownership import canonical

_OF_VLLM: Final = "VLLM_"
# LISA572 compares these, and reports those that are no numbers.
_LIMITS: Final = frozenset(
    {"MAX_INPUT_TOKENS", "MAX_INPUT_LENGTH", "MAX_TOTAL_TOKENS", "MAX_BATCH_PREFILL_TOKENS", "MAX_BATCH_TOTAL_TOKENS"}
)


@rule("LISA506", "engine-value", "Use a value that the server accepts.")
def values_are_accepted(config: Config) -> Iterator[RuleViolation]:
    """Variables must have values that their server accepts: numbers in range, booleans, quantization and data types."""
    for path, service in services(config):
        yield from _own_values(path, service)
    for index, model, container, installed in engine_models(config):
        for path, setting, value in _values(model, index):
            if SECRET_ARN.match(value) or not value or REFERENCE.search(value):
                continue
            if setting == "quantization" and not names(container, "quantization"):
                continue  # LISA505 and LISA508 report the setting itself.
            if setting in NUMBERS:
                told = _number(setting, value)
            elif setting == "dtype":
                told = _dtype(container, value, engine_image(model.container_config.image))
            else:
                told = _quantization(container, value, installed)
            if told is not None:
                message, fix, severity = told
                yield RuleViolation(path, message, fix, (("ecsModels", index, "inferenceContainer"),), severity)
        yield from _engine_values(model, index, container, installed)


def _own_values(path: Path, service: Service) -> Iterator[RuleViolation]:
    """Variables that LISA's own programs read; another image may have them, too."""
    container = container_kind(service)
    for name, value in service.container_config.environment.items():
        plain = canonical(container, name)
        if plain not in OWN_FORMS[container] or _is_open(value):
            continue
        told = own_value_fault(container, plain, value)
        if told is not None:
            message = f"`{name}` must be {told[0]}, but is `{value}`."
            severity = None if runs_own_entrypoint(service) else Severity.WARNING
            yield RuleViolation((*path, "containerConfig", "environment", name), message, told[1], (), severity)


def _engine_values(
    model: EcsModel, index: int, container: str, installed: EngineVersion | None
) -> Iterator[RuleViolation]:
    """Variables that the engine itself reads, and ends at a value that it cannot read."""
    at: Path = ("ecsModels", index, "containerConfig", "environment")
    is_engine = runs_own_entrypoint(model) or engine_image(model.container_config.image).engine == container
    for name, value in model.container_config.environment.items():
        option = name if container == "vllm" else name.lower().replace("_", "-")
        is_read = name.startswith(_OF_VLLM) if container == "vllm" else option in FORMS.get(container, {})
        if not is_engine or not is_read or name in _LIMITS or name != name.upper() or _is_open(value):
            continue
        fault = value_fault(container, option, value, installed)
        if fault is not None:
            title = f"{TITLES[container]} {installed or ''}".rstrip()
            message = f"`{name}` must be {fault.wanted} in {title}, but is `{value}`: the server does not start."
            fix = fault.fix or _as_digit(container, value)
            yield RuleViolation((*at, name), message, fix, (), certainty(model, container, installed))


def _is_open(value: str) -> bool:
    """Whether what a container gets is not known from what is written, or is not set."""
    return not value or SECRET_ARN.match(value) is not None or REFERENCE.search(value) is not None


def _as_digit(container: str, value: str) -> str | None:
    """VLLM reads switches as the numbers 0 and 1."""
    meant = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}.get(value.lower())
    return f"Write {meant}." if container == "vllm" and meant is not None else None


def _values(model: EcsModel, index: int) -> Iterator[tuple[Path, str, str]]:
    """Quantization, data type and sizes of a model, as variables, and the first two as arguments."""
    container = str(model.inference_container)
    variables = model.container_config.environment
    reads = runs_own_entrypoint(model) or container in {"tgi", "tei"}
    for name, setting in (("QUANTIZE", "quantization"), ("DTYPE", "dtype")):
        if name in variables and reads:
            yield ("ecsModels", index, "containerConfig", "environment", name), setting, variables[name]
    numbers = SETTINGS_AS_OPTIONS.get(container, {}) if runs_own_entrypoint(model) else {}
    for name in sorted(NUMBERS & numbers.keys() & variables.keys()):
        yield ("ecsModels", index, "containerConfig", "environment", name), name, variables[name]
    options = {"quantization": "quantization", "quantize": "quantization", "q": "quantization", "dtype": "dtype"}
    waiting = ""
    for argument in server_arguments(model, index):
        flag = option_name(argument.text)
        if flag is None and waiting:
            yield argument.path, waiting, argument.text
        waiting = ""
        if flag in options:
            _, mark, value = argument.text.partition("=")
            if mark:
                yield argument.path, options[flag], value
            else:
                waiting = options[flag]


_Told = tuple[str, str | None, Severity | None]
NUMBERS: Final = frozenset(
    {"GPU_MEMORY_UTILIZATION", "MAX_CONCURRENT_REQUESTS", "MAX_TOTAL_TOKENS", "TENSOR_PARALLEL_SIZE"}
)
"""Variables that the entrypoints turn into options with a number."""


def number_fault(name: str, value: str) -> tuple[str, str] | None:
    """Return what a variable of `NUMBERS`, or its option, takes and the fix for a value; None when it is accepted."""
    if name == "GPU_MEMORY_UTILIZATION":
        try:
            share = float(value)
        except ValueError:
            share = 0.0
        if 0 < share <= 1:
            return None
        fix = f"Write `{share / 100:g}`." if 2 <= share <= 100 else "Write a fraction, such as 0.9."
        return "a number above 0 and at most 1", fix
    if re.fullmatch(r"\+?0*[1-9][0-9]*", value):
        return None
    if name == "MAX_TOTAL_TOKENS" and re.fullmatch(r"-1|auto|[0-9]+(\.[0-9]+)?[kKmMgGtT]", value):
        return None  # vLLM takes these from some version on.
    return "an integer of at least 1", "Write a number, or remove it."


def _number(name: str, value: str) -> _Told | None:
    told = number_fault(name, value)
    return (f"`{name}` must be {told[0]}, but is `{value}`.", told[1], None) if told else None


def _dtype(container: str, value: str, image: EngineImage) -> _Told | None:
    accepted = DTYPES[container]
    if container == "tei" and value == "bfloat16":
        if image.accelerator in (Accelerator.GAUDI, Accelerator.INTEL) or "ipex" in image.tag:
            return None
        message = "`bfloat16` is only in images of text-embeddings-inference for Intel's processors: the server stops."
        return message, "Use float16 or float32.", None if image.publishes("tei") else Severity.WARNING
    if value in accepted:
        return None
    words = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "half": "float16", "float": "float32"}
    meant = words.get(value.lower(), value.lower())
    fix = f"Write `{meant}`." if meant in accepted else f"Use {', '.join(accepted[:-1])} or {accepted[-1]}."
    if value == "auto":
        fix = "Remove it: the server takes the data type of the weights."
    return f"{TITLES[container]} has no data type `{value}`.", fix, None


def _quantization(container: str, value: str, installed: EngineVersion | None) -> _Told | None:
    method = "bitsandbytes" if container in SETTINGS_AS_OPTIONS and value.startswith("bitsandbytes-") else value
    if support(container, "quantization", method, installed) is not Support.NO:
        return None
    title = TITLES[container]
    severity = None if is_covered(container, installed) else Severity.WARNING
    if versions := other_versions(container, "quantization", method):
        return f"{title} {installed} has no quantization `{method}`; versions {versions} have it.", None, severity
    known = names(container, "quantization")
    if method.lower() in known:
        return f"{title} has no quantization `{value}`.", f"Write `{method.lower()}`.", None
    others = [TITLES[one] for one in ("tgi", "vllm", "sglang") if method.lower() in names(one, "quantization")]
    if others:
        message = f"`{value}` is a quantization of {' and '.join(others)}, but the container runs {title}."
        return message, f"Use a quantization of {title}, or remove it if the weights are quantized.", None
    near = nearest(method.lower(), known)
    return f"{title} has no quantization `{value}`.", f"Write `{near}`." if near else None, severity
