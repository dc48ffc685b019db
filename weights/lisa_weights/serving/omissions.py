"""Why a file of a model is not served."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lisa_weights.serving.weight_files import is_weights, kind_of

_BY_SUFFIX: Mapping[str, str] = {
    ".gguf": "GGUF, llama.cpp's format",
    ".h5": "TensorFlow's format",
    ".msgpack": "Flax's format",
    ".onnx": "ONNX",
    ".onnx_data": "ONNX",
    ".ot": "rust-bert's format",
    ".mlmodel": "Core ML",
    ".mlpackage": "Core ML",
    ".tflite": "TensorFlow Lite's format",
    ".nemo": "NeMo's format",
    ".pkl": "a pickle, which servers do not read",
    ".pickle": "a pickle, which servers do not read",
    ".ckpt": "a checkpoint of training",
    ".png": "an image",
    ".jpg": "an image",
    ".jpeg": "an image",
    ".gif": "an image",
    ".svg": "an image",
    ".pdf": "documentation",
    ".md": "documentation",
}
_BY_NAME: Mapping[re.Pattern[str], str] = {
    re.compile(r"(readme|licen[cs]e|notice|use_policy|acceptable_use).*", re.IGNORECASE): "documentation",
    re.compile(
        r"(trainer_state|.*_results)\.json|events\.out\.tfevents.*|training_args\..*|latest"
    ): "state of training",
    re.compile(r"requirements.*\.txt|zero_to_fp32\.py"): "for development",
    re.compile(r"tf_model\..*"): "TensorFlow's format",
    re.compile(r"flax_model.*"): "Flax's format",
    re.compile(r"adapter_config\.json"): "an adapter",
    re.compile(r".*\.index.*\.json"): "the index of other weights",
}


@dataclass(frozen=True, slots=True, order=True)
class OmittedFile:
    """A file that is in a model's directory and is not served.

    Attributes:
        path: relative to the model.
        reason: a clause, such as “documentation”.
    """

    path: str
    reason: str


def reason_for(path: str, *, rival_of: str | None = None, in_module: bool = False) -> str:
    """The reason why servers do not read a file that is outside the closure.

    Args:
        path: relative to the model.
        rival_of: the file that servers load, where this one could be the weights instead.
        in_module: whether it is in the folder of a module that modules.json names.
    """
    pure = PurePosixPath(path)
    if rival_of is not None:
        return f"other weights than {rival_of}, which servers load"
    if reason := _named(pure.name):
        return reason
    if len(pure.parts) > 1 and not in_module:
        return f"{pure.parts[0]} is a folder that neither modules.json nor code refers to"
    if pure.suffix == ".safetensors":
        return "weights that no index names"
    if is_weights(pure.name):
        return "weights that servers do not read"
    return "servers do not read files of this name"


def by_reason(omitted: Iterable[OmittedFile]) -> Mapping[str, tuple[str, ...]]:
    """Paths of omitted files under each reason, reasons and paths sorted."""
    found: dict[str, list[str]] = {}
    for file in sorted(omitted, key=lambda one: (one.reason, one.path)):
        found.setdefault(file.reason, []).append(file.path)
    return {reason: tuple(paths) for reason, paths in found.items()}


def _named(name: str) -> str | None:
    if is_weights(name) and (kind := kind_of(name)):
        return kind
    for pattern, reason in _BY_NAME.items():
        if pattern.fullmatch(name):
            return reason
    return _BY_SUFFIX.get(PurePosixPath(name).suffix.lower())
