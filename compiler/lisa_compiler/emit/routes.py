"""The routes emitter: where the gateway sends requests for each model; `lisa_gateway.routing.document` reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lisa_compiler.plan.access import access_document
from lisa_compiler.plan.model_routes import plan_model_routes
from lisa_compiler.plan.outputs import ROUTES

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.model_routes import ModelRoute

PATH = ROUTES
_SCHEMA_VERSION = 1


def emit_routes(deployment: Deployment) -> dict[str, bytes]:
    """Render `gateway/routes.json`: an entry for each name that clients use, and what the groups of callers may use."""
    models = [_entry(route) for route in plan_model_routes(deployment)]
    content: dict[str, Any] = {"schemaVersion": _SCHEMA_VERSION, "models": models}
    if (access := access_document(deployment.config, deployment.content_audit)) is not None:
        content["access"] = access
    return {PATH: (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()}


def _entry(route: ModelRoute) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": route.name,
        "route": "direct" if route.is_direct else "litellm",
        "reason": route.reason,
        "type": route.model_type,
        "engine": route.engine,
        "address": route.address,
        "operations": list(route.operations),
        "serverName": route.server_name,
        "formerName": route.former_name,
        "closed": route.closed,
        "scaledService": route.scaled_service,
        "key": None if route.key is None else {"secret": route.key.secret, "variable": route.key.variable},
    }
    return {name: value for name, value in entry.items() if value}
