"""Rules about types and addresses in `litellmConfig`: LiteLLM reads numbers, lists, mappings and base URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.names import value_forms, version
from lisa_schema.litellm.references import PREFIX, has_own_image, is_secret_arn, litellm_texts, resolve
from lisa_schema.models import Config
from lisa_schema.rules.registry import RuleViolation, rule

_ROOT: Final[Path] = ("litellmConfig",)
_TRUE: Final = frozenset({"true", "yes", "on", "1", "t", "y"})
_FALSE: Final = frozenset({"false", "no", "off", "0", "f", "n"})
_WORDS: Final = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "text": "a string",
    "list": "a list",
    "mapping": "a mapping",
}
# Patterns are texts: most configurations have no value that is matched with them.
_DURATION: Final = r"(?P<number>[0-9]+(\.[0-9]+)?) ?(?P<unit>ms|s|sec|m|min|h|hours?|minutes?|seconds?)"
_SECONDS: Final = {
    "ms": 0.001,
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}
_NOT_NEGATIVE: Final = ("timeout", "retries", "rpm", "tpm", "interval", "cooldown_time", "max_parallel_requests")
# Values that other rules explain: callbacks in LISA530, fallbacks of models in LISA389, models' own keys in the schema.
_OTHER_RULES: Final = frozenset({"callbacks", "success_callback", "failure_callback", "model_list", "alerting"})
_LITELLMS_OWN: Final = frozenset({"timeout", "request_timeout", "max_retries"})
"""Parameters of requests that LiteLLM reads itself, in any spelling."""

_BUDGET_TIMES: Final = r"(.*_)?(budget_duration|time_period|retention_period|retention_interval|key_duration)"
_BUDGET_TIME: Final = r"[0-9]+(mo|[smhdw]).*|hourly|daily|weekly|monthly"
"""What LiteLLM's duration_in_seconds() accepts: `30d`, `1mo`."""

_BASES: Final = frozenset({"api_base", "base_url"})
_ADDRESS_KEYS: Final = ("api_base", "base_url", "endpoint", "url", "host")
_ROUTES: Final = (
    r"/(chat/completions|completions|embeddings|responses|rerank|images/generations|audio/(speech|transcriptions)"
    r"|api/(chat|generate|embed|embeddings))/?$"
)
_LOCAL: Final = frozenset({"localhost", "::1", "0.0.0.0", "host.docker.internal"})  # noqa: S104  # compared, not bound
_APPENDS: Final = frozenset({"openai", "text-completion-openai"})
"""Providers that LiteLLM calls with the client of OpenAI, which appends the route to any base URL."""

_FULL_ADDRESSES: Final = frozenset({"custom", "petals", "huggingface", "sagemaker", "azure_ai", "databricks", "triton"})
"""Providers whose address may be that of one route."""


@rule("LISA575", "litellm-value-type", "Write a value of the type that LiteLLM reads.")
def litellm_value_types(config: Config) -> Iterator[RuleViolation]:
    """A value of `litellmConfig` must have the type that LiteLLM's own models declare for it."""
    for table, path, block in _blocks(config):
        forms = value_forms(table)
        for key, value in block.items():
            form = forms.get(key)
            if value is None or key in _OTHER_RULES:
                continue
            if isinstance(value, str) and (value.startswith(PREFIX) or is_secret_arn(value)):
                continue
            told = _type_fault(key, value, form) if form else None
            if table == "request":
                told = _request_fault(key, value, form)
            if told is None and key.endswith(_NOT_NEGATIVE) and _is_negative(value):
                told = "must be 0 or more", "Write a number of 0 or more, or remove it."
            if told is not None:
                shown = (
                    "a mapping" if isinstance(value, Mapping) else "a list" if _is_list(value) else f"`{_text(value)}`"
                )
                message = f"`{key}` {told[0]} for LiteLLM {version()}, but is {shown}."
                yield RuleViolation((*path, key), message, told[1])
    for path, value in _budget_times(_ROOT, config.litellm_config.model_dump(exclude_unset=True)):
        text = str(value).strip().lower()
        if not text.startswith(PREFIX) and not re.fullmatch(_BUDGET_TIME, text):
            message = (
                f"`{path[-1]}` must be a time such as 30d or 1mo for LiteLLM {version()}, but is `{_text(value)}`."
            )
            yield RuleViolation(path, message, _time_fix(text))


@rule("LISA576", "litellm-address", "Write the base URL of the API, such as https://models.example.com/v1.")
def litellm_addresses(config: Config) -> Iterator[RuleViolation]:
    """An address of a model must be a base URL that the gateway's container reaches: scheme, host, and no route."""
    severity = Severity.WARNING if has_own_image(config) else None
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = entry.litellm_params.model_dump(exclude_none=True)
        at: Path = (*_ROOT, "model_list", index, "litellm_params")
        for key in _BASES & parameters.keys():
            value = parameters[key]
            text = resolve(config, value.strip()) if isinstance(value, str) else None
            if text:
                provider = parameters.get("custom_llm_provider") or str(parameters.get("model", "")).partition("/")[0]
                yield from _base_url((*at, key), text, str(provider))
    for path, text in litellm_texts(config):
        key = str(path[-1])
        if key == "aws_profile_name" and not text.startswith(PREFIX):
            message = "`aws_profile_name` names a profile of a file that the gateway's container does not have."
            fix = "Remove it: the gateway calls AWS with its task role; `aws_role_name` names another role to assume."
            yield RuleViolation(path, message, fix, severity=severity)
        elif key.lower().endswith(_ADDRESS_KEYS):
            host = _host(text)
            if _is_local(host):
                message = f"`{key}` is `{text}`: in the gateway's container, {host} is the container itself."
                yield RuleViolation(path, message, "Write an address that the gateway's subnets reach.", (), severity)


def _base_url(path: Path, text: str, provider: str) -> Iterator[RuleViolation]:
    """What is wrong with the address of a model, except that it is the container itself."""
    key, host = path[-1], _host(text)
    if "://" not in text:
        if not _is_local(host):
            scheme = "http" if re.match(r"(10|172|192)\.", text) or re.match(r"[^/]*:[0-9]+(/|$)", text) else "https"
            message = f"`{key}` is `{text}`, which has no scheme: LiteLLM's HTTP client rejects it."
            yield RuleViolation(path, message, f"Write `{scheme}://{text}`.")
        return
    if not text.lower().startswith(("http://", "https://")) or not host:
        yield RuleViolation(path, f"`{key}` is `{text}`, which is not the URL of an HTTP API.")
        return
    found = re.search(_ROUTES, text.partition("?")[0])
    if found is not None and provider not in _FULL_ADDRESSES:
        message = f"`{key}` is `{text}`, to which LiteLLM appends the route again."
        severity = None if provider in _APPENDS else Severity.WARNING
        yield RuleViolation(path, message, f"Write `{text[: found.start()]}`.", severity=severity)


def _is_local(host: str | None) -> bool:
    return host is not None and (host in _LOCAL or re.fullmatch(r"127(\.[0-9]+){3}", host) is not None)


def _host(text: str) -> str | None:
    """The host of an address, with or without a scheme; None for a text that is no address."""
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError:
        return None


def _blocks(config: Config) -> Iterator[tuple[str, Path, Mapping[str, Any]]]:
    """Each block that has a table of types: the table, the key of the block, and what is written in it."""
    litellm = config.litellm_config
    yield "sections", _ROOT, litellm.model_extra or {}
    sections = {
        "general_settings": litellm.general_settings.model_extra or {},
        "litellm_settings": litellm.litellm_settings.model_extra or {},
        "router_settings": litellm.router_settings.model_extra or {},
    }
    for name, block in sections.items():
        yield name, (*_ROOT, name), block
    for section, key, table in (
        ("litellm_settings", "cache_params", "cache_params"),
        ("router_settings", "default_litellm_params", "litellm_params"),
        ("router_settings", "retry_policy", "retry_policy"),
        ("router_settings", "allowed_fails_policy", "allowed_fails_policy"),
    ):
        inner = sections[section].get(key)
        if isinstance(inner, Mapping):
            yield table, (*_ROOT, section, key), inner
    policies = sections["router_settings"].get("model_group_retry_policy")
    for model, policy in (policies if isinstance(policies, Mapping) else {}).items():
        if isinstance(policy, Mapping):
            yield "retry_policy", (*_ROOT, "router_settings", "model_group_retry_policy", model), policy
    for index, entry in enumerate(litellm.model_list):
        at: Path = (*_ROOT, "model_list", index)
        yield "litellm_params", (*at, "litellm_params"), entry.litellm_params.model_extra or {}
        yield "request", (*at, "litellm_params"), entry.litellm_params.model_extra or {}
        if entry.model_info is not None:
            yield "model_info", (*at, "model_info"), entry.model_info.model_extra or {}
    guardrails = (litellm.model_extra or {}).get("guardrails")
    for index, item in enumerate(guardrails if guardrails and _is_list(guardrails) else ()):
        parameters = item.get("litellm_params") if isinstance(item, Mapping) else None
        if isinstance(parameters, Mapping):
            yield "guardrail_params", (*_ROOT, "guardrails", index, "litellm_params"), parameters


def _type_fault(key: str, value: Any, form: str) -> tuple[str, str | None] | None:
    """What LiteLLM wants instead, and the fix; None for a value that it takes."""
    wanted = f"must be {_WORDS[form]}"
    if form == "list":
        fix = f"Write a list: `[{value}]`." if isinstance(value, str | int) else "Write a list: `- ` before each entry."
        return None if _is_list(value) else (wanted, fix)
    if form == "mapping":
        return None if isinstance(value, Mapping) else (wanted, "Write a mapping of keys and values.")
    if isinstance(value, Mapping) or _is_list(value):
        return wanted, None
    if form == "text":
        return None
    if form == "boolean":
        return None if str(value).strip().lower() in _TRUE | _FALSE else (wanted, "Write true or false.")
    return _number_fault(key, value, form, wanted)


def _request_fault(key: str, value: Any, form: str | None) -> tuple[str, str | None] | None:
    """What is wrong with a parameter of requests, which LiteLLM passes to the provider as it is written."""
    if form not in {"boolean", "integer", "number"} or key in _LITELLMS_OWN:
        return None
    told = _type_fault(key, value, form)
    if told is not None:
        comma = re.fullmatch(r"([0-9]+),([0-9]+)", str(value).strip())
        return (told[0], f"Write {comma[1]}.{comma[2]}.") if comma and form == "number" else told
    if isinstance(value, str):
        return f"must be {_WORDS[form]}, not a string,", f"Write {value.strip()} without quotation marks."
    return None


def _number_fault(key: str, value: Any, form: str, wanted: str) -> tuple[str, str | None] | None:
    text = str(value).strip()
    try:
        number = None if isinstance(value, bool) else float(text)
    except ValueError:
        number = None
    if number is not None and (form == "number" or number.is_integer()):
        return None
    found = re.fullmatch(_DURATION, text.lower())
    if found is not None and not isinstance(value, bool):
        seconds = float(found["number"]) * _SECONDS[found["unit"].removesuffix("s") or "s"] if found["unit"] else 0
        if re.search(r"timeout|interval|ttl|time|seconds|after", key):
            return f"{wanted} of seconds", f"Write {seconds:g}."
    return wanted, "Write the number, without a unit."


def _budget_times(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Times of budgets and retention, wherever they are."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str | int | float) and re.fullmatch(_BUDGET_TIMES, str(key)):
                yield (*path, key), inner
            else:
                yield from _budget_times((*path, key), inner)
    elif _is_list(value):
        for index, inner in enumerate(value):
            yield from _budget_times((*path, index), inner)


def _time_fix(text: str) -> str:
    found = re.match(r"([0-9]+)\s*(mo|[smhdw])?", text)
    return f"Write `{found[1]}{found[2] or 'd'}`." if found else "Write a number with s, m, h, d, w or mo: `30d`."


def _is_negative(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and float(value) < 0
    except (TypeError, ValueError):
        return False


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
