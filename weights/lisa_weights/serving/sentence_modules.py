"""The modules of a sentence-transformers model: their folders, and which of them need weights.

modules.json lists the modules in their order, each with its type and its path; the path of the transformer is usually
the model's own directory. Where there is no modules.json, folders with the usual names (`1_Pooling`) count.

Source: sentence_transformers.base.model.BaseModel (`modules.json`), vLLM's try_get_dense_modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lisa_weights.errors import WeightsError
from lisa_weights.serving.model_files import ModelFiles

MODULES = "modules.json"
"""Lists the modules of a sentence-transformers model."""

_CONVENTIONAL = re.compile(r"\d+_(?P<kind>[A-Za-z]\w*)")
_WITHOUT_FILES = frozenset({"Normalize"})
_WITH_WEIGHTS = frozenset(
    {
        "CLIPModel", "CNN", "Dense", "LayerNorm", "LSTM", "MLMTransformer", "SparseAutoEncoder", "StaticEmbedding",
        "Transformer", "WeightedLayerPooling", "WordEmbeddings",
    }
)  # fmt: skip
"""Classes of modules that are nothing without weights."""

_CHECKPOINT = re.compile(r"(pytorch_)?model(-\d{5}-of-\d{5})?\.(bin|pt|pth)|pytorch_model\.bin\.index\.json")


@dataclass(frozen=True, slots=True)
class SentenceModules:
    """The folders of a model's modules.

    Attributes:
        folders: paths of the folders that exist, relative to the model, sorted.
        checkpoint: PyTorch checkpoints in them, at any depth, sorted.
        unconverted: folders that have a checkpoint or need weights, and have no safetensors, sorted.
        problems: what contradicts modules.json, sentences without a full stop.
    """

    folders: tuple[str, ...]
    checkpoint: tuple[str, ...]
    unconverted: tuple[str, ...]
    problems: tuple[str, ...]

    def contain(self, path: str) -> bool:
        """Whether a file is in one of the folders, at any depth."""
        return any(path.startswith(f"{folder}/") for folder in self.folders)


def find_modules(files: ModelFiles) -> SentenceModules:
    """Find the folders of a model's modules, by modules.json or else by their usual names."""
    problems: list[str] = []
    if MODULES in files.sizes:
        try:
            listed = _listed(files.json(MODULES))
        except WeightsError as error:
            listed = []
            problems.append(f"{MODULES} {error}: download it again")
    else:
        listed = _conventional(files.sizes)
    present = {}
    for path, kind in listed:
        if any(name.startswith(f"{path}/") for name in files.sizes):
            present[path] = kind
        elif kind not in _WITHOUT_FILES:
            problems.append(
                f"{MODULES} names the folder {path}, which does not exist: download it again, or remove its entry"
            )
    inside = [name for name in files.sizes if any(name.startswith(f"{path}/") for path in present)]
    checkpoint = sorted(name for name in inside if _CHECKPOINT.fullmatch(PurePosixPath(name).name))
    converted = {_folder(name) for name in inside if name.endswith(".safetensors")}
    unconverted = {_folder(name) for name in checkpoint} - converted
    for path, kind in present.items():
        below = {folder for folder in converted | unconverted if folder == path or folder.startswith(f"{path}/")}
        if kind in _WITH_WEIGHTS and not below:
            unconverted.add(path)
    return SentenceModules(tuple(sorted(present)), tuple(checkpoint), tuple(sorted(unconverted)), tuple(problems))


def _listed(content: Any) -> list[tuple[str, str]]:
    """Path and class name of each module that has a folder.

    Raises:
        WeightsError: a clause that says what is wrong with the list.
    """
    if not isinstance(content, list):
        raise WeightsError("is not a list of modules")
    found = []
    for entry in content:
        path, kind = (entry.get("path"), entry.get("type")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(kind, str):
            raise WeightsError("has an entry without `path` and `type`")
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
            raise WeightsError(f"names {path!r}, which is outside the model's directory")
        if pure.parts:
            found.append((pure.as_posix(), kind.rpartition(".")[2]))
    return found


def _conventional(paths: Iterable[str]) -> list[tuple[str, str]]:
    names = {path.partition("/")[0] for path in paths if "/" in path}
    matches = [(name, match["kind"]) for name in sorted(names) if (match := _CONVENTIONAL.fullmatch(name))]
    known = set(paths)
    # Without its configuration nothing says that a folder of this name is a module.
    return [(name, kind if f"{name}/config.json" in known else "") for name, kind in matches]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
