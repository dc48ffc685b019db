"""The body of a request for a model's own server: read once, checked as LiteLLM's side checks it, and kept as it is."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import orjson

from lisa_gateway.direct.members import members, replaced, with_member
from lisa_gateway.errors import UnsupportedParameterError
from lisa_gateway.request_fields import check_fields

_JUDGED = frozenset({"input", "messages", "model", "prompt", "stream", "stream_options"})
"""Members that the gateway decides by: the server must find in them what the gateway has found."""

LITELLMS = frozenset({"allowed_openai_params", "drop_params", "extra_body", "merge_reasoning_content_in_choices"})
"""Members that LiteLLM acts on when it writes the request for the server: a body with one goes to LiteLLM."""

_INCLUDE_USAGE = b'{"include_usage":true}'


def read_object(body: bytes) -> dict[str, Any] | None:
    """The object that a body holds, None for anything else: what it is wrong with, LiteLLM's side says.

    orjson accepts less than the parsers of the servers, and what it accepts they read alike: no NaN, no byte order
    mark, no invalid UTF-8; of a name that comes twice it keeps the last value, as Python's parser does.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def read_leniently(body: bytes) -> dict[str, Any] | None:
    """The object that LiteLLM finds in a body that `read_object` rejects, such as one with NaN; None for others."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def check_body(body: bytes, content: dict[str, Any]) -> None:
    """Check a body for a model's own server.

    Raises:
        UnsupportedParameterError: a member comes twice or in another case, which servers could read differently; or
            `check_fields` refuses it.
    """
    for name in content:
        if name not in _JUDGED and (meant := name.strip().lower()) in _JUDGED:
            raise UnsupportedParameterError(f"Write the field {name!r} as {meant!r}.")
    _check_unique(body, content)
    check_fields(content, litellm_parameters())


def with_model(body: bytes, name: str) -> bytes:
    """The body with another model; nothing else of it changes."""
    for member in members(body):
        if member.name == "model":
            return replaced(body, member, orjson.dumps(name))
    raise UnsupportedParameterError("Set 'model' to a model listed by /models.")


def with_usage(body: bytes, content: dict[str, Any]) -> bytes | None:
    """The body of a stream with the request for token counts; None where the caller has asked for them, or streams not.

    Args:
        body: the body.
        content: what it holds.
    """
    if content.get("stream") is not True:
        return None
    options = content.get("stream_options")
    if options is None and "stream_options" not in content:
        return with_member(body, "stream_options", _INCLUDE_USAGE)
    if not isinstance(options, dict | None) or (options and options.get("include_usage") is True):
        return None
    for member in members(body):
        if member.name == "stream_options":
            # Some servers add counts to every event too, once the last one is asked for.
            kept = {name: value for name, value in (options or {}).items() if name != "continuous_usage_stats"}
            return replaced(body, member, orjson.dumps({**kept, "include_usage": True}))
    return None


@cache
def litellm_parameters() -> frozenset[str]:
    """The parameters that the pinned LiteLLM acts on, which its side refuses too; from tools/refresh_operations.py."""
    text = resources.files("lisa_gateway").joinpath("litellm_parameters.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _check_unique(body: bytes, content: dict[str, Any]) -> None:
    # A name can be written in other ways only with \u; without, it can come twice only if its text does.
    if b"\\u" not in body and all(body.count(b'"%b"' % name.encode()) == 1 for name in _JUDGED if name in content):
        return
    seen: set[str] = set()
    for member in members(body):
        if member.name in seen and member.name in _JUDGED:
            raise UnsupportedParameterError(f"Send the field {member.name!r} once.")
        seen.add(member.name)
