"""The tensors of a checkpoint that a conversion writes: every name, also where names share bytes.

A loader looks tensors up by name. Which name of a shared storage it looks up depends on the architecture, the loader
and its version, so that leaving any of them out can leave an embedding or a layer at random values without an error.
docs/decisions/0022-every-name.md has the reasons, and unloadable_heads the exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lisa_weights.checkpoint.torch_checkpoint import Checkpoint, Place
from lisa_weights.checkpoint.torch_records import View
from lisa_weights.safetensors.tensors import TensorInfo

CONVERTER_VERSION = 3
"""Raised when the bytes that a conversion writes change.

Version 1 wrote one of the names that shared a storage and recorded the others in the header's metadata, which loaders
do not read. Version 2 wrote output heads for which vLLM has no parameter (unloadable_heads).
"""


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """A tensor that will be written.

    Attributes:
        info: what the header records about it.
        view: its layout in its storage.
        place: where the storage lies.
    """

    info: TensorInfo
    view: View
    place: Place


def output_tensors(checkpoint: Checkpoint) -> Sequence[OutputTensor]:
    """List the tensors to write, one for each name, in the checkpoint's order."""
    return [
        OutputTensor(
            TensorInfo(name, view.dtype, view.stored_shape, view.nbytes), view, checkpoint.places[view.storage.key]
        )
        for name, view in checkpoint.tensors.items()
    ]
