"""Which fields of a body may reach a model: LiteLLM acts on many of them with the container's permissions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lisa_gateway.errors import UnsupportedParameterError

FORWARDED = frozenset(
    {
        *("allowed_openai_params", "audio", "cache", "drop_params", "frequency_penalty", "function_call", "functions"),
        *("include_server_side_tool_invocations", "litellm_session_id", "litellm_trace_id"),
        *("logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "merge_reasoning_content_in_choices"),
        *("messages", "metadata", "modalities", "model", "n", "parallel_tool_calls", "prediction", "presence_penalty"),
        *("prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier"),
        *("seed", "service_tier", "stop", "store", "stream", "stream_options", "tags", "temperature", "thinking"),
        *("tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
    }
)
"""LiteLLM's parameters that callers may set; its other parameters are refused.

A name that is not among LiteLLM's parameters is a parameter of the model and is passed on.
"""

_REFUSED_PREFIXES = (
    *("_", "aws_", "azure_", "gcs_", "litellm_", "oci_", "s3_", "sagemaker_", "vertex_", "watsonx_"),
    # Where, and as whom, a call is logged.
    *("arize_", "braintrust_", "dd_", "humanloop_", "langfuse_", "langsmith_", "lunary_", "newrelic_", "posthog_"),
    *("signoz_", "slack_", "wandb_", "weave_"),
)
_REFUSED_SUFFIXES = ("_api_base", "_api_key", "_base_url", "_credentials", "_endpoint", "_endpoint_url", "_secret_key")
_REFUSED_NAMES = frozenset(
    {
        *("api_base", "api_key", "base_url", "custom_llm_provider", "default_headers", "extra_headers", "fallbacks"),
        *("headers", "mock_response", "model_list", "ssl_verify"),
        *("callbacks", "context_window_fallbacks", "content_policy_fallbacks", "custom_auth", "deployment_url"),
        *("guardrail_config", "mcp_servers", "mock_testing_content_policy_fallbacks", "mock_testing_context_fallbacks"),
        *("mock_testing_fallbacks", "mock_testing_rate_limit_error", "mock_tool_calls", "router_settings_override"),
        *("service_callback", "user_config", "use_ssl", "vector_store_ids"),
    }
)
"""What LiteLLM acts on whether or not it lists it among its parameters."""

_METADATA_NAMES = frozenset(
    {
        *("disable_global_guardrail", "disable_global_guardrails", "guardrails", "headers", "model_info"),
        *("opted_out_global_guardrails", "previous_models", "spend_logs_metadata", "user_api_key"),
    }
)
_MEDIA = ("audio_url", "document", "document_url", "file", "file_url", "image", "image_url", "source", "video_url")
_LOCATIONS = ("file_data", "file_id", "file_uri", "file_url", "uri", "url")
_MOST_LEVELS = 8


def check_fields(body: Mapping[str, Any], known: Collection[str]) -> None:
    """Check the body of an inference request.

    Args:
        body: the body, as LiteLLM has parsed it; the fields of a form count as well.
        known: names of the parameters that LiteLLM acts on itself.

    Raises:
        UnsupportedParameterError: a field would change where a call goes, with which credentials, or what is
            logged; or the content names an address that the container or a model server would fetch.
    """
    for name, value in body.items():
        _check_name(name, known)
        if name == "extra_body":
            _check_nested(value, known, name)
        elif name == "metadata":
            # Its names are the caller's own: what counts is what LiteLLM and its integrations read there.
            _check_nested(value, _METADATA_NAMES, name)
    _check_tools(body.get("tools"))
    for name in ("input", "messages", "system"):
        for location in _locations(body.get(name)):
            _check_location(location)
    # The parameter of OpenAI's image routes; a form has the file itself there.
    for name in ("image", "image_url", "mask", "file", "document"):
        for location in _strings(body.get(name)):
            _check_location(location)


def _check_name(name: str, known: Collection[str], place: str = "") -> None:
    # The fields of a form may be nested by name: `metadata[api_base]`.
    for part in name.lower().replace("]", "").split("["):
        if part not in FORWARDED and (
            part in known
            or part in _REFUSED_NAMES
            or part.startswith(_REFUSED_PREFIXES)
            or part.endswith(_REFUSED_SUFFIXES)
        ):
            raise UnsupportedParameterError(f"Remove the field {place + name!r}: callers may not set it.")


def _check_nested(value: Any, known: Collection[str], place: str, level: int = 0) -> None:
    if level == 0 and isinstance(value, str):
        # LiteLLM would parse it.
        raise UnsupportedParameterError(f"Send {place!r} as an object, not as text.")
    if level > _MOST_LEVELS:
        raise UnsupportedParameterError(f"The field {place!r} is nested too deeply.")
    if isinstance(value, Mapping):
        for name, nested in value.items():
            _check_name(str(name), known, f"{place}.")
            if isinstance(nested, Mapping | list):
                _check_nested(nested, known, f"{place}.{name}", level + 1)
    elif isinstance(value, list):
        for nested in value:
            if isinstance(nested, Mapping | list):
                _check_nested(nested, known, place, level + 1)


def _check_tools(tools: Any) -> None:
    if isinstance(tools, str):
        raise UnsupportedParameterError("Send 'tools' as a list, not as text.")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, Mapping):
            continue
        if "mcp" in str(tool.get("type", "")).lower() or not {"server_url", "connector_id"}.isdisjoint(tool):
            raise UnsupportedParameterError("Remove the MCP tool: the gateway does not connect to MCP servers.")


def _locations(content: Any, level: int = 0) -> Iterator[str]:
    """The addresses in messages and content parts.

    The arguments of tool calls are text that a model wrote, and are left alone.
    """
    if level > _MOST_LEVELS:
        raise UnsupportedParameterError("The content is nested too deeply.")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping):
            for name in _MEDIA:
                if name in part:
                    yield from _strings(part[name])
            yield from _locations(part.get("content"), level + 1)
            # A tool's result in the Responses API.
            yield from _locations(part.get("output"), level + 1)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value:
            yield from _strings(element) if not isinstance(element, list) else ()
    elif isinstance(value, Mapping):
        for name in _LOCATIONS:
            if isinstance(value.get(name), str):
                yield value[name]


def _check_location(location: str) -> None:
    if "://" in location[:64] and not location[:5].lower() == "data:":
        raise UnsupportedParameterError(
            "Send the content as a data URL (`data:…;base64,…`): addresses are not fetched for callers."
        )
