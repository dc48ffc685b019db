"""Import a model into models/ from whatever it was carried in, atomically, without the network.

The carrier is opened and its files are chosen before anything is written; they are put into a temporary directory,
verified, and moved into place at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from lisa_weights import disk
from lisa_weights.carriers.directory_tree import DirectoryTree
from lisa_weights.carriers.hub_cache import Snapshot, find_snapshot, snapshot_of_path
from lisa_weights.carriers.oci_layout import LAYOUT_FILES, open_oci_layout
from lisa_weights.carriers.placement import LINKED_FROM, is_on_disk_of, place
from lisa_weights.carriers.tar_tree import open_tar
from lisa_weights.carriers.tree import SubTree, Tree
from lisa_weights.errors import WeightsError
from lisa_weights.lock.fingerprint import Stamp, stamp
from lisa_weights.lock.model_names import require_model_name
from lisa_weights.model_shapes import ADAPTER_CONFIG, ModelFiles, choose_files
from lisa_weights.origin import arrived_from, note_arrival
from lisa_weights.safetensors.dropped_names import read_config
from lisa_weights.steps import Step, no_progress
from lisa_weights.temporary_directory import temporary_directory

_MAX_DEPTH = 8
_CONFIGURATIONS = frozenset({"config.json", ADAPTER_CONFIG, "modules.json", "params.json"})
_REPLACED = ".lisa-replaced-"


class CarrierKind(StrEnum):
    """What a model is carried in."""

    DIRECTORY = "directory"
    HUB_CACHE = "Hugging Face cache"
    TAR = "tar archive"
    OCI_LAYOUT = "OCI layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A model that was imported.

    Attributes:
        model: `org/name`.
        path: its directory.
        carrier: what it was carried in.
        files: the files that were chosen, by the paths in the carrier, and the reasons for all others.
        sizes: bytes of each file by its path in the model's directory.
        verified: paths whose content matched the digest that the carrier states.
        revision: the commit on the Hub, where the carrier states it.
        quantization: the method, such as `gptq`; None where the weights are not quantized.
        base_model: of an adapter, where it names one.
    """

    model: str
    path: Path
    carrier: CarrierKind
    files: ModelFiles
    sizes: Mapping[str, int]
    verified: tuple[str, ...]
    revision: str | None
    quantization: str | None
    base_model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carrier:
    """An open carrier.

    Attributes:
        tree: its files.
        kind: what it is.
        prefix: what the paths of the model's files begin with.
        model: the name that it states.
        revision: the commit that it states.
    """

    tree: Tree
    kind: CarrierKind
    prefix: str = ""
    model: str | None = None
    revision: str | None = None


def import_model(
    source: Path,
    models: Path,
    model: str | None = None,
    *,
    replace: bool = False,
    step: Step = no_progress,
) -> Imported:
    """Import a model from a directory, a Hugging Face cache, a tar archive or an OCI layout.

    A model that is there from the same carrier is kept if neither has changed, so that an import that was interrupted
    before the model was locked can be run again.

    Args:
        source: the carrier.
        models: directory of the local models.
        model: `org/name`; None for the name that a cache states.
        replace: whether an existing directory of the model is replaced.
        step: shows the progress.

    Raises:
        WeightsError: the carrier or its form is refused, a digest differs, the model exists, its name is unknown, or
            the disk is full. models/ is then unchanged.
    """
    with _open(source, _free(models)) as carrier:
        name = model or carrier.model
        if name is None:
            raise WeightsError(f"The name of the model in {source} is unknown: pass `--as org/name`.")
        target = models / require_model_name(name)
        paths = [path for path in carrier.tree.entries if path.startswith(carrier.prefix)]
        files = choose_files([path.removeprefix(carrier.prefix) for path in paths])
        if carrier.kind is not CarrierKind.HUB_CACHE:
            files = files.leaving_out(carrier.tree.entries.keys() - set(paths), f"outside of {carrier.prefix}")
        sizes = {kept: carrier.tree.entries[carrier.prefix + path].size for path, kept in sorted(files.taken.items())}
        verified: tuple[str, ...] = ()
        with disk.explain_errors(target, "imported"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary_directory(target.parent, "importing into") as waiting:
                _recover(target)
                is_resumed = not replace and arrived_from(target, _stamps(carrier, files, source))
                if target.exists() and not (replace or is_resumed):
                    raise WeightsError(
                        f"{target} exists: pass `--replace` to replace it, or `--as org/name` for another name."
                    )
                if not is_resumed:
                    _require_space(carrier, files, target)
                    ready = waiting / target.name
                    ready.mkdir()
                    verified = _place_all(carrier, files, ready, f"importing {name}", step)
                    note_arrival(ready, carrier.revision, sizes, _stamps(carrier, files, source))
                    _move(ready, target)
                details = _read_details(target)
    return Imported(
        model=name,
        path=target,
        carrier=carrier.kind,
        files=files,
        sizes=sizes,
        verified=verified,
        revision=carrier.revision,
        quantization=details.quantization,
        base_model=details.base_model,
    )


@contextmanager
def _open(source: Path, free: int) -> Iterator[_Carrier]:
    if not source.exists():
        raise WeightsError(f"{source} does not exist. Pass a directory, a tar archive or an OCI layout.")
    if not (source.is_file() or source.is_dir()):
        raise WeightsError(f"{source} is a special file. Pass a directory, a tar archive or an OCI layout.")
    if source.is_file():
        with open_tar(source, free) as tree, ExitStack() as inner:
            layout = _layout(tree)
            if layout is None:
                yield _inside(tree, CarrierKind.TAR)
            else:
                yield _inside(inner.enter_context(open_oci_layout(layout, free)), CarrierKind.OCI_LAYOUT)
    elif all((source / name).is_file() for name in LAYOUT_FILES):
        with open_oci_layout(DirectoryTree(source), free) as layer_tree:
            yield _inside(layer_tree, CarrierKind.OCI_LAYOUT)
    else:
        yield _directory(source.resolve())


def _layout(tree: Tree) -> Tree | None:
    """The OCI layout in an archive, as `skopeo copy … oci-archive:` and `oras` write it; None where it has none."""
    found = [path.removesuffix("oci-layout") for path in tree.entries if path.rpartition("/")[2] == "oci-layout"]
    if len(found) > 1:
        raise WeightsError("The archive has several OCI layouts. Extract it with `tar -xf` and import one of them.")
    return SubTree(tree, found[0]) if found else None


def _directory(source: Path) -> _Carrier:
    snapshot = snapshot_of_path(source.as_posix())
    if snapshot is not None:
        tree = DirectoryTree(source.parents[1], snapshot.prefix)
        return _cached(tree, snapshot)
    tree = DirectoryTree(source)
    snapshot = find_snapshot(tree)
    if snapshot is None:
        return _Carrier(tree=tree, kind=CarrierKind.DIRECTORY)
    named = Snapshot(snapshot.prefix, snapshot.model or _repository_name(source), snapshot.commit)
    return _cached(tree, named)


def _repository_name(directory: Path) -> str | None:
    name = directory.name
    return name.removeprefix("models--").replace("--", "/", 1) if name.startswith("models--") else None


def _cached(tree: Tree, snapshot: Snapshot) -> _Carrier:
    return _Carrier(
        tree=tree,
        kind=CarrierKind.HUB_CACHE,
        prefix=snapshot.prefix,
        model=snapshot.model,
        revision=snapshot.commit,
    )


def _inside(tree: Tree, kind: CarrierKind) -> _Carrier:
    """An archive, whose model may be in a directory of its own or in an archived cache."""
    snapshot = find_snapshot(tree)
    if snapshot is not None:
        return _cached(tree, snapshot)
    return _Carrier(tree=tree, kind=kind, prefix=_model_prefix(tree))


def _model_prefix(tree: Tree) -> str:
    """The directory of the model in an archive: the only one with a configuration, beside which others may be."""
    configured = {path.rpartition("/")[0] for path in tree.entries if path.rpartition("/")[2] in _CONFIGURATIONS}
    outer = [
        one
        for one in configured
        if not any(one.startswith(f"{other}/" if other else "") for other in configured - {one})
    ]
    if len(outer) == 1:
        return f"{outer[0]}/" if outer[0] else ""
    prefix = ""
    for _ in range(_MAX_DEPTH):
        inner = {path.removeprefix(prefix).partition("/")[::2] for path in tree.entries}
        folders = {folder for folder, rest in inner if rest}
        if len(folders) != 1 or any(not rest for _, rest in inner):
            break
        prefix += f"{folders.pop()}/"
    return prefix


def _place_all(carrier: _Carrier, files: ModelFiles, ready: Path, title: str, step: Step) -> tuple[str, ...]:
    chosen = {carrier.prefix + path: target for path, target in files.taken.items()}
    total = sum(carrier.tree.entries[path].size for path in chosen)
    verified = []
    with step(title, total) as progress:
        for path in carrier.tree.entries:
            if (kept := chosen.get(path)) is None:
                continue
            target = ready / kept
            target.parent.mkdir(parents=True, exist_ok=True)
            is_cached = carrier.kind is CarrierKind.HUB_CACHE
            report = partial(progress, kept)
            if place(carrier.tree, path, target, report, blobs_are_digests=is_cached):
                verified.append(kept)
    return tuple(sorted(verified))


def _stamps(carrier: _Carrier, files: ModelFiles, source: Path) -> dict[str, Stamp]:
    """Stamps of the files that were chosen, in the carrier; of an archive, its own."""
    chosen = {carrier.tree.location(carrier.prefix + path) or source for path in files.taken}
    return {str(path.resolve()): stamp(path) for path in sorted(chosen)}


def _free(models: Path) -> int:
    existing = next(path for path in (models.absolute(), *models.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _require_space(carrier: _Carrier, files: ModelFiles, target: Path) -> None:
    needed = 0
    for path in files.taken:
        source, size = carrier.tree.location(carrier.prefix + path), carrier.tree.entries[carrier.prefix + path].size
        can_be_linked = source is not None and size >= LINKED_FROM and is_on_disk_of(source, target.parent)
        needed += 0 if can_be_linked else size
    disk.require_space(target.parent, needed, target.name, "import")


def _recover(target: Path) -> None:
    """Complete or undo the replacement of a directory that was interrupted."""
    replaced = target.parent / f"{_REPLACED}{target.name}"
    if not replaced.is_dir():
        return
    if target.exists():
        shutil.rmtree(replaced)
    else:
        replaced.rename(target)


def _move(ready: Path, target: Path) -> None:
    replaced = target.parent / f"{_REPLACED}{target.name}"
    if target.exists():
        target.rename(replaced)
    try:
        ready.rename(target)
    except OSError:
        if replaced.is_dir():
            replaced.rename(target)
        raise
    if replaced.is_dir():
        shutil.rmtree(replaced)


@dataclass(frozen=True, slots=True)
class _Details:
    quantization: str | None
    base_model: str | None


def _read_details(directory: Path) -> _Details:
    config = _document(directory / "config.json")
    stated = config.get("quantization_config")
    method = stated.get("quant_method") if isinstance(stated, dict) else None
    modelopt = _document(directory / "hf_quant_config.json").get("quantization")
    algorithm = modelopt.get("quant_algo") if isinstance(modelopt, dict) else None
    older = {"quantize_config.json": "gptq", "quant_config.json": "awq"}
    guessed = next((name for file, name in older.items() if (directory / file).is_file()), None)
    found = next((str(each).lower() for each in (algorithm, method, guessed) if each), None)
    base = _document(directory / ADAPTER_CONFIG).get("base_model_name_or_path")
    return _Details(found, base if isinstance(base, str) and base else None)


def _document(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    with path.open("rb") as stream:
        return read_config(stream)
