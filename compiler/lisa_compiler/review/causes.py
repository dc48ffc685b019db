"""Causes: the changed settings that each changed resource came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lisa_compiler.provenance.index import ATTRIBUTES, Index, Place, touches
from lisa_compiler.review.change import OutputChange
from lisa_compiler.review.differences import shown_path
from lisa_compiler.review.resources import ResourceChange


def with_settings(change: OutputChange, index: Index) -> OutputChange:
    """Name the changed settings behind each resource that exists afterwards.

    A resource that changes with another one has its settings there. A resource that no changed setting is part of has
    none: another version of LISA or an edit of the output changed it.

    Args:
        change: what changes.
        index: where the output after the change comes from.
    """
    changed = [shown_path(difference.path) for difference in change.settings]
    resources = tuple(replace(resource, settings=_settings(resource, changed, index)) for resource in change.resources)
    return replace(change, resources=resources)


def _settings(change: ResourceChange, changed: Sequence[str], index: Index) -> tuple[str, ...]:
    if change.after is None:
        return ()
    place = Place(*change.after.key)
    paths: Iterable[str] = ("",)
    if change.before is not None and change.differences:
        paths = (*(shown_path(difference.path) for difference in change.differences), ATTRIBUTES)
    elif change.before is not None:
        return ()
    keys = {index.shown(key) for path in paths for key in index.keys_of(replace(place, path=path))}
    return tuple(setting for setting in changed if any(touches(setting, key) for key in keys))
