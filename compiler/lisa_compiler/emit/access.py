"""The access emitter: `gateway/access.json`, who may use which models and how much, for the gateway and for review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.plan.access import access_document

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

PATH = "gateway/access.json"


def emit_access(deployment: Deployment) -> dict[str, bytes]:
    """Render `gateway/access.json`; no file when all callers may use everything."""
    document = access_document(deployment.config)
    if document is None:
        return {}
    return {PATH: (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()}
