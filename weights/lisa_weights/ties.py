"""Tied tensors: names that are the same view of the same storage are written once.

As the safetensors library's save_model does, the name that sorts first stays and the metadata keep the others, each
with the name that it was tied to. Unlike there, names that see the same storage in different ways are all written, so
that nothing is lost: https://huggingface.co/docs/safetensors/torch_shared_tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lisa_weights.checkpoint import Checkpoint, Place
from lisa_weights.tensors import TensorInfo
from lisa_weights.torch_records import View


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor that will be written.

    Attributes:
        info: what the header will say of it.
        view: how it lies in its storage.
        place: where the storage lies.
    """

    info: TensorInfo
    view: View
    place: Place


def untie(checkpoint: Checkpoint) -> tuple[Sequence[Part], Mapping[str, str]]:
    """The tensors to write, in the checkpoint's order, and for each other name the one that it is tied to."""
    kept: dict[object, str] = {}
    for name, view in checkpoint.tensors.items():
        kept[_identity(name, view)] = min(name, kept.get(_identity(name, view), name))
    parts = []
    tied = {}
    for name, view in checkpoint.tensors.items():
        first = kept[_identity(name, view)]
        if first != name:
            tied[name] = first
        else:
            info = TensorInfo(name, view.dtype, view.shape, view.nbytes)
            parts.append(Part(info, view, checkpoint.places[view.storage.key]))
    return parts, tied


def _identity(name: str, view: View) -> object:
    return (view.storage.key, view.dtype, view.offset, view.shape, view.strides) if view.nbytes else name
