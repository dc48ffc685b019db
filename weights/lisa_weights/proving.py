"""The use cases that prove models again and record the proofs: `lisa weights prove`, and `convert --generate`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lisa_weights.acquisition import lock_local
from lisa_weights.errors import WeightsError
from lisa_weights.local_content import local_content
from lisa_weights.lock.digest_cache import DigestCache
from lisa_weights.lock.lock_file import LOCK_FILE, LockedModel
from lisa_weights.lock.proofs import Proof, merge
from lisa_weights.model_directory import LocalState, differences, read_directory
from lisa_weights.proof.load import prove
from lisa_weights.stage_events import ModelLocked, ModelNotProved, ModelProved
from lisa_weights.steps import Step
from lisa_weights.workspace import MODELS, Workspace


def prove_models(
    workspace: Workspace, models: Sequence[str], step: Step, *, generate: bool = False
) -> Iterator[ModelProved | ModelNotProved]:
    """Prove that locked models load, and record the proofs in the lock file; nothing else of their entries changes.

    Args:
        workspace: where the weights are.
        models: their names; all models that the environment hosts when empty.
        step: receives the progress.
        generate: also prove that converted models generate as their checkpoints do.

    Yields:
        ModelNotProved for a hosted model that is only in the bucket, or not staged.

    Raises:
        WeightsError: a model does not load, its files differ from the lock file, or a named one is not in models/ or
            not locked; raised after the other models. The lock file keeps the proofs that it has.
    """
    errors: list[str] = []
    for model in workspace.selected(models):
        if not models and (reason := _why_not(workspace, model)):
            yield ModelNotProved(model, reason)
            continue
        try:
            proofs = _prove(workspace, model, step, generate=generate)
        except WeightsError as error:
            errors.append(str(error))
        else:
            yield ModelProved(model, proofs)
    if errors:
        raise WeightsError(" ".join(errors))


def _prove(workspace: Workspace, model: str, step: Step, *, generate: bool) -> tuple[Proof, ...]:
    locked = workspace.locked(model)
    _require_locked_content(workspace, model, locked, step)
    proofs = merge(locked.proofs, prove(read_directory(workspace.path(model)), generate=generate))
    if proofs != locked.proofs:
        workspace.save(workspace.lock().with_model(model, replace(locked, proofs=proofs)))
    return proofs


def prove_conversion(path: Path, step: Step) -> Iterator[ModelLocked | ModelProved]:
    """Prove that a converted model loads and generates as its checkpoint does.

    A model in models/ of a project is locked with the proofs.

    Args:
        path: its directory.
        step: receives the progress.

    Yields:
        ModelLocked with the proofs; ModelProved where no lock file records them.

    Raises:
        WeightsError: it does not load or answers differently, or cannot be locked.
    """
    place = path.resolve()
    model, models = f"{place.parent.name}/{place.name}", place.parent.parent
    if models.name != MODELS:
        yield ModelProved(path.name, prove(read_directory(path), generate=True), is_recorded=False)
        return
    workspace = Workspace(models.parent, "", "", (model,), None)
    known = workspace.lock().models.get(model)
    yield from lock_local(workspace, [model], step, generate=True)
    locked = workspace.locked(model)
    if locked == known:
        yield ModelProved(model, locked.proofs)


def _why_not(workspace: Workspace, model: str) -> str | None:
    """Why a hosted model is not proved: a clause with the remedy."""
    if model not in workspace.lock().models:
        return f"it is not in {LOCK_FILE}: run `lisa weights stage`"
    if workspace.local_state(model) is LocalState.ABSENT:
        return f"it is not in {MODELS}/: run `lisa weights download {model}`"
    return None


def _require_locked_content(workspace: Workspace, model: str, locked: LockedModel, step: Step) -> None:
    directory = read_directory(workspace.path(model))
    if directory.state is LocalState.ABSENT:
        raise WeightsError(f"{model} is not in {MODELS}/: run `lisa weights download {model}` first.")
    found = [*directory.completeness.problems, *differences(directory, locked)]
    if not found:
        cache = DigestCache.load(workspace.models)
        content = local_content(model, directory, cache, locked, step)
        cache.save()
        digests = {file.path: file.sha256 for file in locked.files}
        found = [f"{file.path} has other content" for file in content.files if digests[file.path] != file.sha256]
    if found:
        raise WeightsError(
            f"{MODELS}/{model} differs from {LOCK_FILE}: {'; '.join(found)}. Lock it with `lisa weights stage`, or "
            f"restore it with `lisa weights download {model}`."
        )
