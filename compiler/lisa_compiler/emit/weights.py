"""The weights emitter: weights.json, what the weights of each hosted model are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment, ModelPlan

PATH = "weights.json"
SCHEMA_VERSION = 1


def emit_weights(deployment: Deployment) -> dict[str, bytes]:
    """Render `weights.json`; a model whose weights nobody has staged is `unstaged` and has no files."""
    models = {model.config.model_name: model_weights(model, deployment) for model in deployment.models}
    content = {"schemaVersion": SCHEMA_VERSION, "models": models}
    return {PATH: (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()}


def model_weights(model: ModelPlan, deployment: Deployment) -> dict[str, Any]:
    """What the weights of one model are, as `weights.json` and the model's build context say it."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "model": model.config.model_name,
        "location": f"s3://{deployment.config.s3_bucket_models}/{model.weights_prefix}",
        "status": "unstaged",
        "files": [],
    }
