"""The closure of a model: every file that a server reads, found by what the files name, and why each other one is not.

It begins with config.json and follows the index to its shards, modules.json to its folders, and code to the packages
that it imports. Tokenizers, processors, templates and generation settings are beside config.json by fixed names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import ADAPTER_CONFIG, is_adapter
from lisa_weights.safetensors.file_names import ADAPTER, INDEX, SINGLE
from lisa_weights.safetensors.shards import MAX_INDEX_BYTES, weight_map_of
from lisa_weights.serving.model_files import ModelFiles
from lisa_weights.serving.omissions import OmittedFile, reason_for
from lisa_weights.serving.remote_code import code_files
from lisa_weights.serving.sentence_modules import SentenceModules, find_modules
from lisa_weights.serving.tokenizer_files import VOCABULARIES, is_vocabulary
from lisa_weights.serving.weight_files import (
    are_one_set,
    could_be_weights,
    is_checkpoint,
    is_checkpoint_index,
    is_hidden,
    is_numbered,
)

_READ = ("*.json", "*.txt", "*.jinja", *VOCABULARIES)
"""Configuration, tokenizers, processors and templates."""

_NOT_READ = (
    "*.index.json",
    "*.index*.json",
    "adapter_config.json",
    "all_results.json",
    "*_results.json",
    "requirements*.txt",
    "trainer_state.json",
    "training_args.*",
    "tf_model.*",
    "flax_model.*",
    "license*",
    "notice*",
    "readme*",
    "use_policy*",
)
_TEMPLATES = "additional_chat_templates/"
_ADAPTER_CHECKPOINTS = ("adapter_model.bin", "adapter_model.pt")
_OF_THE_BASE = "servers read only the tensors and settings of an adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What a server reads of a model.

    Attributes:
        files: paths of the files that serving needs, those that are named but absent excluded, sorted.
        weights: paths of its safetensors, those that are named but absent included, sorted.
        weight_map: the file of each tensor by the index; empty without one.
        checkpoint: paths of the PyTorch checkpoint and of those of its modules, indexes included, sorted.
        unconverted: folders of modules that need safetensors and have none.
        rivals: files that could be the weights instead of those that were taken, sorted.
        omitted: every other file, with the reason.
        problems: why the model cannot be served as it is, each a sentence without a full stop.
    """

    files: tuple[str, ...]
    weights: tuple[str, ...]
    weight_map: Mapping[str, str]
    checkpoint: tuple[str, ...]
    unconverted: tuple[str, ...]
    rivals: tuple[str, ...]
    omitted: tuple[OmittedFile, ...]
    problems: tuple[str, ...]

    @property
    def root_weights(self) -> tuple[str, ...]:
        """The safetensors of the model itself, without those of its modules."""
        return tuple(path for path in self.weights if "/" not in path)


def find_closure(files: ModelFiles, *, trust_names: bool = False) -> Closure:
    """Find what a server reads of a model.

    Args:
        files: the model's; hidden files are ignored.
        trust_names: leave the index unread where the names of the shards show that they are one complete set.

    Raises:
        OSError: the system refuses to read a file.
        WeightsError: the store refuses to read a file.
    """
    sizes = {path: size for path, size in files.sizes.items() if not is_hidden(path)}
    if is_adapter(sizes):
        return _adapter_closure(sizes)
    files = ModelFiles(sizes, files.open_file)
    problems: list[str] = []
    weight_map: Mapping[str, str] = {}
    root = {path for path in sizes if "/" not in path}
    tensors = {path for path in root if path.endswith(".safetensors")}
    if INDEX in root and not (trust_names and are_one_set(tensors)):
        try:
            weight_map = _weight_map(files)
        except WeightsError as error:
            problems.append(f"{INDEX} cannot be used: {error}")
    named = set(weight_map.values())
    weights = named if INDEX in root and named else tensors if INDEX in root else {SINGLE} & root or set()
    modules = find_modules(files)
    in_modules = {path for path in sizes if modules.contain(path)}
    module_weights = _module_weights(in_modules)
    indexes = {f"{path.rpartition('/')[0]}/{INDEX}" for path in module_weights if not path.endswith(f"/{SINGLE}")}
    checkpoint = _checkpoint(files, root, problems)
    needed = {path for path in root if _is_read(path)} | {path for path in in_modules if _is_read(path)}
    needed |= {path for path in sizes if _is_template(path)} | _processor_files(sizes, in_modules) | code_files(files)
    needed |= (weights or tensors) & root | module_weights | {INDEX} & root | indexes & in_modules
    taken = weights or (checkpoint - {path for path in checkpoint if path.endswith(".json")})
    beside = root - checkpoint if weights else root - taken
    # Shards of another set are named by no index, so that no server reads them.
    beside = {name for name in beside if not is_numbered(name)}
    rivals = could_be_weights(sizes, taken, beside=beside) if taken else ()
    all_checkpoints = checkpoint | set(modules.checkpoint)
    left = sizes.keys() - needed - all_checkpoints
    return Closure(
        files=tuple(sorted(needed)),
        weights=tuple(sorted(weights | module_weights)),
        weight_map=weight_map,
        checkpoint=tuple(sorted(all_checkpoints)),
        unconverted=modules.unconverted,
        rivals=rivals,
        omitted=_omitted(left, modules, all_checkpoints, weights, {name: min(taken) for name in rivals}),
        problems=(*problems, *modules.problems),
    )


def _adapter_closure(sizes: Mapping[str, int]) -> Closure:
    """What vLLM reads of an adapter: its settings and its tensors; the tokenizer is the base model's."""
    files = tuple(sorted({ADAPTER_CONFIG, ADAPTER} & sizes.keys()))
    checkpoint = next(((name,) for name in _ADAPTER_CHECKPOINTS if name in sizes), ())
    is_converted = ADAPTER in sizes
    left = sizes.keys() - {*files, *(() if is_converted else checkpoint)}
    reasons = {path: "a PyTorch checkpoint, whose safetensors are served" for path in checkpoint if is_converted}
    return Closure(
        files=files,
        weights=(ADAPTER,) if is_converted else (),
        weight_map={},
        checkpoint=checkpoint,
        unconverted=(),
        rivals=(),
        omitted=tuple(OmittedFile(path, reasons.get(path, _OF_THE_BASE)) for path in sorted(left)),
        problems=(),
    )


def _weight_map(files: ModelFiles) -> Mapping[str, str]:
    if files.sizes[INDEX] > MAX_INDEX_BYTES:
        raise WeightsError("it is too large for an index")
    if files.is_lfs_pointer(INDEX):
        raise WeightsError("it is a Git LFS pointer, not the file; run `git lfs pull` and copy it again")
    try:
        found = weight_map_of(files.head(INDEX, MAX_INDEX_BYTES + 1))
    except WeightsError as error:
        raise WeightsError(f"it {error}") from error
    for shard in sorted(set(found.values())):
        if "/" in shard or "\\" in shard or not shard.endswith(".safetensors"):
            raise WeightsError(f"it refers to {shard!r}, which does not exist or is not a safetensors file")
    return found


def _module_weights(paths: set[str]) -> set[str]:
    """The safetensors in the folders of modules; where a folder has a model.safetensors, that one alone."""
    tensors = {path for path in paths if path.endswith(".safetensors")}
    alone = {path.rpartition("/")[0] for path in tensors if path.endswith(f"/{SINGLE}")}
    return {path for path in tensors if path.endswith(f"/{SINGLE}") or path.rpartition("/")[0] not in alone}


def _checkpoint(files: ModelFiles, root: set[str], problems: list[str]) -> set[str]:
    """The PyTorch checkpoint beside config.json: files of the usual names, and what its index names."""
    found = {name for name in root if is_checkpoint(name)}
    for index in sorted(name for name in root if is_checkpoint_index(name)):
        found.add(index)
        try:
            named = set(weight_map_of(files.head(index, MAX_INDEX_BYTES + 1)).values())
        except WeightsError:
            continue  # the conversion explains it
        missing = sorted(named - root)
        if missing and not root & {SINGLE, INDEX}:
            problems.append(f"{index} names {missing[0]}, which does not exist: download it again")
        found |= named & root
    return found


def _is_read(path: str) -> bool:
    name = PurePosixPath(path).name
    if any(fnmatchcase(name.lower(), pattern) for pattern in _NOT_READ):
        return False
    return any(fnmatchcase(name, pattern) for pattern in (*_READ, "*.py"))


def _is_template(path: str) -> bool:
    return path.startswith(_TEMPLATES) and path.endswith(".jinja") and path.count("/") == 1


def _processor_files(sizes: Mapping[str, int], in_modules: set[str]) -> set[str]:
    """Further tokenizers of a processor, each in a folder beside processor_config.json that holds nothing else."""
    if not sizes.keys() & {"processor_config.json", "preprocessor_config.json"}:
        return set()
    folders: dict[str, set[str]] = {}
    for path in sizes.keys() - in_modules:
        folders.setdefault(path.rpartition("/")[0], set()).add(path)
    return {
        path
        for folder, paths in folders.items()
        if folder and "/" not in folder and f"{folder}/tokenizer_config.json" in paths
        if f"{folder}/config.json" not in paths and f"{folder}/trainer_state.json" not in paths
        if any(is_vocabulary(PurePosixPath(path).name) for path in paths)
        for path in paths
        if _is_read(path)
    }


def _omitted(
    left: set[str], modules: SentenceModules, checkpoints: set[str], weights: set[str], rivals: Mapping[str, str]
) -> tuple[OmittedFile, ...]:
    converted = {
        path: "a PyTorch checkpoint, whose safetensors are served"
        for path in checkpoints
        if (weights if "/" not in path else path.rpartition("/")[0] not in modules.unconverted)
    }
    named = {path: reason_for(path, rival_of=rivals.get(path), in_module=modules.contain(path)) for path in left}
    return tuple(OmittedFile(path, reason) for path, reason in sorted({**named, **converted}.items()))
