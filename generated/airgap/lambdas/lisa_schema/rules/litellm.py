"""Rules about the configuration of LiteLLM beyond its models."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from lisa_schema.diagnostics import Severity
from lisa_schema.document import Path
from lisa_schema.models import Config, LitellmConfig
from lisa_schema.rules.registry import Finding, rule

_SECTIONS: Final = (
    *LitellmConfig.model_fields,
    "callback_settings",
    "credential_list",
    "files_settings",
    "finetune_settings",
    "guardrails",
    "mcp_servers",
    "mcp_aliases",
    "mcp_tools",
    "search_tools",
    "vector_store_registry",
)
_EXPOSING: Final = (
    ("litellm_settings", "telemetry", "reports use to the makers of LiteLLM"),
    ("litellm_settings", "set_verbose", "writes prompts and keys to the log"),
    ("general_settings", "store_prompts_in_spend_logs", "keeps every prompt in the database"),
    ("general_settings", "allow_requests_on_db_unavailable", "lets calls through when keys cannot be checked"),
)


@rule("LISA380", "litellm-section-known", "Correct the name of the section.", Severity.WARNING)
def litellm_section_known(config: Config) -> Iterator[Finding]:
    """A section of litellmConfig that LISA does not know is not one that it knows, misspelt."""
    for key in config.litellm_config.model_extra or {}:
        folded = "".join(filter(str.isalnum, key)).casefold()
        known = {"".join(filter(str.isalnum, name)).casefold(): name for name in _SECTIONS}
        near = difflib.get_close_matches(folded, list(known), 1, cutoff=0.8)
        if key not in _SECTIONS and near:
            message = f"`{key}` passes through to LiteLLM, which does not know it; did you mean `{known[near[0]]}`?"
            yield Finding(("litellmConfig", key), message, f"Write `{known[near[0]]}`.")


@rule("LISA381", "litellm-exposes", "Set it to false, unless it is meant.", Severity.WARNING)
def litellm_exposes(config: Config) -> Iterator[Finding]:
    """No setting of LiteLLM hands out what people write to models."""
    settings = config.litellm_config.model_dump()
    for section, key, effect in _EXPOSING:
        if settings[section].get(key) is True:
            path: Path = ("litellmConfig", section, key)
            yield Finding(path, f"`{key}: true` {effect}.")
