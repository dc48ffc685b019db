"""Resolve weights: what each model of a deployment is, by the lock and by what is in `models/`.

A local model that is new or has changed is converted when it needs to be, and goes into the lock; one that is not there
is what the lock says. Nothing here touches a network, and the lock's file is left to whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from lisa_weights.errors import WeightsError
from lisa_weights.lock.fingerprint import Stamp, fingerprint, stamp
from lisa_weights.lock.lock_file import LockedModel, WeightsLock
from lisa_weights.lock.memory import Memory, now
from lisa_weights.model_directory import (
    LocalState,
    ModelDirectory,
    differences,
    lock_directory,
    model_path,
    read_directory,
)
from lisa_weights.steps import Step, convert_in_step, silent


class Problem(StrEnum):
    """What keeps a model's weights from being pinned."""

    UNSTAGED = "unstaged"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    REFUSED = "refused"
    DAMAGED = "damaged"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know of a model's weights.

    Attributes:
        model: `org/name`.
        problem: what it is. `unstaged` is neither in the lock nor local, `incomplete` local but not whole, `outdated`
            local and not what the lock says, `refused` local and not to be used, `damaged` local and without tensors
            that its files record, `unchecked` not local and locked by a LISA that did not check for that.
        reasons: what was found, clauses or sentences.
    """

    model: str
    problem: Problem
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the models of a deployment are.

    Attributes:
        lock: the lock, with what was locked.
        locked: names of the models that were locked anew.
        findings: what a person should know.
        seen: fingerprint of each model's local directory, as it was when it was read.
    """

    lock: WeightsLock
    locked: tuple[str, ...]
    findings: tuple[Finding, ...]
    seen: Mapping[str, str]


def resolve(
    needed: Iterable[str], models: Path, lock: WeightsLock, *, change: bool = True, step: Step = silent
) -> Resolution:
    """Resolve the weights of models.

    Args:
        needed: their names.
        models: directory of the local models.
        lock: what is locked.
        change: convert and lock; otherwise nothing is written, and local models are compared by names, sizes and
            digests that are known from before.
        step: told what takes long.
    """
    memory = Memory.load(models)
    locked: list[str] = []
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for model in dict.fromkeys(needed):
        try:
            directory = _converted(model, memory, step) if change else read_directory(model_path(models, model))
            seen[model] = _fingerprint(directory.path)
            known = lock.models.get(model)
            if directory.state is LocalState.COMPLETE and change:
                now_is = _locked(model, directory, memory, step)
                if known is None or known.files != now_is.files:
                    lock = lock.with_model(model, now_is)
                    locked.append(model)
                elif known.converter is None:
                    lock = lock.with_model(model, replace(known, converter=now_is.converter))
                    locked.append(model)
            elif finding := _finding(model, directory, known, memory):
                findings.append(finding)
        except WeightsError as error:
            findings.append(Finding(model, Problem.REFUSED, (str(error),)))
        finally:
            if change:
                memory.save()
    return Resolution(lock=lock, locked=tuple(locked), findings=tuple(findings), seen=seen)


def _converted(model: str, memory: Memory, step: Step) -> ModelDirectory:
    """The model's directory, after the conversion that it needed."""
    directory = read_directory(model_path(memory.models, model))
    outdated = memory.outdated(model, checkpoint_stamps(directory))
    if directory.state is not LocalState.CHECKPOINT and not outdated:
        return directory
    before = checkpoint_stamps(directory)
    result = convert_in_step(directory, f"converting {model}", step, replacing=outdated)
    try:
        memory.keep_conversion(model, before, {file.name: file.sha256 for file in result.files if file.sha256})
    except OSError as error:
        raise WeightsError(
            f"{directory.path} changed while it was converted: rerun the command when the change is complete."
        ) from error
    return read_directory(directory.path)


def _locked(model: str, directory: ModelDirectory, memory: Memory, step: Step) -> LockedModel:
    known = _known_digests(model, directory, memory)
    unread = {path: size for path, size in directory.files.items() if path not in known}
    converter = memory.converter(model)
    if not unread:
        return lock_directory(directory, known=known, converter=converter)
    began = now()
    before = {path: _stamp(directory.path / path) for path in unread}
    with step(f"reading {model}", sum(unread.values())) as progress:
        locked = lock_directory(directory, known=known, converter=converter, progress=progress)
    for file in locked.files:
        if file.path in before:
            memory.keep_digest(f"{model}/{file.path}", before[file.path], file.sha256, read_at=began)
    return locked


def _finding(model: str, directory: ModelDirectory, known: LockedModel | None, memory: Memory) -> Finding | None:
    state = directory.state
    if state is LocalState.ABSENT:
        return _absent(model, known)
    if directory.completeness.dropped:
        return Finding(model, Problem.DAMAGED, directory.completeness.dropped)
    if state is LocalState.CHECKPOINT:
        return Finding(model, Problem.OUTDATED, ("its PyTorch checkpoint is not converted",))
    if state is LocalState.INCOMPLETE:
        return Finding(model, Problem.INCOMPLETE, directory.completeness.problems)
    if known is None:
        return Finding(model, Problem.OUTDATED, ("it is not in the lock file",))
    found = [*differences(directory, known), *_other_content(model, directory, known, memory)]
    if memory.outdated(model, checkpoint_stamps(directory)):
        found.append("its PyTorch checkpoint changed after it was converted")
    return Finding(model, Problem.OUTDATED, tuple(found)) if found else None


def _absent(model: str, known: LockedModel | None) -> Finding | None:
    if known is None:
        return Finding(model, Problem.UNSTAGED)
    return Finding(model, Problem.UNCHECKED) if known.converter is None else None


def _other_content(model: str, directory: ModelDirectory, known: LockedModel, memory: Memory) -> list[str]:
    digests = _known_digests(model, directory, memory)
    return [
        f"{file.path} does not match the lock file"
        for file in known.files
        if directory.files.get(file.path) == file.size and digests.get(file.path, file.sha256) != file.sha256
    ]


def _known_digests(model: str, directory: ModelDirectory, memory: Memory) -> dict[str, str]:
    found = {path: memory.digest(f"{model}/{path}") for path in directory.files}
    return {path: digest for path, digest in found.items() if digest is not None}


def checkpoint_stamps(directory: ModelDirectory) -> dict[str, Stamp]:
    """Take the stamps of a model's PyTorch checkpoint, by file name.

    Raises:
        WeightsError: a file cannot be read.
    """
    return {name: _stamp(directory.path / name) for name in directory.checkpoint}


def _stamp(path: Path) -> Stamp:
    try:
        return stamp(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions and the disk.") from error


def _fingerprint(path: Path) -> str:
    try:
        return fingerprint(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions and the disk.") from error
