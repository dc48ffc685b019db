"""The models that LiteLLM lists, by provider and by what they are for; for refresh_litellm.py."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "schema" / "lisa_schema" / "data" / "litellm_models.json"
_FAMILIES = {"bedrock_converse": "bedrock", "cohere_chat": "cohere"}
_REGION = re.compile(r"(?:.*/)?(?:bedrock/|[a-z]{2}(?:-[a-z]+)+-[0-9]/|[0-9]+-month-commitment/|\*/)+")
_GEOGRAPHY = re.compile(r"(?:apac|au|ca|eu|global|jp|us|us-gov)\.(?=[^.]+\.)")
_CHAT = "chat"


def models_table() -> str:
    """Return the table as text: a line for each provider and mode.

    Models for chat are listed for providers that have embedding models too, where one can be taken for the other.
    """
    import litellm

    found: dict[str, dict[str, set[str]]] = {}
    for name, entry in litellm.model_cost.items():
        mode, provider = entry.get("mode"), str(entry.get("litellm_provider") or "")
        provider = _FAMILIES.get(provider, provider.partition("-")[0])
        if not isinstance(mode, str) or not provider or name == "sample_spec" or "*" in name:
            continue
        plain = name.removeprefix(f"{provider}/")
        if provider == "bedrock":
            plain = _GEOGRAPHY.sub("", _REGION.sub("", name))
            if "/" in plain or "." not in plain:
                continue
        found.setdefault(provider, {}).setdefault(mode, set()).add(plain)
    lines = []
    for provider, modes in sorted(found.items()):
        if "embedding" not in modes:
            modes.pop(_CHAT, None)
        if modes:
            rows = {mode: sorted(names) for mode, names in sorted(modes.items())}
            lines.append(f"{json.dumps(provider)}: {json.dumps(rows, separators=(', ', ':'))}")
    head = f'{{\n"schemaVersion": 1,\n"litellm": {json.dumps(metadata.version("litellm"))},\n"models": {{\n'
    return head + ",\n".join(lines) + "\n}}\n"
