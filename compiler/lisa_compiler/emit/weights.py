"""The weights emitter: weights.json, what the weights of each hosted model are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment, ModelPlan
    from lisa_weights.lock.lock_file import WeightsLock

PATH = "weights.json"
SCHEMA_VERSION = 1


def emit_weights(deployment: Deployment, lock: WeightsLock) -> dict[str, bytes]:
    """Render `weights.json`; a model that is not in the lock is `unstaged` and has no files."""
    models = {model.config.model_name: model_weights(model, deployment, lock) for model in deployment.models}
    content = {"schemaVersion": SCHEMA_VERSION, "models": models}
    if adapters := {
        facts["model"]: facts for model in deployment.models for facts in adapter_weights(model, deployment, lock)
    }:
        content["adapters"] = adapters
    return {PATH: (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()}


def model_weights(model: ModelPlan, deployment: Deployment, lock: WeightsLock) -> dict[str, Any]:
    """What the weights of one model are, as `weights.json` and the model's build context say it."""
    return _weights(model.config.model_name, deployment, lock)


def adapter_weights(model: ModelPlan, deployment: Deployment, lock: WeightsLock) -> list[dict[str, Any]]:
    """What the weights of a model's adapters are, in their order."""
    found = []
    for adapter in model.adapters:
        locked = lock.models.get(adapter.weights)
        facts = _weights(adapter.weights, deployment, lock)
        if locked is not None and locked.adapter is not None:
            facts |= {"rank": locked.adapter.rank, "baseModel": locked.adapter.base_model}
        found.append(facts)
    return found


def _weights(name: str, deployment: Deployment, lock: WeightsLock) -> dict[str, Any]:
    locked = lock.models.get(name)
    prefix = locked.location(name) if locked is not None else name
    facts: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "model": name,
        "location": f"s3://{deployment.config.s3_bucket_models}/{prefix}",
        "prefix": prefix,
        "status": "unstaged",
        "files": [],
    }
    if deployment.config.weights.strict:
        facts["strict"] = True
    if locked is not None:
        facts |= {
            "status": "staged",
            "source": str(locked.kind),
            "revision": locked.revision,
            "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in locked.files],
            "totalBytes": locked.total_bytes,
            "parameters": locked.parameters,
            "dtypes": dict(sorted(locked.dtypes.items())),
        }
    return facts
