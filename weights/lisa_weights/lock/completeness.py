"""Completeness of a model: every shard of the index is present and has the size that its header specifies.

The presence of an index or of one safetensors file is not enough. The same rules apply to a directory and a bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lisa_weights.adapters.settings import AdapterSettings, read_settings
from lisa_weights.adapters.tensors import find_modules
from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import is_adapter
from lisa_weights.safetensors.dropped_names import FileNames, dropped_names, read_config
from lisa_weights.safetensors.file_names import ADAPTER, INDEX, SINGLE
from lisa_weights.safetensors.header import Header, read_header
from lisa_weights.safetensors.tensors import TensorInfo
from lisa_weights.serving.closure import Closure, find_closure
from lisa_weights.serving.model_files import ModelFiles, Open, lfs_problem
from lisa_weights.shape.checkpoint import checkpoint_shape
from lisa_weights.shape.transformer import CheckpointShape
from lisa_weights.wrapped_names import wrapper_of

MAX_NAMES = 150_000
"""Tensors of a model at most; one of a trillion parameters has 140 000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The result of checking a model's files.

    Attributes:
        problems: why it cannot be served as it is, each a sentence without a full stop; empty when it is complete.
        closure: which files a server reads of it.
        parameters: elements of all tensors of the files that could be read.
        dtypes: how many tensors have each dtype, by safetensors name.
        refusals: the problems that only a person can solve, such as a config.json that is not JSON.
        dropped: the problems that are names without a tensor, as an older converter left them; see dropped_names.
        shape: what its files say about its memory; None when a file could not be read.
        adapter: the settings of a LoRA adapter; None for a model.
    """

    problems: tuple[str, ...]
    closure: Closure
    parameters: int
    dtypes: Mapping[str, int]
    refusals: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    shape: CheckpointShape | None = None
    adapter: AdapterSettings | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it can be served."""
        return not self.problems


def check_completeness(sizes: Mapping[str, int], open_file: Open) -> Completeness:
    """Check a model by its files' sizes, its index and its safetensors' headers.

    Args:
        sizes: bytes of every file by path.
        open_file: opens a file for reading from its beginning.
    """
    files = ModelFiles(sizes, open_file)
    closure = find_closure(files)
    if is_adapter(sizes):
        return _check_adapter(files, closure)
    refusals = [*_config_problems(files), *closure.problems]
    problems: list[str] = []
    if not files.sizes.get("config.json"):
        problems.append("config.json is missing or empty")
    if not sizes.keys() & {INDEX, SINGLE}:
        problems.append(f"there is neither {SINGLE} nor {INDEX}")
    wanted: dict[str, list[str]] = {}
    for tensor, shard in closure.weight_map.items():
        wanted.setdefault(shard, []).append(tensor)
    lacking: list[str] = []
    parameters = 0
    dtypes: Counter[str] = Counter()
    names: dict[str, FileNames] = {}
    tensors: list[TensorInfo] = []
    for path in closure.weights:
        try:
            header = _header(path, files)
        except WeightsError as error:
            problems.append(f"{path} cannot be used: {error}")
            continue
        names[path] = FileNames.of(header)
        lacking += _lacking(path, wanted.get(path, ()), header)
        tensors += header.tensors
        parameters += sum(tensor.count for tensor in header.tensors)
        dtypes.update(tensor.dtype.value for tensor in header.tensors)
        if sum(len(file.stored) for file in names.values()) > MAX_NAMES:
            problems.append(f"it has more than {MAX_NAMES} tensors, which no model has")
            break
    dropped = _dropped(names, sizes, open_file)
    wrapper = wrapper_of({name for path, file in names.items() if "/" not in path for name in file.stored})
    refusals += [wrapper] if wrapper is not None else []
    problems += [f"{folder} has no safetensors, which are required for serving" for folder in closure.unconverted]
    problems = [*refusals, *problems, *lacking, *_repeated(names), *dropped]
    return Completeness(
        problems=tuple(problems),
        closure=closure,
        parameters=parameters,
        dtypes=dict(sorted(dtypes.items())),
        refusals=tuple(refusals),
        dropped=dropped,
        shape=None if problems else _shape(files, tensors, closure),
    )


def _shape(files: ModelFiles, tensors: Iterable[TensorInfo], closure: Closure) -> CheckpointShape:
    return checkpoint_shape(files.json_object("config.json"), tensors, (files.sizes[path] for path in closure.weights))


def _check_adapter(files: ModelFiles, closure: Closure) -> Completeness:
    """Check an adapter by its settings and the header of its tensors."""
    settings = read_settings(files)
    refusals, problems = list(settings.problems), []
    header = Header((), {})
    if not closure.weights:
        problems.append(f"{ADAPTER} is missing")
    else:
        try:
            header = _header(ADAPTER, files)
            refusals += [] if refusals else find_modules(header.tensors, settings).problems
        except WeightsError as error:
            problems.append(f"{ADAPTER} cannot be used: {error}")
    return Completeness(
        problems=(*refusals, *problems),
        closure=closure,
        parameters=sum(tensor.count for tensor in header.tensors),
        dtypes=dict(sorted(Counter(tensor.dtype.value for tensor in header.tensors).items())),
        refusals=tuple(refusals),
        adapter=settings,
    )


def _config_problems(files: ModelFiles) -> list[str]:
    if not files.sizes.get("config.json"):
        return []
    if files.is_lfs_pointer("config.json"):
        return [lfs_problem("config.json")]
    try:
        content = files.json("config.json")
    except WeightsError as error:
        return [f"config.json {error}: download it again, or restore it"]
    return [] if isinstance(content, dict) else ["config.json is not a JSON object: download it again, or restore it"]


def _header(path: str, files: ModelFiles) -> Header:
    if path not in files.sizes:
        raise WeightsError("it is missing")
    if not files.sizes[path]:
        raise WeightsError("it is empty")
    if files.is_lfs_pointer(path):
        raise WeightsError("it is a Git LFS pointer, not the file; run `git lfs pull` in its clone and copy it again")
    with files.open_file(path) as stream:
        return read_header(stream, files.sizes[path])


def _lacking(shard: str, wanted: Iterable[str], header: Header) -> list[str]:
    """Tensors that a shard lacks according to the index, in at most one sentence."""
    missing = sorted(set(wanted) - {tensor.name for tensor in header.tensors})
    if not missing:
        return []
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return [f"{shard} does not have {missing[0]}{more}, which {INDEX} lists"]


def _by_folder(names: Mapping[str, FileNames]) -> Iterable[Mapping[str, FileNames]]:
    folders: dict[str, dict[str, FileNames]] = {}
    for path, file in names.items():
        folders.setdefault(path.rpartition("/")[0], {})[path] = file
    return folders.values()


def _repeated(names: Mapping[str, FileNames]) -> list[str]:
    """Names that two files of a directory store, so that a loader may use either; a sentence for each such file."""
    found = []
    for files in _by_folder(names):
        holder: dict[str, str] = {}
        for path, file in files.items():
            if repeated := next((name for name in file.stored if name in holder), None):
                found.append(f"{path} has {repeated}, which {holder[repeated]} has too")
            holder.update(dict.fromkeys(file.stored, path))
    return found


def _dropped(names: Mapping[str, FileNames], sizes: Mapping[str, int], open_file: Open) -> tuple[str, ...]:
    def config() -> Mapping[str, Any]:
        if not sizes.get("config.json"):
            return {}
        with open_file("config.json") as stream:
            return read_config(stream)

    return tuple(sentence for files in _by_folder(names) for sentence in dropped_names(files, config))
