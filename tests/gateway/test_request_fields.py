"""Fields of a body: what a model may get, and what LiteLLM would act on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lisa_gateway.errors import UnsupportedParameterError
from lisa_gateway.request_fields import check_fields

KNOWN = frozenset({"api_version", "cooldown_time", "guardrails", "id", "max_retries", "messages", "timeout", "weight"})
URL = "http://169.254.170.2/credentials"


def part(**content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [content]}]}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "messages": [{"role": "user", "content": f"What is at {URL}?"}], "temperature": 1},
        {
            "repetition_penalty": 1.2,
            "top_k": 5,
            "guided_json": {"url": URL},
            "min_tokens": 3,
            "chat_template_kwargs": {},
        },
        {"metadata": {"order": "7", "id": "x", "link": URL, "nested": {"timeout": 1}}, "tags": ["a"]},
        {"extra_body": {"top_k": 4}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"server_url": {}}}}}]},
        part(type="image_url", image_url={"url": "data:image/png;base64,AAAA"}),
        part(type="tool_use", id="1", name="fetch", input={"url": URL}),
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": f'{{"url": "{URL}"}}'}}]}]},
        {"input": ["a text with http://example.com in it"]},
        {"file": object(), "model": "m", "timestamp_granularities[]": "word"},
        {"extra_body": {"guided_json": {"properties": {"id": {}, "weight": {}, "headers": {}}}}},
        {"extra_body": {"metadata": {"id": "x"}, "tools": [{"type": "function", "function": {"name": "f"}}]}},
        part(type="image_url", image_url={"url": " DATA:image/png;base64,AAAA"}),
        part(type="input_audio", input_audio={"data": "//uQxAAA", "format": "mp3"}),
        part(type="file", file={"filename": "a: b.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
        part(type="document", title=URL, source={"type": "text", "media_type": "text/plain", "data": f"See {URL}"}),
        part(type="document", source={"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}),
        part(type="search_result", source=URL, title="x", content=[{"type": "text", "text": URL}]),
        part(type="server_tool_use", id="1", name="fetch", input={"content": [{"image_url": URL}]}),
        {"prompt": [f"What is at {URL}?"], "input": URL, "query": URL, "documents": [URL, {"text": URL, "url": URL}]},
        {"prompt": {"id": "pmpt_1", "variables": {"url": URL}}},
    ],
)
def test_parameters_of_models_pass(body: dict[str, Any]) -> None:
    check_fields(body, KNOWN)


@pytest.mark.parametrize(
    "body",
    [
        {"api_base": URL},
        {"API_Base": URL},
        {"base_url": URL},
        {"api_key": "x"},
        {"custom_llm_provider": "bedrock"},
        {"aws_access_key_id": "x"},
        {"aws_anything_new": "x"},
        {"vertex_project": "x"},
        {"extra_headers": {"Authorization": "x"}},
        {"mock_response": "x"},
        {"user_config": {}},
        {"router_settings_override": {}},
        {"fallbacks": ["other"]},
        {"timeout": 0.001},
        {"max_retries": 1000},
        {"guardrails": []},
        {"litellm_metadata": {}},
        {"some_provider_api_base": URL},
        {"metadata": {"langfuse_host_endpoint": URL}},
        {"metadata": {"a": [{"aws_role_name": "x"}]}},
        {"metadata": {"disable_global_guardrails": True}},
        {"metadata": '{"api_base": "x"}'},
        {"metadata[api_base]": URL},
        {"extra_body": {"api_base": URL}},
        {"extra_body": {"id": "x"}},
        {"tools": [{"type": "mcp", "server_url": URL}]},
        {"tools": [{"type": "function", "server_url": URL}]},
        {"tools": '[{"type": "mcp"}]'},
        {"mcp_servers": [{"url": URL}]},
        part(type="image_url", image_url={"url": URL}),
        part(type="image_url", image_url=URL),
        part(type="input_image", image_url=URL),
        part(type="input_file", file_url=URL),
        part(type="image", source={"type": "url", "url": URL}),
        part(type="file", file={"file_id": "https://example.com/x.pdf"}),
        part(type="tool_result", content=[{"type": "image", "source": {"url": URL}}]),
        part(type="video_url", video_url={"url": "gs://bucket/x"}),
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
        {"input": [{"type": "input_image", "image_url": URL}]},
        {"image": URL},
        {"image": [URL]},
        {"images": [{"image_url": URL}]},
        {"extra_body": {"messages": part(type="image_url", image_url={"url": URL})["messages"]}},
        {"extra_body": {"input": [{"type": "input_image", "image_url": URL}]}},
        {"extra_body": {"tools": [{"type": "mcp", "server_url": URL}]}},
        {"extra_body": {"metadata": {"aws_role_name": "x"}}},
        {"extra_body": {"model": "a-dearer-one"}},
        {"extra_body": {"extra_body": {"api_base": URL}}},
        {"extra_body": [["model", "a-dearer-one"]]},
        {"extra_query": {"api-version": "x"}},
        {"kv_transfer_params": {"remote_host": "x"}},
        part(type="image_url", image_url={"url": " " * 100 + URL}),
        part(type="image_url", image_url={"url": "x" * 100 + URL}),
        part(type="image_url", image_url={"url": "file:/etc/passwd"}),
        part(type="image_url", image_url={"url": {"url": URL}}),
        part(type="image_url", image_url={"url": [URL]}),
        part(type="input_audio", input_audio={"data": URL}),
        part(type="video", video=URL),
        part(type="document", source={"type": "content", "content": [{"type": "image", "source": {"url": URL}}]}),
        {"messages": [{"role": "user", "content": {"type": "image_url", "image_url": {"url": URL}}}]},
        {"messages": [{"role": "user", "content": [[{"type": "image_url", "image_url": {"url": URL}}]]}]},
        {"messages": {"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}},
        {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": URL}}]},
        {"prompt": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}]},
        {"query": {"content": [{"type": "image_url", "image_url": {"url": URL}}]}},
        {"documents": [{"content": [{"type": "image_url", "image_url": {"url": URL}}]}]},
    ],
)
def test_what_litellm_would_act_on_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameterError):
        check_fields(body, KNOWN)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"api_base": URL}, "Remove the field 'api_base': callers must not set it."),
        ({"metadata": {"a": {"b": [{"aws_role_name": 1}]}}}, "Remove the field 'metadata.a.b.aws_role_name'"),
        ({"extra_body": {"api_base": URL}}, "Remove the field 'extra_body.api_base'"),
        ({"extra_body": {"metadata": {"headers": {}}}}, "Remove the field 'extra_body.metadata.headers'"),
        ({"metadata[a][API_Key]": "x"}, "Remove the field 'metadata[a][API_Key]'"),
        ({"extra_body": {"model": "m"}}, "Remove 'model' from 'extra_body'"),
        ({"extra_body": {"extra_body": {}}}, "Remove 'extra_body' from 'extra_body'"),
        ({"extra_body": "{}"}, "Send 'extra_body' as an object."),
        ({"metadata": "x"}, "Send 'metadata' as an object, not as a string."),
        ({"extra_body": {"metadata": "x"}}, "Send 'extra_body.metadata' as an object, not as a string."),
        ({"tools": "x"}, "Send 'tools' as a list, not as a string."),
        ({"tools": ["x", {"type": "MCP"}]}, "Remove the MCP tool"),
        ({"tools": [{"type": "function"}, {"type": "x", "connector_id": "c"}]}, "Remove the MCP tool"),
        ({"image": URL}, "Send the content as a data URL"),
        ({"image": "!data:image/png;base64,AAAA"}, "Send the content as a data URL"),
        ({"image": "datas:x"}, "Send the content as a data URL"),
    ],
)
def test_error_names_the_field_and_the_fix(body: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedParameterError) as caught:
        check_fields(body, KNOWN)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "body",
    [
        {"extra_body": None},
        {"tools": None},
        {"tools": ["x", {"type": "function"}]},
        {"tools": {"type": "mcp"}},
        {"metadata": None},
        {"metadata": {"a": "api_base", "b": ["x", 1]}},
        {"image": "\x00\x1f \tdata:image/png;base64,AAAA"},
        {"image": "data:"},
        {"image": "name-of-a-file.png"},
        {"input": 7, "messages": None},
        part(type="image_url", image_url=None),
    ],
)
def test_absent_and_harmless_values_pass(body: dict[str, Any]) -> None:
    check_fields(body, KNOWN)


@pytest.mark.parametrize("name", ["content", "documents", "input", "messages", "output", "prompt", "query", "system"])
@pytest.mark.parametrize("media", ["audio", "document_url", "file", "images", "mask", "source", "video_url"])
def test_addresses_are_found_in_every_place_of_content(name: str, media: str) -> None:
    with pytest.raises(UnsupportedParameterError, match="data URL"):
        check_fields({name: [{"type": "x", media: URL}]}, KNOWN)


@pytest.mark.parametrize("location", ["data", "file_data", "file_id", "file_uri", "uri", "url"])
def test_addresses_are_found_in_every_member_of_media(location: str) -> None:
    with pytest.raises(UnsupportedParameterError, match="data URL"):
        check_fields({"image": {"type": "x", location: URL}}, KNOWN)


def nested(levels: int, wrap: Callable[[Any], Any], value: Any) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


DEEPEST = [
    # Where the nesting begins, one level of it, what it holds, and how many levels are accepted.
    ("metadata", lambda inner: {"a": inner}, {}, 32),
    ("metadata", lambda inner: [inner], [], 32),
    ("input", lambda inner: [inner], [], 31),
    ("system", lambda inner: {"content": inner}, {}, 31),
    ("image", lambda inner: [inner], "data:,", 31),
    ("image", lambda inner: {"url": inner}, "data:,", 31),
    ("image", lambda inner: {"content": inner}, {}, 30),
]


@pytest.mark.parametrize(("name", "wrap", "value", "levels"), DEEPEST)
def test_nesting_is_limited(name: str, wrap: Callable[[Any], Any], value: Any, levels: int) -> None:
    check_fields({name: nested(levels, wrap, value)}, KNOWN)
    with pytest.raises(UnsupportedParameterError, match="nested too deeply"):
        check_fields({name: nested(levels + 1, wrap, value)}, KNOWN)


def test_nesting_counts_from_the_body() -> None:
    def message(levels: int) -> dict[str, Any]:
        return part(type="image", image=nested(levels, lambda inner: {"url": inner}, "data:,"))

    check_fields(message(27), KNOWN)
    with pytest.raises(UnsupportedParameterError, match="nested too deeply"):
        check_fields(message(28), KNOWN)


def test_nested_content_takes_linear_time() -> None:
    media: Any = "data:,"
    for _ in range(11):
        media = {"file_url": media}
    parts = [{"type": "file", "file_url": media}] * 1500
    began = time.process_time()
    check_fields({"messages": [{"role": "user", "content": parts}]}, KNOWN)
    assert time.process_time() - began < 1
