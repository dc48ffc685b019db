"""Recognize by its files in which form a model is carried, and choose the files that are imported.

The rules look at names alone, so that a model that cannot be served is refused before anything is copied.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from lisa_weights.errors import WeightsError
from lisa_weights.safetensors.file_names import ADAPTER, INDEX, SINGLE

ADAPTER_CONFIG = "adapter_config.json"
"""The file by which PEFT's adapters are recognized."""


class ModelShape(StrEnum):
    """The form in which a model's weights are carried."""

    SAFETENSORS = "safetensors"
    SHARDED = "sharded safetensors"
    SENTENCE_TRANSFORMERS = "sentence-transformers"
    CHECKPOINT = "PyTorch checkpoint"
    ADAPTER = "LoRA adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """The files of a model to import.

    Attributes:
        shape: the form of its weights.
        variant: the variant that becomes the model's weights, such as `fp16`; None for plain names.
        taken: the path in the model's directory by the path in the carrier.
        left_out: the reason by the path in the carrier, for all other files.
    """

    shape: ModelShape
    variant: str | None
    taken: Mapping[str, str]
    left_out: Mapping[str, str]

    def leaving_out(self, paths: Iterable[str], reason: str) -> ModelFiles:
        """The same files, with others of the carrier that are left out."""
        return replace(self, left_out={**self.left_out, **dict.fromkeys(paths, reason)})


_META = re.compile(r"consolidated\.\d\d\.pth")
_MISTRAL = re.compile(r"consolidated(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_VARIANT = re.compile(
    r"(?P<stem>model|pytorch_model)(?P<index>\.(?:safetensors|bin)\.index)?\.(?P<variant>[A-Za-z]\w{0,31})"
    r"(?P<part>-\d{5}-of-\d{5})?\.(?P<suffix>safetensors|bin|json)"
)
_INDEXES = frozenset({INDEX, "pytorch_model.bin.index.json"})
_PYTORCH = re.compile(r"(pytorch_)?model(-\d{5}-of-\d{5})?\.(bin|pt|pth)|pytorch_model\.bin\.index\.json")
_SAFETENSORS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_ADAPTER_WEIGHTS = re.compile(r"adapter_model(-\d{5}-of-\d{5})?\.(safetensors|bin|pt)(\.index\.json)?")
_OTHER_FRAMEWORKS = {
    "llama.cpp": ("*.gguf", "*.ggml"),
    "ONNX": ("*.onnx", "*.onnx_data", "*.onnx.data", "onnx/*"),
    "OpenVINO": ("openvino/*", "openvino_model.*"),
    "TensorFlow": ("*.h5", "*.tflite", "*.pb", "saved_model/*", "tf_model*"),
    "Flax": ("*.msgpack", "flax_model*"),
    "Core ML": ("*.mlmodel", "*.mlpackage/*", "coreml/*"),
    "rust-bert": ("rust_model.ot", "*.ot"),
}
_LEFT_OUT = (
    (
        "state of training",
        (
            "optimizer*.*", "scheduler*.*", "rng_state*", "scaler.pt", "training_args.*", "trainer_state.json",
            "global_step*/*", "checkpoint-*/*", "runs/*", "events.out.tfevents*", "*_states.pt", "zero_to_fp32.py",
        ),
    ),
    ("media", ("*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.webp", "*.mp4", "*.pdf", "*.ipynb")),
    ("compiled Python", ("*.pyc", "__pycache__/*")),
)  # fmt: skip


def choose_files(paths: Collection[str]) -> ModelFiles:
    """Choose the files of a model.

    Args:
        paths: every file of the carrier, relative to the model's directory.

    Raises:
        WeightsError: it has no weights, or only weights in a form that cannot be served; the text has the fix.
    """
    left_out = {path: reason for path in paths if (reason := _unneeded(path)) is not None}
    known = [path for path in sorted(paths) if path not in left_out]
    root = {path for path in known if "/" not in path}
    if ADAPTER_CONFIG in root and not _has_model(root):
        return _adapter(known, left_out)
    variant = None if _has_model(root) else _only_variant(root)
    renamed = {path: target for path in root if variant and (target := _plain_name(path, variant))}
    names = {renamed.get(path, path) for path in root}
    if not _has_model(names):
        raise WeightsError(_no_weights(paths, root))
    is_safetensors = SINGLE in names or INDEX in names or any(_SAFETENSORS.fullmatch(name) for name in names)
    for path in known:
        if reason := _duplicate(path, renamed.get(path), set(known), is_safetensors=is_safetensors):
            left_out[path] = reason
    taken = {path: renamed.get(path, path) for path in known if path not in left_out}
    return ModelFiles(shape=_shape(names, is_safetensors), variant=variant, taken=taken, left_out=left_out)


def is_adapter(paths: Collection[str]) -> bool:
    """Whether a directory has an adapter and no model."""
    return ADAPTER_CONFIG in paths and not _has_model({path for path in paths if "/" not in path})


def _unneeded(path: str) -> str | None:
    pure = PurePosixPath(path)
    if any(part.startswith(".") for part in pure.parts):
        return "hidden"
    for framework, patterns in _OTHER_FRAMEWORKS.items():
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            return f"weights for {framework}"
    for reason, patterns in _LEFT_OUT:
        if any(fnmatchcase(path, pattern) or fnmatchcase(pure.name, pattern) for pattern in patterns):
            return reason
    return None


def _has_model(names: Collection[str]) -> bool:
    return INDEX in names or any(_SAFETENSORS.fullmatch(name) or _PYTORCH.fullmatch(name) for name in names)


def _adapter(known: Collection[str], left_out: Mapping[str, str]) -> ModelFiles:
    if not any(_ADAPTER_WEIGHTS.fullmatch(path) for path in known):
        raise WeightsError(f"The adapter has {ADAPTER_CONFIG} but no {ADAPTER}; add its weights.")
    return ModelFiles(
        shape=ModelShape.ADAPTER, variant=None, taken={path: path for path in known}, left_out=dict(left_out)
    )


def _only_variant(root: Collection[str]) -> str | None:
    matches = [match for name in root if (match := _VARIANT.fullmatch(name))]
    safetensors = {match["variant"] for match in matches if _is_safetensors(match)}
    variants = safetensors or {match["variant"] for match in matches if match["suffix"] == "bin"}
    if len(variants) > 1:
        names = ", ".join(sorted(variants))
        raise WeightsError(f"The model has several variants ({names}) and no plain weights; keep the files of one.")
    return next(iter(variants), None)


def _is_safetensors(match: re.Match[str]) -> bool:
    return match["suffix"] == "safetensors" or ".safetensors" in (match["index"] or "")


def _plain_name(name: str, variant: str) -> str | None:
    """The name without the variant; shards keep theirs, which their index has."""
    match = _VARIANT.fullmatch(name)
    if match is None or match["variant"] != variant or match["part"]:
        return None
    return f"{match['stem']}{match['index'] or ''}.{match['suffix']}"


def _duplicate(path: str, renamed: str | None, known: Collection[str], *, is_safetensors: bool) -> str | None:
    folder, _, name = path.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    has_safetensors = f"{prefix}{SINGLE}" in known if folder else is_safetensors
    if has_safetensors and _PYTORCH.fullmatch(renamed or name):
        return "the same weights are there as safetensors"
    if not folder and (_MISTRAL.fullmatch(name) or name == "consolidated.safetensors"):
        return "the same weights in Mistral's format"
    if _META.fullmatch(name) or path.startswith("original/"):
        return "the same weights in Meta's format"
    if _ADAPTER_WEIGHTS.fullmatch(path) or path == ADAPTER_CONFIG:
        return "an adapter, which a server would add to the model"
    match = _VARIANT.fullmatch(name)
    if match and renamed is None and not folder and (match["suffix"] != "json" or match["index"]):
        has_index = any(_plain_name(other, match["variant"]) in _INDEXES for other in known)
        if not (match["part"] and has_index and not {SINGLE, INDEX} & set(known)):
            return f"the variant {match['variant']} of the weights"
    return None


def _shape(names: Collection[str], is_safetensors: bool) -> ModelShape:
    if "modules.json" in names:
        return ModelShape.SENTENCE_TRANSFORMERS
    if not is_safetensors:
        return ModelShape.CHECKPOINT
    return ModelShape.SAFETENSORS if SINGLE in names and INDEX not in names else ModelShape.SHARDED


def _no_weights(paths: Collection[str], root: Collection[str]) -> str:
    if any(_META.fullmatch(name) for name in root):
        return (
            "The model is in Meta's format (consolidated.00.pth), whose tensors are split for so many GPUs. Convert it"
            " with transformers' convert_llama_weights_to_hf.py, or get the files of its repository for transformers."
        )
    if any(_MISTRAL.fullmatch(name) for name in root):
        return (
            "The model is only in Mistral's format (params.json, consolidated.safetensors). Get its config.json and"
            " model*.safetensors too, or convert it with transformers' convert_mistral_weights_to_hf.py."
        )
    for framework, patterns in _OTHER_FRAMEWORKS.items():
        if any(fnmatchcase(path, pattern) for path in paths for pattern in patterns):
            return f"The model only has weights for {framework}. Get it as safetensors or as a PyTorch checkpoint."
    return "There are no weights (model.safetensors, pytorch_model.bin, or their parts). Import a model's directory."
