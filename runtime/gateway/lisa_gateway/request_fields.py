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
        *("api_base", "api_key", "base_url", "custom_llm_provider", "default_headers", "extra_headers", "extra_query"),
        *("fallbacks", "headers", "mock_response", "model_list", "ssl_verify"),
        *("callbacks", "context_window_fallbacks", "content_policy_fallbacks", "custom_auth", "deployment_url"),
        *("guardrail_config", "mcp_servers", "mock_testing_content_policy_fallbacks", "mock_testing_context_fallbacks"),
        *("mock_testing_fallbacks", "mock_testing_rate_limit_error", "mock_tool_calls", "router_settings_override"),
        *("bootstrap_host", "bootstrap_port", "kv_transfer_params"),
        *("service_callback", "user_config", "use_ssl", "vector_store_ids"),
    }
)
"""What LiteLLM acts on whether or not it lists it among its parameters; and with which other servers a model server
exchanges the state of a request (vLLM's `kv_transfer_params`, SGLang's `bootstrap_…`)."""

_METADATA_NAMES = frozenset(
    {
        *("disable_global_guardrail", "disable_global_guardrails", "guardrails", "headers", "model_info"),
        *("opted_out_global_guardrails", "previous_models", "spend_logs_metadata", "user_api_key"),
    }
)
_MEDIA = (
    *("audio", "audio_url", "document", "document_url", "file", "file_url", "image", "image_url", "images"),
    *("input_audio", "mask", "source", "video", "video_url"),
)
_MEDIA_NAMES = frozenset(_MEDIA)
_LOCATIONS = ("data", "file_data", "file_id", "file_uri", "uri", "url")
_CONTENTS = ("content", "documents", "input", "messages", "output", "prompt", "query", "system")
"""Members of a body, or of a part of its content, that hold content."""

_WRITTEN_BY_MODELS = frozenset({"server_tool_use", "tool_use"})
"""Parts whose `input` is what a model wrote, not content."""

_MOST_LEVELS = 32
_SPACES = "".join(map(chr, range(0x21)))


def check_fields(body: Mapping[str, Any], known: Collection[str]) -> None:
    """Check the body of an inference request.

    Args:
        body: the body, as LiteLLM has parsed it; the fields of a form count as well.
        known: names of the parameters that LiteLLM acts on itself.

    Raises:
        UnsupportedParameterError: a field would change where a call goes, with which credentials, or what is
            logged; or the content names an address that the container or a model server would fetch.
    """
    _check_body(body, known)
    extra = body.get("extra_body")
    if isinstance(extra, Mapping):
        # LiteLLM and the clients of providers put it over the body.
        for name in ("extra_body", "model"):
            if name in extra:
                raise UnsupportedParameterError(f"Remove {name!r} from 'extra_body': set it in the body itself.")
        _check_body(extra, known, "extra_body.")
    elif extra is not None:
        # LiteLLM would parse text.
        raise UnsupportedParameterError("Send 'extra_body' as an object.")


def _check_body(body: Mapping[str, Any], known: Collection[str], place: str = "") -> None:
    for name, value in body.items():
        _check_name(str(name), known, place)
        if name == "metadata":
            # Its names are the caller's own: what counts is what LiteLLM and its integrations read there.
            _check_nested(value, _METADATA_NAMES, place + name)
    _check_tools(body.get("tools"))
    for location in _locations(body):
        _check_location(location)


def _check_name(name: str, known: Collection[str], place: str = "") -> None:
    # Most names are those of OpenAI's API.
    if name not in FORWARDED and _is_refused(name, known):
        raise UnsupportedParameterError(f"Remove the field {place + name!r}: callers must not set it.")


def _is_refused(name: str, known: Collection[str]) -> bool:
    # The fields of a form may be nested by name: `metadata[api_base]`.
    return any(
        part not in FORWARDED
        and (
            part in known
            or part in _REFUSED_NAMES
            or part.startswith(_REFUSED_PREFIXES)
            or part.endswith(_REFUSED_SUFFIXES)
        )
        for part in name.lower().replace("]", "").split("[")
    )


def _check_nested(value: Any, known: Collection[str], place: str, level: int = 0) -> None:
    if level == 0 and isinstance(value, str):
        # LiteLLM would parse it.
        raise UnsupportedParameterError(f"Send {place!r} as an object, not as a string.")
    if level > _MOST_LEVELS:
        raise UnsupportedParameterError(f"The field {place!r} is nested too deeply; flatten it.")
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
        raise UnsupportedParameterError("Send 'tools' as a list, not as a string.")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, Mapping):
            continue
        if "mcp" in str(tool.get("type", "")).lower() or not {"server_url", "connector_id"}.isdisjoint(tool):
            raise UnsupportedParameterError("Remove the MCP tool: the gateway does not connect to MCP servers.")


def _locations(content: Any, level: int = 0) -> Iterator[str]:
    """The addresses in a body, a message or a content part, or a list of such.

    The arguments of tool calls are what a model wrote, and are left alone.
    """
    if level > _MOST_LEVELS:
        raise UnsupportedParameterError("The content is nested too deeply; flatten it.")
    if isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping | list):
                yield from _locations(part, level + 1)
    elif isinstance(content, Mapping):
        kind = content.get("type")
        for name in _MEDIA if not _MEDIA_NAMES.isdisjoint(content) else ():
            # The source of a search result is a text that is cited.
            if name in content and not (name == "source" and kind == "search_result"):
                yield from _media_locations(content[name], level + 1)
        for name in _CONTENTS:
            if name in content and not (name == "input" and isinstance(kind, str) and kind in _WRITTEN_BY_MODELS):
                yield from _locations(content[name], level + 1)


def _media_locations(media: Any, level: int) -> Iterator[str]:
    if level > _MOST_LEVELS:
        raise UnsupportedParameterError("The content is nested too deeply; flatten it.")
    if isinstance(media, str):
        yield media
    elif isinstance(media, list):
        for element in media:
            yield from _media_locations(element, level + 1)
    elif isinstance(media, Mapping):
        # The `data` of a document in text is that text.
        is_text = media.get("type") == "text"
        for name in _LOCATIONS:
            if name in media and not (name == "data" and is_text):
                yield from _media_locations(media[name], level + 1)
        # A document may consist of content parts, and a file may be within an image. These are other members than
        # those above, so that none is visited twice, whose time would double with each level.
        yield from _locations(media, level + 1)


def _check_location(location: str) -> None:
    # An address has a scheme; base64 and names of files have no colon. Who fetches it may ignore spaces before it.
    if not location.lstrip(_SPACES)[:5].lower() == "data:" and ":" in location:
        raise UnsupportedParameterError(
            "Send the content as a data URL (`data:…;base64,…`): URLs are not requested for callers."
        )
