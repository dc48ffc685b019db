"""Routes of LiteLLM into AWS: what the `model` of an entry makes it call.

LiteLLM writes a route between the provider and the model, `bedrock/converse/<model>`, and sometimes a Region,
`bedrock/us-west-2/<model>`. tests/gateway/test_aws_routes.py compares this with the requests of the pinned LiteLLM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lisa_schema.litellm.names import names, provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping

BEDROCK: Final = "bedrock"
MANTLE: Final = "bedrock_mantle"
AWS_PROVIDERS: Final = (
    "aws_polly",
    "aws_textract",
    BEDROCK,
    MANTLE,
    "s3_vectors",
    "sagemaker",
    "sagemaker_chat",
    "sagemaker_nova",
    "transcribe",
)
"""Providers whose requests are signed with the credentials of AWS."""

NATIVE: Final = "model"
"""The route of a model without one: LiteLLM chooses the Converse or the InvokeModel API."""

_SPECIFICATIONS: Final = frozenset(
    {"deepseek_r1", "llama", "moonshot", "nova", "nova-2", "qwen2", "qwen3", "stability"}
)
"""What stands before an imported or custom model to tell its format; LiteLLM removes it."""

_COUNTS: Final = frozenset({NATIVE, "chat_completions", "converse", "invoke"})
_CONVERSES: Final = frozenset({"converse", "chat_completions", "nova", "nova-2"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsRoute:
    """What an entry calls in AWS.

    Attributes:
        provider: LiteLLM's provider: `bedrock`, `sagemaker_chat`.
        route: key of the table of permissions below the provider: `converse`, `agent`; `model` without a route.
        target: what is called: the ID or ARN of a model, of an agent with its alias, the name of an endpoint.
        region: Region of the path or of the ARN; None when neither names one.
        unknown: a part of the path that is no route, Region or format of LiteLLM; else empty.
        problem: why LiteLLM rejects or misdirects every request, a sentence, and the fix; else empty.
        counted: ID of the foundation model with which LiteLLM asks Amazon Bedrock to count tokens; else empty.
    """

    provider: str
    route: str
    target: str
    region: str | None = None
    unknown: str = ""
    problem: tuple[str, str] | tuple[()] = field(default=())
    counted: str = ""


def aws_route(parameters: Mapping[str, Any], model_type: str = "textgen", mode: str | None = None) -> AwsRoute | None:
    """Read what the `litellm_params` of an entry call in AWS; None for other providers.

    Args:
        parameters: its `litellm_params`, with references resolved where their value is known.
        model_type: `textgen` or `embedding`.
        mode: its `model_info.mode`, such as `chat` or `rerank`.
    """
    model = str(parameters.get("model", ""))
    given = parameters.get("custom_llm_provider")
    provider = str(given) if given else provider_of(model)
    if provider not in AWS_PROVIDERS:
        return None
    target = model.removeprefix(f"{provider}/")
    if provider == BEDROCK:
        return _bedrock(target, parameters, _mode(model_type, mode, target))
    if provider == MANTLE:
        first, slash, rest = target.partition("/")
        in_region = bool(slash) and first in names("bedrockRegions")
        return AwsRoute(
            provider=provider, route=NATIVE, target=rest if in_region else target, region=first if in_region else None
        )
    if provider.startswith("sagemaker") and "/" in target:
        return AwsRoute(provider=provider, route=NATIVE, target=target, unknown=target.partition("/")[0])
    return AwsRoute(provider=provider, route=NATIVE, target=target)


def _mode(model_type: str, mode: str | None, target: str) -> str:
    if mode == "rerank" or (mode is None and ".rerank" in target):
        return "rerank"
    return "embedding" if model_type == "embedding" and mode in (None, "embedding") else mode or "chat"


@dataclass(slots=True)
class _Path:
    """The parts of a model of Bedrock."""

    route: str = ""
    region: str = ""
    specification: str = ""
    unknown: str = ""
    model: str = ""


def _bedrock(target: str, parameters: Mapping[str, Any], mode: str) -> AwsRoute:
    path = _read_path(target)
    called = str(parameters.get("model_id") or "") or path.model
    return AwsRoute(
        provider=BEDROCK,
        route=path.route or ("rerank" if mode == "rerank" else NATIVE),
        target=called,
        region=path.region or _arn_region(called),
        unknown=path.unknown,
        problem=() if path.unknown else next(_problems(path, parameters, mode), ()),
        counted=_counted(path) if mode == "chat" else "",
    )


def _counted(path: _Path) -> str:
    """The foundation model that the CountTokens API is called with; profiles of a Region's group stand for theirs."""
    if path.specification or (path.route or NATIVE) not in _COUNTS:
        return ""
    kind = path.model.split(":", 5)[-1].partition("/")[0] if path.model.startswith("arn:") else "foundation-model"
    model = base_model(path.model)
    return model if kind in {"foundation-model", "inference-profile"} and "." in model else ""


def _read_path(target: str) -> _Path:
    before, arn, name = target.partition("arn:")
    segments = [part for part in before.split("/") if part]
    found = _Path()
    while len(segments) > (0 if arn else 1) and not found.unknown and found.route not in {"agent", "agentcore"}:
        part = segments.pop(0)
        if not found.route and part in names("bedrockRoutes"):
            found.route = part
        elif not found.region and part in names("bedrockRegions"):
            found.region = part
        elif not found.specification and part in _SPECIFICATIONS:
            found.specification = part
        elif part != found.route:
            found.unknown = part
    found.model = f"{arn}{name}" if arn else "/".join(segments)
    return found


def _problems(path: _Path, parameters: Mapping[str, Any], mode: str) -> Iterator[tuple[str, str]]:
    """Why LiteLLM cannot send a request of a known route."""
    route, model = path.route, path.model
    if route == "converse_like" and not parameters.get("api_base"):
        yield "The route `converse_like` requires `api_base`.", "Write bedrock/converse/<model>, or set api_base."
    if route == "claude_platform" and not any(key.endswith("workspace_id") for key in parameters):
        yield "The route `claude_platform` requires `workspace_id`.", "Set workspace_id in litellm_params."
    if route == "agent" and model.count("/") != 1:
        yield "The route `agent` requires an agent and an alias.", "Write bedrock/agent/<agent ID>/<alias ID>."
    if route == "agentcore" and not model.startswith("arn:"):
        yield "The route `agentcore` requires an ARN.", "Write bedrock/agentcore/<ARN of the runtime>."
    if path.region and (mode not in {"chat", "responses"} or not _converses(route or path.specification, model)):
        message = (
            f"LiteLLM does not read the Region in `{path.region}/{model}`, since it does not use the Converse API."
        )
        yield message, f"Remove `{path.region}/`, and set aws_region_name: {path.region}."
    elif mode == "chat" and route in {"", "invoke"} and not path.specification and not _has_format(route, model):
        yield f"LiteLLM cannot derive the format of `{model}` from its name.", "Write bedrock/converse/<model>."


def _converses(route: str, model: str) -> bool:
    """Whether LiteLLM calls the Converse API, or one with the same path."""
    if route:
        return route in _CONVERSES
    return (
        ":application-inference-profile/" in model
        or base_model(model) in names("bedrockConverseModels")
        or (base_model(model).startswith("openai."))
    )


def _has_format(route: str, model: str) -> bool:
    converses = not route and _converses(route, model)
    return converses or any(provider in model for provider in names("bedrockModelProviders"))


def base_model(model: str) -> str:
    """Return the ID of a foundation model from its ID, its ARN, or an inference profile's of its name."""
    plain = model.rpartition("/")[2] if model.startswith("arn:") else model
    geography, dot, rest = plain.partition(".")
    return rest if dot and "." in rest and geography in GEOGRAPHIES else plain


GEOGRAPHIES: Final = frozenset({"apac", "au", "ca", "eu", "global", "jp", "us", "us-gov"})
"""How the IDs of cross-Region inference profiles begin (Amazon Bedrock User Guide, "Supported Regions and models for
inference profiles")."""


def _arn_region(target: str) -> str | None:
    parts = target.split(":")
    return parts[3] if target.startswith("arn:") and len(parts) > 5 and parts[3] else None
