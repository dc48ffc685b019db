"""Completeness of a model: every shard of the index is present and has the size that its header specifies.

The presence of an index or of one safetensors file is not enough. The same rules apply to a directory and a bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import adapter_problem, is_adapter
from lisa_weights.safetensors.dropped_names import FileNames, dropped_names, read_config
from lisa_weights.safetensors.header import Header, read_header
from lisa_weights.safetensors.shards import MAX_INDEX_BYTES, weight_map_of
from lisa_weights.serving_files import INDEX, SINGLE, modules_without_safetensors, serving_files
from lisa_weights.wrapped_names import wrapper_of

Open = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a model's file by its path, at the beginning."""

MAX_NAMES = 150_000
"""Tensors of a model at most; one of a trillion parameters has 140 000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The result of checking a model's files.

    Attributes:
        problems: why it cannot be served as it is, each a sentence without a full stop; empty when it is complete.
        weights: paths of the safetensors files that belong to it, the index's shards included, sorted.
        parameters: elements of all tensors of the files that could be read.
        dtypes: how many tensors have each dtype, by safetensors name.
        modules: folders of sentence-transformers modules that have no safetensors and need them.
        dropped: the problems that are names without a tensor, as an older converter left them; see dropped_names.
    """

    problems: tuple[str, ...]
    weights: tuple[str, ...]
    parameters: int
    dtypes: Mapping[str, int]
    modules: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

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
    problems: list[str] = []
    if is_adapter(sizes):
        problems.append(adapter_problem(None))
    elif not sizes.get("config.json"):
        problems.append("config.json is missing or empty")
    weight_map: Mapping[str, str] = {}
    if INDEX in sizes:
        try:
            weight_map = _weight_map(sizes[INDEX], open_file)
        except WeightsError as error:
            problems.append(f"{INDEX} cannot be used: {error}")
        root = set(weight_map.values())
    elif SINGLE in sizes:
        root = {SINGLE}
    else:
        root = set()
        problems += [] if is_adapter(sizes) else [f"there is neither {SINGLE} nor {INDEX}"]
    modules = {path for path in serving_files(sizes) if "/" in path and path.endswith(".safetensors")}
    weights = tuple(sorted(root | modules))
    wanted: dict[str, list[str]] = {}
    for tensor, shard in weight_map.items():
        wanted.setdefault(shard, []).append(tensor)
    lacking: list[str] = []
    parameters = 0
    dtypes: Counter[str] = Counter()
    names: dict[str, FileNames] = {}
    for path in weights:
        try:
            header = _header(path, sizes, open_file)
        except WeightsError as error:
            problems.append(f"{path} cannot be used: {error}")
            continue
        names[path] = FileNames.of(header)
        lacking += _lacking(path, wanted.get(path, ()), header)
        parameters += sum(tensor.count for tensor in header.tensors)
        dtypes.update(tensor.dtype.value for tensor in header.tensors)
        if sum(len(file.stored) for file in names.values()) > MAX_NAMES:
            problems.append(f"it has more than {MAX_NAMES} tensors, which no model has")
            break
    dropped = _dropped(names, sizes, open_file)
    without_weights = modules_without_safetensors(sizes)
    wrapper = wrapper_of({name for path, file in names.items() if "/" not in path for name in file.stored})
    problems += [wrapper] if wrapper is not None else []
    problems += [f"{folder} has no safetensors, which are required for serving" for folder in without_weights]
    return Completeness(
        problems=(*problems, *lacking, *_repeated(names), *dropped),
        weights=weights,
        parameters=parameters,
        dtypes=dict(sorted(dtypes.items())),
        modules=without_weights,
        dropped=dropped,
    )


def _weight_map(size: int, open_file: Open) -> Mapping[str, str]:
    if size > MAX_INDEX_BYTES:
        raise WeightsError("it is too large for an index")
    with open_file(INDEX) as stream:
        content = stream.read(MAX_INDEX_BYTES)
    try:
        found = weight_map_of(content)
    except WeightsError as error:
        raise WeightsError(f"it {error}") from error
    for shard in sorted(set(found.values())):
        if "/" in shard or "\\" in shard or not shard.endswith(".safetensors"):
            raise WeightsError(f"it refers to {shard!r}, which does not exist or is not a safetensors file")
    return found


def _header(path: str, sizes: Mapping[str, int], open_file: Open) -> Header:
    if path not in sizes:
        raise WeightsError("it is missing")
    if not sizes[path]:
        raise WeightsError("it is empty")
    with open_file(path) as stream:
        return read_header(stream, sizes[path])


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
