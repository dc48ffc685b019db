"""adapter_config.json of a LoRA adapter, as PEFT writes it, and which adapters vLLM serves.

Source: vLLM's PEFTHelper.validate_legal and LoRAModel.from_local_checkpoint, PEFT's LoraConfig.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import ADAPTER_CONFIG
from lisa_weights.serving.model_files import ModelFiles, lfs_problem

MAX_RANK = 512
"""The highest rank that vLLM serves."""

_MERGE = "merge the adapter into its base model (peft's `merge_and_unload`) and import the result"
_PLAIN_INITIALIZATIONS = frozenset({"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
_HEADS = frozenset({"classifier", "score"})
_FEATURES = {
    "use_dora": "DoRA",
    "lora_bias": "LoRA bias",
    "alora_invocation_tokens": "Activated LoRA",
    "layer_replication": "layer_replication",
    "use_bdlora": "block-diagonal LoRA",
    "use_qalora": "QALoRA",
}
"""Keys whose values change what an adapter computes, and which vLLM does not implement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterSettings:
    """What adapter_config.json specifies.

    Attributes:
        rank: the highest rank of all modules; 0 where it is unknown.
        base_model: the base model's name or path, as it was trained; None where it is not stated.
        ranks: rank by pattern of module names, where it is not `default_rank`.
        default_rank: rank of all other modules.
        transposed: whether the base stores its weights as (inputs, outputs), as GPT-2 does.
        problems: why vLLM does not serve it, each a clause without a full stop.
    """

    rank: int
    base_model: str | None
    ranks: Mapping[str, int]
    default_rank: int
    transposed: bool
    problems: tuple[str, ...]


def read_settings(files: ModelFiles) -> AdapterSettings:
    """Read and judge the adapter_config.json of an adapter.

    Args:
        files: the adapter's.

    Raises:
        OSError: the system refuses to read the file.
    """
    if files.is_lfs_pointer(ADAPTER_CONFIG):
        return _unusable(lfs_problem(ADAPTER_CONFIG))
    try:
        content = files.json(ADAPTER_CONFIG)
    except WeightsError as error:
        return _unusable(f"{ADAPTER_CONFIG} {error}: download it again, or restore it")
    if not isinstance(content, dict):
        return _unusable(f"{ADAPTER_CONFIG} is not a JSON object: download it again, or restore it")
    base = content.get("base_model_name_or_path")
    rank, ranks = content.get("r"), content.get("rank_pattern") or {}
    default = rank if _is_rank(rank) and isinstance(ranks, dict) and all(map(_is_rank, ranks.values())) else 0
    ranks = ranks if default else {}
    problems = [f"{problem}: {_MERGE}" for problem in _unsupported(content)]
    if not default and content.get("peft_type", "LORA") == "LORA":
        problems.append(f"{ADAPTER_CONFIG} has no valid rank (`r`, `rank_pattern`): save the adapter again with PEFT")
    problems += [
        f"{ADAPTER_CONFIG} lacks `{key}`: save the adapter again with PEFT"
        for key in ("lora_alpha", "target_modules")
        if key not in content and content.get("peft_type", "LORA") == "LORA"
    ]
    return AdapterSettings(
        rank=max([default, *ranks.values()]),
        base_model=base if isinstance(base, str) and base else None,
        ranks=ranks,
        default_rank=default,
        transposed=bool(content.get("fan_in_fan_out")),
        problems=tuple(problems),
    )


def _unsupported(content: Mapping[str, Any]) -> Iterator[str]:
    """What vLLM rejects, or would ignore although it changes the answers."""
    kind = content.get("peft_type", "LORA")
    if kind != "LORA":
        yield f"it is a {kind} adapter, and vLLM serves LoRA adapters"
        return
    for key, feature in _FEATURES.items():
        if content.get(key):
            yield f"it uses {feature} (`{key}`), which vLLM does not serve"
    if content.get("bias", "none") != "none":
        yield f"it has trained biases (`bias: {content['bias']}`), which vLLM does not serve"
    start = content.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in _PLAIN_INITIALIZATIONS:
        yield f"it was trained on changed base weights (`init_lora_weights: {start}`), which vLLM does not serve"
    modules = content.get("modules_to_save") or []
    other = [str(module) for module in modules if module not in _HEADS] if isinstance(modules, list) else [str(modules)]
    if other:
        yield f"it replaces complete modules (`modules_to_save: {', '.join(other)}`), which vLLM does not serve"
    ranks = content.get("rank_pattern")
    highest = max(filter(_is_rank, [content.get("r"), *(ranks.values() if isinstance(ranks, dict) else ())]), default=0)
    if highest > MAX_RANK:
        yield f"its rank {highest} exceeds {MAX_RANK}, the highest that vLLM serves"


def _is_rank(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _unusable(problem: str) -> AdapterSettings:
    return AdapterSettings(rank=0, base_model=None, ranks={}, default_rank=0, transposed=False, problems=(problem,))
