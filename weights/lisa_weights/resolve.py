"""Resolve the weights of each hosted model from the lock and from `models/`.

A local model that is new or has changed is converted if required and locked; for an absent model the lock applies.
Nothing here opens a network connection or writes the lock file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from lisa_weights import disk
from lisa_weights.adapters.comparison import BaseComparison, compare_with_bases
from lisa_weights.errors import WeightsError
from lisa_weights.local_content import checkpoint_stamps, conversion_record, known_digests, local_content
from lisa_weights.lock.commit_changes import changes_of_commit
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.lock.fingerprint import fingerprint
from lisa_weights.lock.lock_file import LockedModel, SourceKind, WeightsLock
from lisa_weights.lock.proofs import ProofKind, merge
from lisa_weights.model_directory import (
    LocalState,
    ModelDirectory,
    differences,
    model_path,
    read_directory,
)
from lisa_weights.origin import arrived_revision, arriving_problem, is_arriving
from lisa_weights.proof.load import prove
from lisa_weights.steps import Step, convert_in_step, no_progress
from lisa_weights.temporary_directory import undo_interrupted_conversion

NO_BASES: Mapping[str, Sequence[str]] = MappingProxyType({})
"""The base models of adapters where the configuration is not known."""


class IssueKind(StrEnum):
    """Why the weights of a model are not pinned."""

    UNSTAGED = "unstaged"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    REFUSED = "refused"
    DAMAGED = "damaged"
    UNCHECKED = "unchecked"
    CHANGED = "changed"
    MISFIT = "misfit"
    UNCOMPARED = "uncompared"


@dataclass(frozen=True, slots=True)
class WeightsIssue:
    """An issue of a model's weights.

    Attributes:
        model: `org/name`.
        kind: `unstaged` is neither in the lock nor local, `incomplete` local with missing files, `outdated` local and
            different from the lock, `refused` local and rejected, `damaged` local and without tensors that its files
            record, `unchecked` not local and locked by a LISA that did not check for that, `changed` local and
            different from the commit of the Hub that is locked, `misfit` an adapter that does not fit a base model,
            `uncompared` an adapter that was not compared with the base model that is the reason.
        reasons: the causes, as clauses or sentences.
    """

    model: str
    kind: IssueKind
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The weights of the hosted models.

    Attributes:
        lock: the lock, with new entries.
        locked: names of the models whose entry was added or replaced.
        issues: models whose weights are not pinned.
        seen: fingerprint of each model's local directory when it was read.
    """

    lock: WeightsLock
    locked: tuple[str, ...]
    issues: tuple[WeightsIssue, ...]
    seen: Mapping[str, str]


def resolve(
    needed: Iterable[str],
    models: Path,
    lock: WeightsLock,
    *,
    change: bool = True,
    prove_unproved: bool = False,
    relock: bool = False,
    generate: bool = False,
    bases: Mapping[str, Sequence[str]] = NO_BASES,
    step: Step = no_progress,
) -> Resolution:
    """Resolve the weights of models.

    Args:
        needed: their names.
        models: directory of the local models.
        lock: what is locked.
        change: convert and lock; otherwise nothing is written, and local models are compared by names, sizes and
            digests that are known from before.
        prove_unproved: also prove models whose entry is unchanged and has no proofs, because an older LISA wrote it.
        relock: lock other content than that of a locked commit of the Hub, as a local model.
        generate: also prove that a converted model generates as its checkpoint does.
        bases: the base models of each adapter, which it is compared with.
        step: shows the progress of long steps.
    """
    cache = DigestCache.load(models)
    locked: list[str] = []
    issues: list[WeightsIssue] = []
    seen: dict[str, str] = {}
    for model in dict.fromkeys(needed):
        try:
            path = model_path(models, model)
            if is_arriving(path):
                # Not the fingerprint of any directory: a compile looks again.
                seen[model] = f"arriving {_fingerprint(path)}"
                issues.append(WeightsIssue(model, IssueKind.INCOMPLETE, (arriving_problem(model),)))
                continue
            directory = _converted(model, cache, step) if change else read_directory(path)
            seen[model] = _fingerprint(path)
            known = lock.models.get(model)
            entry = known
            if directory.state is LocalState.COMPLETE and change:
                now_is = local_content(model, directory, cache, known, step)
                options = _ProofOptions(unproved=prove_unproved, generate=generate)
                if known is not None and not relock and (changes := changes_of_commit(known, now_is)):
                    issues.append(WeightsIssue(model, IssueKind.CHANGED, tuple(changes.values())))
                else:
                    entry = _entry(model, directory, known, now_is, options)
            elif issue := _issue(model, directory, known, cache):
                issues.append(issue)
            if entry is not None and entry.adapter is not None:
                compared = compare_with_bases(directory, entry, bases.get(model, ()), models, lock)
                entry = compared.entry if change else entry
                issues.extend(_issues_of_adapter(model, compared))
                if compared.misfits:
                    continue
            if entry is not None and entry != known:
                lock = lock.with_model(model, entry)
                locked.append(model)
        except WeightsError as error:
            issues.append(WeightsIssue(model, IssueKind.REFUSED, (str(error),)))
        finally:
            if change:
                cache.save()
    return Resolution(lock=lock, locked=tuple(locked), issues=tuple(issues), seen=seen)


def _converted(model: str, cache: DigestCache, step: Step) -> ModelDirectory:
    """The model's directory, converted if required."""
    path = model_path(cache.models, model)
    with disk.explain_errors(path):
        undo_interrupted_conversion(path)
    directory = read_directory(path)
    outdated = cache.outdated(model, checkpoint_stamps(directory))
    if directory.state is not LocalState.CHECKPOINT and not outdated:
        return directory
    if directory.refusals:
        return directory
    record = conversion_record(cache, model, directory)
    convert_in_step(directory, f"converting {model}", step, replacing=outdated, record=record)
    return read_directory(path)


@dataclass(frozen=True, slots=True)
class _ProofOptions:
    unproved: bool
    generate: bool


def _entry(
    model: str, directory: ModelDirectory, known: LockedModel | None, now_is: LockedModel, options: _ProofOptions
) -> LockedModel:
    """The lock's entry of a complete model, proved if it is new or has changed."""
    if known is None or known.files != now_is.files:
        revision = arrived_revision(directory.path, directory.files, is_converted=now_is.converter != 0)
        source = now_is if revision is None else replace(now_is, kind=SourceKind.HUB, revision=revision)
        return replace(source.with_prefix(model), proofs=prove(directory, generate=options.generate))
    kinds = {proof.kind for proof in known.proofs if proof.is_made}
    proofs = known.proofs
    if (options.generate and ProofKind.GENERATE not in kinds) or (options.unproved and not proofs):
        proofs = merge(proofs, prove(directory, generate=options.generate))
    converter = now_is.converter if known.converter is None else known.converter
    return replace(known, converter=converter, proofs=proofs, shape=now_is.shape)


def _issues_of_adapter(model: str, compared: BaseComparison) -> list[WeightsIssue]:
    found = [WeightsIssue(model, IssueKind.MISFIT, compared.misfits)] if compared.misfits else []
    return found + [WeightsIssue(model, IssueKind.UNCOMPARED, (base,)) for base in compared.unknown]


def _issue(model: str, directory: ModelDirectory, known: LockedModel | None, cache: DigestCache) -> WeightsIssue | None:
    if directory.state is LocalState.ABSENT:
        return _absent(model, known)
    if directory.state is not LocalState.COMPLETE:
        return _unusable(model, directory)
    if known is None:
        return WeightsIssue(model, IssueKind.OUTDATED, ("it is not in the lock file",))
    found = [*differences(directory, known), *_other_content(model, directory, known, cache)]
    if cache.outdated(model, checkpoint_stamps(directory)):
        found.append("its PyTorch checkpoint changed after it was converted")
    return WeightsIssue(model, IssueKind.OUTDATED, tuple(found)) if found else None


def _unusable(model: str, directory: ModelDirectory) -> WeightsIssue:
    if directory.refusals:
        return WeightsIssue(model, IssueKind.REFUSED, directory.completeness.problems)
    if directory.completeness.dropped:
        return WeightsIssue(model, IssueKind.DAMAGED, directory.completeness.dropped)
    if directory.state is LocalState.CHECKPOINT:
        return WeightsIssue(model, IssueKind.OUTDATED, ("its PyTorch checkpoint is not converted",))
    return WeightsIssue(model, IssueKind.INCOMPLETE, directory.completeness.problems)


def _absent(model: str, known: LockedModel | None) -> WeightsIssue | None:
    if known is None:
        return WeightsIssue(model, IssueKind.UNSTAGED)
    return WeightsIssue(model, IssueKind.UNCHECKED) if known.converter is None else None


def _other_content(model: str, directory: ModelDirectory, known: LockedModel, cache: DigestCache) -> list[str]:
    digests = known_digests(model, directory, cache)
    return [
        f"{file.path} does not match the lock file"
        for file in known.files
        if directory.files.get(file.path) == file.size and digests.get(file.path, file.sha256) != file.sha256
    ]


def _fingerprint(path: Path) -> str:
    try:
        return fingerprint(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}. Check its permissions and the disk.") from error
