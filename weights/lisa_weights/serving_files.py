"""Which files of a model serving needs: its safetensors, its configuration and its tokenizer.

What other frameworks would load (PyTorch, TensorFlow, Flax, ONNX, GGUF …), a second copy of the weights in other names
and what training left behind are no part of it, so that neither the disk nor the bucket holds weights twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

SINGLE = "model.safetensors"
"""The file of a model that is not sharded."""

INDEX = "model.safetensors.index.json"
"""Says which shard holds each tensor."""

_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_MODULE = re.compile(r"\d+_[A-Za-z]\w*")
_MODULE_WITH_WEIGHTS = re.compile(r"\d+_(CNN|Dense|LayerNorm|LSTM|WeightedLayerPooling|WordEmbeddings)")
_NEEDED = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "*.py", "*.spm")
_NOT_NEEDED = (
    "*.bin.index.json",
    "tf_model.*",
    "flax_model.*",
    "*.safetensors.index*.json",
    "trainer_state.json",
    "*_results.json",
    "training_args.*",
    "requirements*.txt",
)
_CHECKPOINT = re.compile(r"(pytorch_)?model(-\d{5}-of-\d{5})?\.(bin|pt|pth)|pytorch_model\.bin\.index\.json")


def serving_files(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that serving needs, sorted.

    Args:
        paths: every file of a model, relative to its directory, with forward slashes.

    Returns:
        Of the weights, the index and the shards that are named in the usual way (where none is, every safetensors
        file but `model.safetensors`); without an index `model.safetensors`; without either, every safetensors file.
        The files in a sentence-transformers module's own folder (`1_Pooling`) count too.
    """
    known = set(paths)
    return tuple(sorted(path for path in known if _is_needed(path, known)))


def checkpoint_files(paths: Iterable[str]) -> tuple[str, ...]:
    """The PyTorch checkpoint in the model's directory, index included, sorted; it needs a conversion."""
    return tuple(sorted(path for path in paths if _CHECKPOINT.fullmatch(path)))


def module_checkpoint_files(paths: Iterable[str]) -> tuple[str, ...]:
    """The PyTorch checkpoints in the folders of sentence-transformers modules (`2_Dense/pytorch_model.bin`), sorted."""
    found = (path for path in paths if _MODULE.fullmatch(path.partition("/")[0]))
    return tuple(sorted(path for path in found if _CHECKPOINT.fullmatch(path.partition("/")[2])))


def modules_without_safetensors(paths: Iterable[str]) -> tuple[str, ...]:
    """Folders of sentence-transformers modules that need weights, or have a checkpoint, without safetensors, sorted.

    A server that finds no weights for a `Dense` module leaves the module out and answers with other embeddings.
    """
    known = set(paths)
    folders = {path.partition("/")[0] for path in known if path.endswith("/config.json")}
    needing = {folder for folder in folders if _MODULE_WITH_WEIGHTS.fullmatch(folder)}
    needing |= {path.partition("/")[0] for path in module_checkpoint_files(known)}
    converted = {path.partition("/")[0] for path in known if path.endswith(".safetensors")}
    return tuple(sorted(needing - converted))


def _is_needed(path: str, known: set[str]) -> bool:
    pure = PurePosixPath(path)
    folder = pure.parts[:-1]
    if len(folder) > 1 or any(not _MODULE.fullmatch(part) for part in folder) or pure.name.startswith("."):
        return False
    if pure.suffix == ".safetensors":
        return bool(folder) or _is_needed_weight(pure.name, known)
    if path == INDEX:
        return True
    return any(fnmatchcase(pure.name, pattern) for pattern in _NEEDED) and not any(
        fnmatchcase(pure.name.lower(), pattern) for pattern in _NOT_NEEDED
    )


def _is_needed_weight(name: str, known: set[str]) -> bool:
    if INDEX in known:
        usual = any(_SHARD.fullmatch(path) for path in known)
        return _SHARD.fullmatch(name) is not None if usual else name != SINGLE
    if SINGLE in known:
        return name == SINGLE
    return True
