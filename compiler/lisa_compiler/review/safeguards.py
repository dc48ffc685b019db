"""Safeguards: what the configuration has checked, kept secret or reported, and where prompts go, before and after.

Most of these settings end in the gateway's own files and variables, in which a change looks like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from lisa_compiler.review.formatting import join_list
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output

Data = Mapping[str, Any]

_CALLBACKS = (
    "callbacks",
    "success_callback",
    "failure_callback",
    "input_callback",
    "service_callback",
    "audit_log_callbacks",
)
_ARROW = "\N{RIGHTWARDS ARROW}"
_REMOTE_CODE = "--trust-remote-code"
_REMOTE_CODE_VARIABLE = "TRUST_REMOTE_CODE"
_TRUE = frozenset({"1", "on", "true", "yes"})
_MOST = "MAX_"
"""Beginning of the gateway's variables that limit what it accepts."""


def compare_safeguards(before: Output, after: Output) -> Iterator[Impact]:
    """Find safeguards that are removed, weakened, added or strengthened."""
    old, new = before.configuration(), after.configuration()
    yield from _model_keys(old, new)
    yield from _web_acl(old, new)
    yield from _alarms(old, new)
    yield from _accepted(old, new)
    litellm = _section(old, "litellmConfig"), _section(new, "litellmConfig")
    yield from _guardrails(*litellm)
    yield from _callbacks(*litellm)
    yield from _destinations(*litellm)
    for component, model in after.models().items():
        yield from _remote_code(before.models().get(component, {}), model, after.stacks[component].title)


def _model_keys(old: Data, new: Data) -> Iterator[Impact]:
    if old.get("modelKeys") and not new.get("modelKeys"):
        yield Impact(ImpactCategory.EXPOSURE, "Models accept requests without a key: `modelKeys` is off.")
    if new.get("modelKeys") and not old.get("modelKeys"):
        yield Impact(ImpactCategory.REDUCED_RISK, "Models require a key that only the gateway has.")


def _web_acl(old: Data, new: Data) -> Iterator[Impact]:
    was, will = old.get("wafWebAclArn"), new.get("wafWebAclArn")
    if was == will:
        return
    what = "requests to the gateway and the API"
    if was and will:
        yield Impact(ImpactCategory.EXPOSURE, f"Another web ACL filters {what}: `{was}` {_ARROW} `{will}`.")
    elif was:
        yield Impact(ImpactCategory.EXPOSURE, f"No web ACL filters {what} any longer (previously `{was}`).")
    else:
        yield Impact(ImpactCategory.REDUCED_RISK, f"A web ACL filters {what}: `{will}`.")


def _alarms(old: Data, new: Data) -> Iterator[Impact]:
    was, will = old.get("alarmTopicArn"), new.get("alarmTopicArn")
    if was and not will:
        yield Impact(ImpactCategory.REMOVED, f"Alarms notify no one (previously `{was}`).")
    elif was and will != was:
        yield Impact(ImpactCategory.CODE_CHANGED, f"Alarms notify `{will}` instead of `{was}`.")


def _accepted(old: Data, new: Data) -> Iterator[Impact]:
    """Limits of the gateway, which are variables."""
    was, will = (
        _section(_section(_section(side, "restApiConfig"), "containerConfig"), "environment") for side in (old, new)
    )
    for name in sorted(key for key in will.keys() | was.keys() if key.startswith(_MOST)):
        limits = [str(side.get(name, "")) for side in (was, will)]
        if not all(limit.isdecimal() or not limit for limit in limits) or limits[0] == limits[1]:
            continue
        low, high = (int(limit) if limit else None for limit in limits)
        shown = f"`{name}`: {_number(low)} {_ARROW} {_number(high)}"
        if low is not None and high is not None:
            wider = high > low
            category = ImpactCategory.BROADER_ACCESS if wider else ImpactCategory.REDUCED_RISK
            yield Impact(category, f"The gateway accepts {'more' if wider else 'less'}: {shown}.")
        else:
            yield Impact(ImpactCategory.BROADER_ACCESS, f"A limit of the gateway is changed: {shown}.")


def _guardrails(old: Data, new: Data) -> Iterator[Impact]:
    was, will = (_named(side.get("guardrails"), "guardrail_name") for side in (old, new))
    for name, guardrail in was.items():
        if name not in will:
            yield Impact(ImpactCategory.EXPOSURE, f"The guardrail `{name}` no longer checks requests.")
            continue
        before, after = _section(guardrail, "litellm_params"), _section(will[name], "litellm_params")
        if before.get("default_on") and not after.get("default_on"):
            yield Impact(
                ImpactCategory.EXPOSURE, f"The guardrail `{name}` checks only requests that name it (`default_on`)."
            )
        changed = sorted(
            key for key in (before.keys() | after.keys()) - {"default_on"} if before.get(key) != after.get(key)
        )
        if changed:
            listed = join_list(f"`{key}`" for key in changed)
            yield Impact(ImpactCategory.EXPOSURE, f"The guardrail `{name}` checks otherwise: {listed} changed.")
    for name in will.keys() - was.keys():
        yield Impact(ImpactCategory.REDUCED_RISK, f"The guardrail `{name}` checks requests.")
    models = [_named(side.get("model_list"), "model_name") for side in (old, new)]
    for name in models[0].keys() & models[1].keys():
        sides = [_section(model[name], "litellm_params").get("guardrails") or [] for model in models]
        if lost := [guardrail for guardrail in sides[0] if guardrail not in sides[1]]:
            listed = join_list(f"`{guardrail}`" for guardrail in lost)
            yield Impact(ImpactCategory.EXPOSURE, f"Requests for `{name}` are no longer checked by {listed}.")


def _callbacks(old: Data, new: Data) -> Iterator[Impact]:
    before, after = (_section(side, "litellm_settings") for side in (old, new))
    known, called = ({str(name) for key in _CALLBACKS for name in _list(side.get(key))} for side in (before, after))
    if added := sorted(called - known):
        listed = join_list(f"`{name}`" for name in added)
        what = "usage data" if after.get("turn_off_message_logging") else "prompts and answers"
        yield Impact(ImpactCategory.EXPOSURE, f"LiteLLM passes {what} to {listed}.")
    if removed := sorted(known - called):
        listed = join_list(f"`{name}`" for name in removed)
        yield Impact(ImpactCategory.REDUCED_RISK, f"LiteLLM no longer passes requests to {listed}.")
    if before.get("turn_off_message_logging") and not after.get("turn_off_message_logging") and called:
        listed = join_list(f"`{name}`" for name in sorted(called))
        yield Impact(
            ImpactCategory.EXPOSURE, f"Prompts and answers are passed to {listed} (`turn_off_message_logging` is off)."
        )


def _destinations(old: Data, new: Data) -> Iterator[Impact]:
    """External models of the same name whose requests go elsewhere; those that are new are reported with the models."""
    was, will = (_named(side.get("model_list"), "model_name") for side in (old, new))
    for name in was:
        if name not in will:
            continue
        before, after = (_destination(side[name]) for side in (was, will))
        if before != after:
            yield Impact(ImpactCategory.EXPOSURE, f"Requests for `{name}` go to {after} instead of {before}.")


def _destination(model: Data) -> str:
    """Where LiteLLM sends requests: a provider, and the host of an address or the Region and role in AWS."""
    parameters = _section(model, "litellm_params")
    provider = str(parameters.get("custom_llm_provider") or str(parameters.get("model", "")).partition("/")[0])
    text = f"`{provider}`"
    address = str(parameters.get("api_base") or parameters.get("base_url") or "")
    if address:
        parts = urlsplit(address)
        text += f" at `{f'{parts.scheme}://{parts.netloc}' if parts.netloc else address}`"
    for key, word in (("aws_region_name", "in"), ("aws_role_name", "as")):
        if value := parameters.get(key):
            text += f" {word} `{value}`"
    return text


def _remote_code(old: Data, new: Data, title: str) -> Iterator[Impact]:
    if _runs_remote_code(new) and not _runs_remote_code(old):
        yield Impact(ImpactCategory.EXPOSURE, f"**{title}** runs code that comes with its weights (`{_REMOTE_CODE}`).")


def _runs_remote_code(model: Data) -> bool:
    container = _section(model, "containerConfig")
    variable = str(_section(container, "environment").get(_REMOTE_CODE_VARIABLE, "")).lower()
    arguments = [str(argument) for argument in _list(model.get("serverArgs") or container.get("serverArgs"))]
    return variable in _TRUE or any(
        argument == _REMOTE_CODE or argument.startswith(f"{_REMOTE_CODE}=") for argument in arguments
    )


def _section(data: Data, key: str) -> Data:
    found = data.get(key)
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _named(entries: object, key: str) -> dict[str, Data]:
    return {str(entry[key]): entry for entry in _list(entries) if isinstance(entry, Mapping) and key in entry}


def _number(value: int | None) -> str:
    return "default" if value is None else f"{value:,}"
