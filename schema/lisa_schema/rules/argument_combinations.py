"""Rules about options of inference servers that need each other, or exclude each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lisa_schema.document import Path
from lisa_schema.engine_settings import TITLES, Support, support
from lisa_schema.engine_versions import EngineVersion, version
from lisa_schema.models import Config, EcsModel
from lisa_schema.rules.given_options import GivenOption, pair_options
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import certainty, engine_models, server_arguments
from lisa_schema.vllm_options import options_of

_REQUIRES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "vllm": (
        ("enable-auto-tool-choice", "tool-call-parser", "Add `--tool-call-parser` and the parser of the model."),
        ("enable-reasoning", "reasoning-parser", "Add `--reasoning-parser` and the parser of the model."),
        ("enable-log-outputs", "enable-log-requests", "Add `--enable-log-requests`."),
        ("data-parallel-hybrid-lb", "data-parallel-size-local", "Add `--data-parallel-size-local`."),
    ),
}
"""By engine, options without which another one stops the server (vLLM: validate_parsed_serve_args, EngineArgs)."""

_EXCLUDES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "vllm": (
        ("enable-per-request-metrics", "disable-log-stats"),
        ("data-parallel-hybrid-lb", "data-parallel-external-lb"),
    ),
    "tei": (("default-prompt", "default-prompt-name"),),
}
_REQUIRED_SINCE: Final = {"enable-log-outputs": version("0.17.1")}
"""Versions from which a requirement is known, where the options are older."""
_ROLES: Final = ("kv_producer", "kv_consumer", "kv_both")


@rule("LISA512", "argument-combination", "Add or remove one of the options.")
def arguments_go_together(config: Config) -> Iterator[RuleViolation]:
    """Options must come with those that they need, and not with those that exclude them: the server stops otherwise."""
    for index, model, container, installed in engine_models(config):
        severity = certainty(model, container, installed)
        given, _ = pair_options(server_arguments(model, index), container, installed)
        present = {one.option: one for one in given if not one.text.startswith("--no-")}
        found = [
            *_required(container, installed, present),
            *_excluded(container, present),
            *(_of_vllm(model, present, given) if container == "vllm" else ()),
            *(_of_sglang(present) if container == "sglang" else ()),
        ]
        for path, message, fix, related in found:
            yield RuleViolation(path, f"{message}: the server does not start.", fix, related, severity)
        if container == "tei":
            yield from _both_prompts(model, index, present)


_Found = tuple[Path, str, str, tuple[Path, ...]]


def _required(container: str, installed: EngineVersion | None, present: Mapping[str, GivenOption]) -> Iterator[_Found]:
    for option, needed, fix in _REQUIRES.get(container, ()):
        since = _REQUIRED_SINCE.get(option)
        if option not in present or needed in present or (since is not None and (installed or since) < since):
            continue
        if support(container, "options", needed, installed) is Support.YES:
            one = present[option]
            message = f"{TITLES[container]} requires `--{needed}` with `{one.text}`"
            yield one.at.path, message, fix, ()


def _excluded(container: str, present: Mapping[str, GivenOption]) -> Iterator[_Found]:
    for first, second in _EXCLUDES.get(container, ()):
        if first in present and second in present:
            message = f"{TITLES[container]} does not take `--{first}` together with `--{second}`"
            yield present[second].at.path, message, "Remove one of them.", (present[first].at.path,)


def _of_vllm(model: EcsModel, present: Mapping[str, GivenOption], given: list[GivenOption]) -> Iterator[_Found]:
    options = options_of(model)
    batched, sequences = options.max_num_batched_tokens, options.max_num_seqs
    at = present.get("max-num-batched-tokens")
    if at is not None and batched is not None:
        if sequences is not None and batched < sequences:
            setting = options.setting("max-num-seqs")
            message = f"`{at.text}` is {batched:,}, less than {setting}, which is {sequences:,}"
            yield at.value_at.path, message, f"Raise `{at.text}` to {sequences} or more, or lower the other.", ()
        is_chunked = not any(one.text == "--no-enable-chunked-prefill" for one in given)
        length = options.max_model_len
        if not is_chunked and length is not None and batched < length:
            setting = options.setting("max-model-len")
            message = f"`{at.text}` is {batched:,}, less than {setting}, which is {length:,}, without chunked prefill"
            yield (
                at.value_at.path,
                message,
                f"Raise `{at.text}` to {length}, or remove `--no-enable-chunked-prefill`.",
                (),
            )
    interval = present.get("sse-keep-alive-interval")
    if interval is not None and (interval.value or "").startswith("-"):
        yield (
            interval.value_at.path,
            f"`{interval.text}` is {interval.value}, less than 0",
            "Write 0 to disable it.",
            (),
        )
    transfer = present.get("kv-transfer-config")
    content = _json(transfer)
    if transfer is not None and content is not None and content.get("kv_connector"):
        role = content.get("kv_role")
        dotted = any(one.text.startswith("--kv-transfer-config") and one is not transfer for one in given)
        if role not in _ROLES and not (role is None and dotted):
            what = f"the `kv_role` {role}, which does not exist" if role else "a `kv_connector` without a `kv_role`"
            fix = f"Set `kv_role` to {', '.join(_ROLES[:-1])} or {_ROLES[-1]}."
            yield transfer.value_at.path, f"`{transfer.text}` has {what}", fix, ()


def _of_sglang(present: Mapping[str, GivenOption]) -> Iterator[_Found]:
    lora = present.get("enable-lora")
    if (
        lora is not None
        and "lora-paths" not in present
        and not {"max-lora-rank", "lora-target-modules"} <= present.keys()
    ):
        message = "SGLang requires `--max-lora-rank` and `--lora-target-modules` with `--enable-lora`, without adapters"
        yield lora.at.path, message, "Add both options, or remove `--enable-lora`.", ()


def _both_prompts(model: EcsModel, index: int, present: Mapping[str, GivenOption]) -> Iterator[RuleViolation]:
    variables = model.container_config.environment
    names = ("DEFAULT_PROMPT", "DEFAULT_PROMPT_NAME")
    given = [name for name in names if variables.get(name) or name.lower().replace("_", "-") in present]
    if len(given) == len(names) and any(variables.get(name) for name in names):
        at: Path = ("ecsModels", index, "containerConfig", "environment")
        name = next(name for name in reversed(names) if variables.get(name))
        message = "`DEFAULT_PROMPT` and `DEFAULT_PROMPT_NAME` are mutually exclusive: the server does not start."
        yield RuleViolation((*at, name), message, "Remove one of them.")


def _json(option: GivenOption | None) -> dict[str, Any] | None:
    if option is None or option.value is None:
        return None
    try:
        content = json.loads(option.value)
    except (ValueError, RecursionError):
        return None  # LISA570 reports it.
    return content if isinstance(content, dict) else None
