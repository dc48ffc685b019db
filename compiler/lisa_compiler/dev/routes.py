"""The compiled routes on this machine: direct ones lead to the servers that take the place of the hosted models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lisa_compiler.emit.routes import PATH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lisa_compiler.compile.pipeline import Compiled
    from lisa_compiler.dev.models import Endpoint

_VERSION_PATH = "/v1"
"""Path of OpenAI's API on the server of a hosted model."""


def write(folder: Path, compiled: Compiled, endpoints: Mapping[str, Endpoint]) -> Path:
    """Write the routes to a folder; returns the file, for the gateway's ROUTES_FILE."""
    path = folder / "routes.json"
    content = redirected(json.loads(compiled.files[PATH]), endpoints)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def key_secrets(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """The secrets that the gateway reads keys of servers from: values by name."""
    return {_secret(kind): endpoint.key for kind, endpoint in endpoints.items()}


def redirected(document: Mapping[str, Any], endpoints: Mapping[str, Endpoint]) -> dict[str, Any]:
    """The routes with other servers for the hosted models; models of others and access stay as they are.

    A server whose API is at another path than those of hosted models is called through LiteLLM.

    Args:
        document: the compiled routes.
        endpoints: the server for a type of models.
    """
    models = [_redirected(model, endpoints) if model["route"] == "direct" else model for model in document["models"]]
    return {**document, "models": models}


def _redirected(model: Mapping[str, Any], endpoints: Mapping[str, Endpoint]) -> dict[str, Any]:
    kind = model["type"]
    endpoint = endpoints[kind]
    address = urlsplit(endpoint.url)
    if address.path.rstrip("/") != _VERSION_PATH or "@" in address.netloc:
        names = ("name", "type", "engine", "operations")
        reason = f"the API of {endpoint.url} is not at {_VERSION_PATH}"
        return {"route": "litellm", "reason": reason, **{name: model[name] for name in names}}
    kept = {name: value for name, value in model.items() if name not in ("formerName", "serverName")}
    named = {} if endpoint.model is None else {"serverName": endpoint.model}
    return {
        **kept,
        **named,
        "address": f"{address.scheme}://{address.netloc}",
        "key": {"secret": _secret(kind)},
    }


def _secret(kind: str) -> str:
    return f"lisa-dev-{kind}-model-key"
