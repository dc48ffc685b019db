"""Credentials in LiteLLM's parameters: which are none, and which providers must not get those."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lisa_schema.litellm.names import provider_of

_BEARER: Final = frozenset({"bedrock", "bedrock_mantle"})
"""Providers to which LiteLLM sends an `api_key` instead of signing with the credentials of AWS."""

_PLACEHOLDER_WORDS: Final = (
    "anonymous|any|anything|api|apikey|bogus|change|changeme|cpp|default|dummy|empty|example|fake|false|here|ignore|ignored"
    "|invalid|key|keys|llama|llamacpp|lm|local|localhost|lmstudio|me|mock|my|na|need|needed|nil|no|noauth|nokey|none|noop"
    "|not|null|ollama|placeholder|provided|require|required|sample|set|sglang|stub|studio|tei|test|tgi|todo|token|true"
    "|unused|use|used|value|vllm|x+|yes|your"
)
# A text, since it takes milliseconds to compile and most configurations have none of its words, or one alone.
_PLACEHOLDER: Final = rf"(sk[-_])?({_PLACEHOLDER_WORDS})([-_ .]?({_PLACEHOLDER_WORDS}))*|n/a|\*+"
_COMMON: Final = frozenset(_PLACEHOLDER_WORDS.split("|")) - {"x+"}


def is_placeholder(text: str) -> bool:
    """Return whether a text is one of those that people write where a server takes any key, or none."""
    plain = text.strip().lower()
    if plain in _COMMON or plain.startswith(("os.environ/", "arn:")):
        return plain in _COMMON
    return re.fullmatch(_PLACEHOLDER, plain) is not None


def sends_no_key(parameters: Mapping[str, Any]) -> bool:
    """Return whether the `api_key` of an entry must be omitted: a placeholder, where LiteLLM would send it to AWS."""
    key = parameters.get("api_key")
    provider = parameters.get("custom_llm_provider") or provider_of(str(parameters.get("model", "")))
    return provider in _BEARER and isinstance(key, str) and is_placeholder(key)
