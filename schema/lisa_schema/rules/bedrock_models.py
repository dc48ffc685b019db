"""Rules about the models of Amazon Bedrock: IDs that exist, and inference profiles that the Region can use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.litellm.entries import call_parameters
from lisa_schema.litellm.models import bedrock_models
from lisa_schema.litellm.names import nearest, version
from lisa_schema.litellm.requirements import called_region
from lisa_schema.litellm.routes import BEDROCK, GEOGRAPHIES, AwsRoute, aws_route, base_model
from lisa_schema.models import Config
from lisa_schema.regions import region as find_region
from lisa_schema.rules.registry import RuleViolation, rule

_CALLED_BY_ID: Final = frozenset(
    {"model", "converse", "invoke", "chat_completions", "openai", "rerank", "async_invoke"}
)
"""Routes whose last part is the ID of a foundation model or of an inference profile."""

_SOURCES: Final = {
    "apac": re.compile(r"ap-"),
    "au": re.compile(r"ap-southeast-(2|4|6)$"),
    "ca": re.compile(r"ca-"),
    "eu": re.compile(r"eu-"),
    "jp": re.compile(r"ap-northeast-(1|3)$"),
    "us": re.compile(r"us-(east|west)-"),
    "us-gov": re.compile(r"us-gov-"),
}
"""Regions from which the inference profiles of a geography can be called (Amazon Bedrock User Guide, "Supported Regions
and models for inference profiles")."""

_NEIGHBORS: Final = re.compile(r"(af|ca|il|me|mx|sa)-")
"""Regions outside of the geographies, from which single profiles of a geography can be called."""

_PROFILE_ONLY: Final = re.compile(
    r"anthropic\.claude-(3-7-|(opus|sonnet|haiku|fable|mythos)-[4-9])|meta\.llama4-|deepseek\.r1-|amazon\.nova-premier-"
    r"|mistral\.pixtral-large-|writer\.palmyra-x[45]-"
)
"""Foundation models that AWS offers through inference profiles only (the same page, and "Supported foundation
models")."""


@rule("LISA544", "bedrock-profile-region", "Use a profile of the called Region's geography, or set aws_region_name.")
def bedrock_profile_region(config: Config) -> Iterator[RuleViolation]:
    """A cross-Region inference profile must be called from a Region of its geography."""
    for at, route, called in _models(config):
        geography = _geography(route.target)
        if not geography:
            continue
        home = find_region(called)
        partition = home.partition.id if home else "aws"
        also: tuple[Path, ...] = (("region",),)
        if geography == "global":
            if partition == "aws":
                continue
            message = f"The profile `{route.target}` is of the partition aws, but LiteLLM calls {called}."
            yield RuleViolation(at, message, _profile_fix(route.target, called), also)
        elif not _SOURCES[geography].match(called) or (geography == "us" and partition != "aws"):
            if geography not in {"us-gov", "jp", "au", "ca"} and _NEIGHBORS.match(called):
                message = f"It is not known whether the profile `{route.target}` can be called from {called}."
                fix = "Check it in the Amazon Bedrock User Guide, or use a `global.` profile."
                yield RuleViolation(at, message, fix, also, Severity.WARNING)
            else:
                message = (
                    f"The profile `{route.target}` can be called from Regions of `{geography}` only, but LiteLLM calls "
                    f"{called}."
                )
                yield RuleViolation(at, message, _profile_fix(route.target, called), also)


@rule("LISA545", "bedrock-model-known", "Check the ID in the Amazon Bedrock console.", Severity.WARNING)
def bedrock_model_known(config: Config) -> Iterator[RuleViolation]:
    """A model of Amazon Bedrock should be one that is known, and be called as AWS offers it."""
    known = bedrock_models()
    for at, route, called in _models(config):
        model = base_model(route.target)
        if model not in known:
            near = nearest(model, known, 0.93)
            hint = f" Did you mean `{near}`?" if near else ""
            message = (
                f"It is not known whether Amazon Bedrock has `{model}`: LiteLLM {version()} does not list it.{hint}"
            )
            yield RuleViolation(at, message, f"Write `{near}`, or check the ID." if near else None)
        elif model == route.target and _PROFILE_ONLY.match(model):
            message = f"Amazon Bedrock offers `{model}` through inference profiles only, not on demand."
            yield RuleViolation(at, message, _profile_fix(route.target, called))


def _models(config: Config) -> Iterator[tuple[Path, AwsRoute, str]]:
    """Entries that call a model of Amazon Bedrock by its ID, with the Region that is called."""
    for index, entry in enumerate(config.litellm_config.model_list):
        parameters = call_parameters(entry, config)
        mode = entry.model_info.mode if entry.model_info else None
        route = aws_route(parameters, str(entry.lisa_params.model_type), mode)
        if route is None or route.provider != BEDROCK or route.route not in _CALLED_BY_ID or route.unknown:
            continue
        if parameters.get("api_base") or parameters.get("aws_bedrock_runtime_endpoint") or "*" in route.target:
            continue
        if route.target.startswith("arn:") or "/" in route.target or "." not in route.target:
            continue
        key = "model_id" if parameters.get("model_id") else "model"
        called = called_region(entry, config, route)
        if called is not None:
            yield ("litellmConfig", "model_list", index, "litellm_params", key), route, called


def _geography(model: str) -> str:
    geography, dot, rest = model.partition(".")
    return geography if dot and "." in rest and geography in GEOGRAPHIES else ""


def _profile_fix(model: str, called: str) -> str | None:
    home = find_region(called)
    if home is not None and home.partition.id not in {"aws", "aws-us-gov"}:
        return None
    geography = next((name for name in ("us-gov", "us", "eu", "ca", "apac") if _SOURCES[name].match(called)), "global")
    if geography == "ca":
        geography = "global"
    return f"Write `{geography}.{base_model(model)}`, if AWS offers it in {called}."
