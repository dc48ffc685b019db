"""Names of the safetensors that every loader looks for."""

from __future__ import annotations

SINGLE = "model.safetensors"
"""The file of a model that is not sharded."""

INDEX = "model.safetensors.index.json"
"""Says which shard holds each tensor."""

ADAPTER = "adapter_model.safetensors"
"""The tensors of a LoRA adapter."""
