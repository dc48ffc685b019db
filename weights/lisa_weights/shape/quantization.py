"""Read how a checkpoint is quantized from `quantization_config` of config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lisa_weights.shape.transformer import Quantization


def read_quantization(config: Mapping[str, Any]) -> Quantization | None:
    """Read `quantization_config` (or `compression_config`, its older name); None when there is none."""
    content = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(content, dict):
        return None
    method = str(content.get("quant_method", "compressed-tensors" if "config_groups" in content else "unknown")).lower()
    if method in ("compressed-tensors", "modelopt"):
        return _groups(method, content)
    if method == "fp8":
        block = content.get("weight_block_size")
        return Quantization(
            method=method,
            weight_bits=8,
            activation_bits=8,
            is_float=True,
            block=(int(block[0]), int(block[1])) if isinstance(block, list) and len(block) == 2 else None,
        )
    if method == "mxfp4":
        return Quantization(method=method, weight_bits=4, activation_bits=16, is_float=True)
    bits = content.get("bits") or content.get("w_bit")
    return Quantization(method=method, weight_bits=bits if isinstance(bits, int) else None, activation_bits=16)


def _groups(method: str, content: Mapping[str, Any]) -> Quantization:
    """The widest of the groups: the one that takes most memory, and the one that is least demanding."""
    groups = content.get("config_groups")
    found = [group for group in groups.values() if isinstance(group, dict)] if isinstance(groups, dict) else []
    weights = [group["weights"] for group in found if isinstance(group.get("weights"), dict)]
    if not weights:
        algorithm = str(content.get("quant_algo", "")).upper()
        if algorithm == "FP8":
            return Quantization(method=method, weight_bits=8, activation_bits=8, is_float=True)
        if algorithm in ("NVFP4", "FP4"):
            return Quantization(method=method, weight_bits=4, activation_bits=4, is_float=True)
        return Quantization(method=method)
    widest = max(range(len(weights)), key=lambda index: int(weights[index].get("num_bits") or 0))
    activations = found[widest].get("input_activations")
    bits, activation_bits = weights[widest].get("num_bits"), (activations or {}).get("num_bits")
    kind = weights[widest].get("type")
    return Quantization(
        method=method,
        weight_bits=bits if isinstance(bits, int) else None,
        activation_bits=activation_bits if isinstance(activation_bits, int) else 16,
        is_float=None if kind is None else kind == "float",
    )
