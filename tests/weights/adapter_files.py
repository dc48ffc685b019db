"""Small LoRA adapters and base models on the disk, as PEFT and transformers write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

BASE = "acme/base-model"
ADAPTER = "acme/support-lora"
HIDDEN = 8
ROWS = 16
"""Rows of the base's embedding."""

Shape = tuple[int, ...]


def tensors(shapes: Mapping[str, Shape]) -> bytes:
    """A safetensors file of F32 zeros with these shapes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(end)


def base(layers: int = 2, **shapes: Shape) -> dict[str, bytes]:
    """A base model whose layers have q_proj and v_proj."""
    names = [f"model.layers.{layer}.self_attn.{kind}_proj.weight" for layer in range(layers) for kind in "qv"]
    found: dict[str, Shape] = {"model.embed_tokens.weight": (ROWS, HIDDEN), **dict.fromkeys(names, (HIDDEN, HIDDEN))}
    return {"config.json": b"{}", "model.safetensors": tensors({**found, **shapes})}


def settings(**changes: Any) -> dict[str, Any]:
    """The content of adapter_config.json."""
    content = {
        "peft_type": "LORA",
        "base_model_name_or_path": BASE,
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
    }
    return {**content, **changes}


def factors(module: str, rank: int = 4, inputs: int = HIDDEN, outputs: int = HIDDEN) -> dict[str, Shape]:
    """The two tensors of a module."""
    name = f"base_model.model.{module}"
    return {f"{name}.lora_A.weight": (rank, inputs), f"{name}.lora_B.weight": (outputs, rank)}


def adapter(shapes: Mapping[str, Shape] | None = None, **changes: Any) -> dict[str, bytes]:
    """An adapter that fits `base()`, unless its tensors are given."""
    modules = [f"model.layers.{layer}.self_attn.{kind}_proj" for layer in range(2) for kind in "qv"]
    found = {name: shape for module in modules for name, shape in factors(module).items()}
    return {
        "adapter_config.json": json.dumps(settings(**changes)).encode(),
        "adapter_model.safetensors": tensors(found if shapes is None else shapes),
    }
