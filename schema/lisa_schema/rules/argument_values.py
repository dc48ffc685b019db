"""Rules about the values of arguments of inference servers, and about limits of tokens that contradict each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from lisa_schema.document import Path
from lisa_schema.engine_settings import TITLES
from lisa_schema.engine_versions import EngineVersion
from lisa_schema.models import Config, EcsModel
from lisa_schema.option_values import requires_value, takes_no_value, value_fault
from lisa_schema.rules.engine_variables import REFERENCE
from lisa_schema.rules.environment import SECRET_ARN
from lisa_schema.rules.given_options import pair_options
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import (
    SETTINGS_AS_OPTIONS,
    certainty,
    engine_models,
    server_arguments,
)
from lisa_schema.rules.variable_values import NUMBERS, number_fault
from lisa_schema.server_arguments import option_name

_KEY: Final = re.compile(r"--?(?P<option>[A-Za-z][A-Za-z0-9_-]*)\.(?P<key>[A-Za-z0-9_-]+)")
# LISA506 reports these with the engines that have them.
_OTHER_RULES: Final = frozenset({"quantization", "quantize", "q", "dtype"})
_PLUGINS: Final = {"tool-call-parser": "tool-parser-plugin", "reasoning-parser": "reasoning-parser-plugin"}
_TGI_LIMITS: Final = (
    "MAX_INPUT_TOKENS",
    "MAX_INPUT_LENGTH",
    "MAX_TOTAL_TOKENS",
    "MAX_BATCH_PREFILL_TOKENS",
    "MAX_BATCH_TOTAL_TOKENS",
)


@rule("LISA570", "argument-value", "Use a value that the server accepts.")
def argument_values(config: Config) -> Iterator[RuleViolation]:
    """The value of an option must be one that the server's version accepts, according to the table of its parsers."""
    for index, model, container, installed in engine_models(config):
        given, _ = pair_options(server_arguments(model, index), container, installed)
        present = {one.option for one in given}
        for one in given:
            value = one.value
            if value is None or one.option in _OTHER_RULES or _PLUGINS.get(one.option) in present:
                continue
            if container == "tgi" and one.option.upper().replace("-", "_") in _TGI_LIMITS:
                continue  # LISA572 reports it.
            if SECRET_ARN.match(value) or REFERENCE.search(value):
                continue
            told = _fault(container, one.option, value, installed)
            if told is not None:
                title = f"{TITLES[container]} {installed or ''}".rstrip()
                message = f"`{value}` is not a value of `{one.text}` in {title}, which takes {told[0]}."
                severity = certainty(model, container, installed)
                yield RuleViolation(one.value_at.path, message, told[1], (one.at.path,), severity)
        yield from _unknown_keys(model, index, container, installed)


def _unknown_keys(
    model: EcsModel, index: int, container: str, installed: EngineVersion | None
) -> Iterator[RuleViolation]:
    """Keys of JSON objects as options of their own: `--compilation-config.mode`."""
    for argument in server_arguments(model, index):
        found = _KEY.match(argument.text) if container == "vllm" else None
        if found is None:
            continue
        option = found["option"].replace("_", "-")
        fault = value_fault(container, option, json.dumps({found["key"].replace("-", "_"): None}), installed)
        if fault is not None:
            title = f"{TITLES[container]} {installed or ''}".rstrip()
            message = f"`{found[0]}` is no setting of `--{option}` in {title}."
            yield RuleViolation(argument.path, message, fault.fix, (), certainty(model, container, installed))


@rule("LISA571", "argument-count", "Write an option and its value as two elements, and a flag as one.")
def argument_counts(config: Config) -> Iterator[RuleViolation]:
    """An option that takes a value must have one, and a flag must not: the server does not start."""
    for index, model, container, installed in engine_models(config):
        severity = certainty(model, container, installed)
        given, stray = pair_options(server_arguments(model, index), container, installed)
        for argument, flag in stray:
            message = f"`{argument.text}` belongs to no option: `{flag}` takes no value."
            yield RuleViolation(argument.path, message, _stray_fix(container, flag, argument.text), severity=severity)
        for one in given:
            if one.value is None and requires_value(container, one.option, installed):
                message = f"`{one.text}` has no value."
                yield RuleViolation(one.at.path, message, "Add the value as the next element.", severity=severity)


@rule("LISA572", "tgi-token-limits", "Correct the limits.")
def tgi_token_limits(config: Config) -> Iterator[RuleViolation]:
    """Limits of tokens of text-generation-inference must leave room: its launcher compares them and stops otherwise."""
    for index, model, container, _ in engine_models(config):
        if container != "tgi":
            continue
        limits = _tgi_limits(model, index)
        numbers: dict[str, int] = {}
        for name, (value, path) in limits.items():
            if re.fullmatch(r"\+?[0-9]+", value):
                numbers[name] = int(value)
            elif not SECRET_ARN.match(value) and not REFERENCE.search(value):
                yield RuleViolation(path, f"`{name}` must be an integer, but is `{value}`.", "Write a number.")
        if {"MAX_INPUT_TOKENS", "MAX_INPUT_LENGTH"} <= limits.keys():
            message = "`MAX_INPUT_LENGTH` and `MAX_INPUT_TOKENS` are two names of one setting: the launcher stops."
            yield RuleViolation(limits["MAX_INPUT_LENGTH"][1], message, "Remove `MAX_INPUT_LENGTH`.")
        prompt = "MAX_INPUT_TOKENS" if "MAX_INPUT_TOKENS" in numbers else "MAX_INPUT_LENGTH"
        for smaller, larger, is_strict in (
            (prompt, "MAX_TOTAL_TOKENS", True),
            (prompt, "MAX_BATCH_PREFILL_TOKENS", False),
            ("MAX_BATCH_PREFILL_TOKENS", "MAX_BATCH_TOTAL_TOKENS", False),
            ("MAX_TOTAL_TOKENS", "MAX_BATCH_TOTAL_TOKENS", False),
        ):
            low, high = numbers.get(smaller), numbers.get(larger)
            if low is not None and high is not None and (low >= high if is_strict else low > high):
                wanted = "less than" if is_strict else "at most"
                message = f"`{smaller}` is {low:,}, but must be {wanted} `{larger}`, which is {high:,}."
                why = " `MAX_TOTAL_TOKENS` counts prompt and answer." if larger == "MAX_TOTAL_TOKENS" else ""
                fix = f"Lower `{smaller}`, or raise `{larger}`.{why}"
                yield RuleViolation(limits[smaller][1], message, fix, (limits[larger][1],))


def _stray_fix(container: str, flag: str, value: str) -> str:
    if value.lower() not in _OFF:
        return "Remove it."
    if container != "vllm":
        return f"Remove it, and `{flag}` too: without it, the setting is off."
    if flag.startswith("--no-"):
        return f"Remove it, and write `--{flag[5:]}` instead of `{flag}` if it must be on."
    return f"Remove it, and write `--no-{flag.lstrip('-')}` instead of `{flag}` if it must be off."


_OFF: Final = ("false", "0", "no", "off")


def _fault(container: str, option: str, value: str, installed: EngineVersion | None) -> tuple[str, str | None] | None:
    for variable, sets in SETTINGS_AS_OPTIONS.get(container, {}).items():
        if option in {sets, *_SAME.get(sets, ())} and variable in NUMBERS:
            return number_fault(variable, value)
    if container != "vllm" and takes_no_value(container, option, installed):
        off = f"Remove `--{option}`: without it, the setting is off." if value.lower() in _OFF else "Remove the value."
        return "no value", off
    fault = value_fault(container, option, value, installed)
    return (fault.wanted, fault.fix) if fault else None


_SAME: Final[Mapping[str, tuple[str, ...]]] = {
    "tensor-parallel-size": ("tp",),
    "tp-size": ("tp", "tensor-parallel-size"),
}
"""Other names of options that variables set, too."""


def _tgi_limits(model: EcsModel, index: int) -> dict[str, tuple[str, Path]]:
    """The limits with the keys that set them: arguments win over variables."""
    at: Path = ("ecsModels", index, "containerConfig", "environment")
    variables = model.container_config.environment
    found: dict[str, tuple[str, Path]] = {
        name: (variables[name].strip(), (*at, name)) for name in _TGI_LIMITS if variables.get(name, "").strip()
    }
    words = list(server_arguments(model, index))
    for position, argument in enumerate(words):
        flag = option_name(argument.text)
        name = (flag or "").upper().replace("-", "_")
        if name in _TGI_LIMITS:
            _, mark, value = argument.text.partition("=")
            if mark:
                found[name] = (value, argument.path)
            elif position + 1 < len(words):
                found[name] = (words[position + 1].text, words[position + 1].path)
    return found
