"""What a model is carried in: which kind it is, and where the model is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lisa_weights.carriers.directory_tree import DirectoryTree
from lisa_weights.carriers.hub_cache import Snapshot, find_snapshot, snapshot_of_path
from lisa_weights.carriers.oci_layout import LAYOUT_FILES, open_oci_layout
from lisa_weights.carriers.tar_tree import open_tar
from lisa_weights.carriers.tree import SubTree, Tree
from lisa_weights.errors import WeightsError
from lisa_weights.model_shapes import ADAPTER_CONFIG

_MAX_DEPTH = 8
_CONFIGURATIONS = frozenset({"config.json", ADAPTER_CONFIG, "modules.json", "params.json"})


class CarrierKind(StrEnum):
    """What a model is carried in."""

    DIRECTORY = "directory"
    HUB_CACHE = "Hugging Face cache"
    TAR = "tar archive"
    OCI_LAYOUT = "OCI layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
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


@contextmanager
def open_carrier(source: Path, free: int) -> Iterator[Carrier]:
    """Open what a model is carried in, and find the model in it.

    Args:
        source: a directory, a Hugging Face cache, a tar archive or an OCI layout.
        free: bytes that are free where the model is put.

    Raises:
        WeightsError: it does not exist, is none of these, or its form is refused.
    """
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


def _directory(source: Path) -> Carrier:
    snapshot = snapshot_of_path(source.as_posix())
    if snapshot is not None:
        tree = DirectoryTree(source.parents[1], snapshot.prefix)
        return _cached(tree, snapshot)
    tree = DirectoryTree(source)
    snapshot = find_snapshot(tree)
    if snapshot is None:
        return Carrier(tree=tree, kind=CarrierKind.DIRECTORY)
    named = Snapshot(snapshot.prefix, snapshot.model or _repository_name(source), snapshot.commit)
    return _cached(tree, named)


def _repository_name(directory: Path) -> str | None:
    name = directory.name
    return name.removeprefix("models--").replace("--", "/", 1) if name.startswith("models--") else None


def _cached(tree: Tree, snapshot: Snapshot) -> Carrier:
    return Carrier(
        tree=tree,
        kind=CarrierKind.HUB_CACHE,
        prefix=snapshot.prefix,
        model=snapshot.model,
        revision=snapshot.commit,
    )


def _inside(tree: Tree, kind: CarrierKind) -> Carrier:
    """An archive, whose model may be in a directory of its own or in an archived cache."""
    snapshot = find_snapshot(tree)
    if snapshot is not None:
        return _cached(tree, snapshot)
    return Carrier(tree=tree, kind=kind, prefix=_model_prefix(tree))


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
