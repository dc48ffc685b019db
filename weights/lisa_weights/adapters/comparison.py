"""Compare an adapter with the base models that the configuration lists it under, where both are on the disk.

The lock records the base models that an adapter fits, by their content, for a later compile without the files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lisa_weights.adapters.fit import base_shapes, misfits
from lisa_weights.adapters.tensors import find_modules
from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.model_directory import LocalState, ModelDirectory, differences, model_path, read_directory
from lisa_weights.safetensors.file_names import ADAPTER
from lisa_weights.safetensors.layout import read_file


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseComparison:
    """The result of comparing an adapter with its base models.

    Attributes:
        entry: the adapter's, which records the base models that it fits.
        misfits: why it does not fit one, each a clause without a full stop.
        unknown: names of base models that it could not be compared with.
    """

    entry: LockedModel
    misfits: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def compare_with_bases(
    adapter: ModelDirectory, entry: LockedModel, bases: Iterable[str], models: Path, lock: WeightsLock
) -> BaseComparison:
    """Compare an adapter with each base model that is locked and that it was not compared with before.

    Args:
        adapter: its directory; it may be absent.
        entry: its entry in the lock file.
        bases: names of the base models.
        models: directory of the local models.
        lock: the entries of the base models.

    Raises:
        WeightsError: a file cannot be read.
    """
    found: list[str] = []
    unknown: list[str] = []
    for base in bases:
        locked = lock.models.get(base)
        known = entry.adapter
        if known is None or locked is None or locked.adapter is not None or locked.location(base) in known.fits:
            continue
        directory = read_directory(model_path(models, base))
        if not _are_readable(adapter, directory, locked):
            unknown.append(base)
        elif problems := _misfits(adapter, directory):
            found += [f"it does not fit {base}: {problem}" for problem in problems]
        else:
            entry = entry.with_adapter(known.with_fit(locked.location(base)))
    return BaseComparison(entry=entry, misfits=tuple(found), unknown=tuple(unknown))


def _are_readable(adapter: ModelDirectory, base: ModelDirectory, locked: LockedModel) -> bool:
    complete = {adapter.state, base.state} == {LocalState.COMPLETE}
    return complete and not differences(base, locked)


def _misfits(adapter: ModelDirectory, base: ModelDirectory) -> tuple[str, ...]:
    settings = adapter.completeness.adapter
    if settings is None:
        return ()
    modules = find_modules(read_file(adapter.path / ADAPTER).tensors, settings)
    return misfits(modules, settings, base_shapes(base.path, base.completeness.closure.root_weights))
