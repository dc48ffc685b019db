"""Limits of a conversion: how many entries a checkpoint has, and how many bytes it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lisa_weights import disk
from lisa_weights.checkpoint.torch_checkpoint import Checkpoint
from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.layout import Layout
from lisa_weights.sources import Sources

MAX_TENSORS = 16_000
"""Tensors of a checkpoint at most, in all of its files; the largest models in PyTorch's format have some thousands."""

_MAX_EXPANSION = 100
_ALWAYS_ALLOWED = 64 << 20


def require_tensor_count(model_dir: Path, checkpoints: Sequence[Checkpoint]) -> None:
    """Check the number of a checkpoint's entries, in all files that were opened.

    Raises:
        WeightsError: they are more than MAX_TENSORS.
    """
    count = sum(max(len(each.tensors) + len(each.skipped), len(each.places)) for each in checkpoints)
    if count > MAX_TENSORS:
        raise WeightsError(
            f"{model_dir.name} has more than {MAX_TENSORS} tensors or other entries, which no model has in this format;"
            " save its state_dict() alone."
        )


def require_output_size(model_dir: Path, sources: Sources, layouts: Mapping[str, Layout]) -> None:
    """Check the bytes that a checkpoint becomes, against its own and against the disk.

    Raises:
        WeightsError: they are too many for weights, or do not fit the disk.
    """
    needed = sum(layout.size for layout in layouts.values())
    given = sum((model_dir / name).stat().st_size for name in sources.files)
    if needed > _ALWAYS_ALLOWED + _MAX_EXPANSION * given:
        raise WeightsError(
            f"The checkpoint in {model_dir.name} has {given} bytes and would become {needed}, too much for weights;"
            " download it again."
        )
    disk.require_space(model_dir, needed)
