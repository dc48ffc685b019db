"""The Hugging Face Hub's cache: `models--org--name/snapshots/<commit>/` with links to `blobs/`.

A blob is named by the SHA-256 of its content, or by its git hash where it is no large file.

Source: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lisa_weights.carriers.tree import Entry, Tree, read_small
from lisa_weights.errors import WeightsError

_SNAPSHOT = re.compile(
    r"(?P<repository>(?:.*/)?models--(?P<name>[^/]+)/|(?:.*/)?)snapshots/(?P<commit>[0-9a-f]{40})/.+"
)
_MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a model in the cache.

    Attributes:
        prefix: what the paths of its files begin with.
        model: `org/name`; None where the directory `models--…` is not part of the paths.
        commit: of the model's repository.
    """

    prefix: str
    model: str | None
    commit: str


def find_snapshot(tree: Tree) -> Snapshot | None:
    """The snapshot that a carrier has; None where it is not a cache.

    Where a model has several snapshots, the one that `refs/main` names is used.

    Raises:
        WeightsError: it has several models, or several snapshots of which none is `main`.
    """
    found = _snapshots(tree.entries)
    repositories = {snapshot.prefix.rpartition("snapshots/")[0] for snapshot in found}
    if len(repositories) > 1:
        names = ", ".join(sorted(repositories)[:_MAX_NAMED])
        raise WeightsError(f"The cache has several models: {names}. Import the directory of one of them.")
    if len(found) < 2:
        return next(iter(found), None)
    reference = f"{repositories.pop()}refs/main"
    main = read_small(tree, reference).decode("ascii", "replace").strip() if reference in tree.entries else ""
    chosen = next((snapshot for snapshot in found if snapshot.commit == main), None)
    if chosen is None:
        names = ", ".join(sorted(snapshot.commit for snapshot in found)[:_MAX_NAMED])
        raise WeightsError(f"The cache has several commits of the model: {names}. Import the directory of one of them.")
    return chosen


def snapshot_of_path(path: str) -> Snapshot | None:
    """The snapshot whose directory a path on the disk is, such as `…/models--org--name/snapshots/<commit>`."""
    found = _SNAPSHOT.fullmatch(f"{path.rstrip('/')}/-")
    return None if found is None else Snapshot(f"snapshots/{found['commit']}/", _model(found["name"]), found["commit"])


def _snapshots(entries: Mapping[str, Entry]) -> set[Snapshot]:
    matches = (match for path in entries if (match := _SNAPSHOT.fullmatch(path)))
    return {
        Snapshot(f"{match['repository']}snapshots/{match['commit']}/", _model(match["name"]), match["commit"])
        for match in matches
    }


def _model(name: str | None) -> str | None:
    return None if name is None else name.replace("--", "/", 1)
