"""The weights stage: what the hosted models' weights are, by weights.lock.json and by what is in `models/`."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from lisa_compiler.project.paths import MODELS
from lisa_schema import artifact_diagnostics
from lisa_schema.document import key_path
from lisa_schema.regions import region
from lisa_weights.lock.lock_file import LOCK_FILE
from lisa_weights.resolve import IssueKind, Resolution, resolve
from lisa_weights.steps import no_progress
from lisa_weights.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lisa_compiler.plan import Deployment
    from lisa_compiler.project.project import ValidEnvironment
    from lisa_schema import Diagnostic
    from lisa_schema.diagnostic_types import DiagnosticType
    from lisa_schema.document import Document, ScalarNode
    from lisa_schema.document import Path as KeyPath
    from lisa_schema.models import Config
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.resolve import WeightsIssue
    from lisa_weights.steps import Step

    Names = Mapping[str, tuple[KeyPath, ScalarNode]]
    """The first line that names each model: its key and the value there."""


class LocalWeights(StrEnum):
    """What is done about the models in `models/`.

    `lock` converts and locks what is new or has changed, `relock` also what differs from a locked commit; `compare`
    writes nothing and reports the differences from the lock; `ignore` reads no model and requires no weights.
    """

    LOCK = "lock"
    RELOCK = "relock"
    COMPARE = "compare"
    IGNORE = "ignore"


def resolve_weights(
    deployment: Deployment, project: Path, lock: WeightsLock, local_weights: LocalWeights, step: Step | None
) -> Resolution:
    """Resolve the weights of the models that a deployment hosts; the lock's file is left as it is.

    Args:
        deployment: the plan.
        project: folder of `models/`.
        lock: what is locked.
        local_weights: what is done about local models.
        step: receives the progress.
    """
    if local_weights is LocalWeights.IGNORE:
        return Resolution(lock=lock, locked=(), issues=(), seen={})
    config = deployment.config
    return resolve(
        config.deployed_weights,
        project / MODELS,
        lock,
        change=local_weights is not LocalWeights.COMPARE,
        relock=local_weights is LocalWeights.RELOCK,
        bases=config.bases_of_adapters,
        step=step or no_progress,
    )


def unpinned(deployment: Deployment, weights: Resolution, document: Document, environment: str) -> list[Diagnostic]:
    """Report the issues of the models' weights; with `weights.strict`, each model without an entry is an error.

    A local model that is complete and not locked yet is only outdated: compiling without `--check` locks it.
    """
    found = []
    names = _names(document)
    open_models = set(deployment.config.deployed_weights) - weights.lock.models.keys()
    open_models -= {issue.model for issue in weights.issues if issue.kind is IssueKind.OUTDATED}
    for issue in weights.issues:
        required = deployment.config.weights.strict and issue.model in open_models
        if not required or issue.kind is not IssueKind.UNSTAGED:
            found.append(_diagnose(issue, weights.lock, names, environment))
        if required:
            message = (
                f"The weights of {issue.model} are not staged ({LOCK_FILE} does not have them), and `weights.strict` "
                "is true."
            )
            found.append(_at_model(artifact_diagnostics.WEIGHTS_REQUIRED, issue.model, message, names, environment))
    return [*found, *_adapter_problems(deployment.config, weights.lock, names, environment)]


def _adapter_problems(config: Config, lock: WeightsLock, names: Names, environment: str) -> Iterator[Diagnostic]:
    """Report names of weights that are an adapter where a model is required, the reverse, and other base models."""
    for model in config.deployed_models:
        locked = lock.models.get(model.model_name)
        if locked is not None and locked.adapter is not None:
            base = f", of {locked.adapter.base_model}" if locked.adapter.base_model else ""
            message = f"{model.model_name} is a LoRA adapter{base}, not a model."
            yield _at_model(artifact_diagnostics.ADAPTER_KIND, model.model_name, message, names, environment)
        for adapter in model.adapters:
            entry = lock.models.get(adapter.source)
            if entry is None:
                continue
            if entry.adapter is None:
                message = f"{adapter.source} is a model, not a LoRA adapter."
                yield _at_model(artifact_diagnostics.ADAPTER_KIND, adapter.source, message, names, environment)
            elif not _is_same_model(entry.adapter.base_model, model.model_name):
                message = (
                    f"The adapter {adapter.source} states the base model {entry.adapter.base_model}, and is listed "
                    f"under {model.model_name}."
                )
                yield _at_model(artifact_diagnostics.ADAPTER_BASE, adapter.source, message, names, environment)


def _is_same_model(stated: str | None, model: str) -> bool:
    """Whether an adapter's base is a model; it may state the path of a directory, or nothing."""
    return stated is None or stated.rstrip("/").rpartition("/")[2].casefold() == model.rpartition("/")[2].casefold()


def open_workspace(environment: ValidEnvironment, endpoint_url: str | None = None) -> Workspace:
    """Where the weights of an environment are: the project's models/ and lock file, and the models bucket.

    Args:
        environment: the environment.
        endpoint_url: address of an S3-compatible store; None for S3.
    """
    config = environment.config
    home = region(config.region)
    return Workspace(
        project=environment.root,
        environment=environment.name,
        bucket_name=config.s3_bucket_models,
        needed=config.deployed_weights,
        endpoint_url=endpoint_url or (home.s5cmd_endpoint if home else None),
        bases=config.bases_of_adapters,
    )


def _diagnose(issue: WeightsIssue, lock: WeightsLock, names: Names, environment: str) -> Diagnostic:
    """Put an issue about a model at the first line that names the model."""
    place = f"{MODELS}/{issue.model}"
    entry = lock.models.get(issue.model)
    commit = str(entry.revision) if entry is not None else ""
    reasons = "; ".join(issue.reasons).rstrip(".")
    kind, message = {
        IssueKind.UNSTAGED: (
            artifact_diagnostics.WEIGHTS_UNSTAGED,
            f"The weights of {issue.model} are not staged: not found in {LOCK_FILE} or {MODELS}/.",
        ),
        IssueKind.INCOMPLETE: (
            artifact_diagnostics.WEIGHTS_INCOMPLETE,
            f"{place} is incomplete and was skipped: {reasons}.",
        ),
        IssueKind.OUTDATED: (
            artifact_diagnostics.WEIGHTS_OUTDATED,
            f"{place} does not match {LOCK_FILE}: {reasons}.",
        ),
        IssueKind.REFUSED: (artifact_diagnostics.WEIGHTS_INVALID, f"{place} cannot be used: {reasons}."),
        IssueKind.DAMAGED: (artifact_diagnostics.WEIGHTS_DAMAGED, f"{place} is damaged: {reasons}."),
        IssueKind.UNCHECKED: (
            artifact_diagnostics.WEIGHTS_UNCHECKED,
            f"Whether {issue.model} lacks tensors is unknown: an older LISA locked it, and it is not in {MODELS}/.",
        ),
        IssueKind.CHANGED: (
            artifact_diagnostics.WEIGHTS_CHANGED,
            f"{place} has other content than commit {commit}, which {LOCK_FILE} has: {reasons}.",
        ),
        IssueKind.MISFIT: (artifact_diagnostics.ADAPTER_MISFIT, f"{place} cannot be used: {reasons}."),
        IssueKind.UNCOMPARED: (
            artifact_diagnostics.ADAPTER_UNCOMPARED,
            f"Whether the adapter {issue.model} fits {reasons} is unknown: they were not compared.",
        ),
    }[issue.kind]
    found = _at_model(kind, issue.model, message, names, environment)
    return replace(found, fix=found.fix.replace("<commit>", commit))


def _at_model(kind: DiagnosticType, model: str, message: str, names: Names, environment: str) -> Diagnostic:
    fix = kind.fix.replace("`lisa weights stage`", f"`lisa weights stage --env {environment}`")
    fix = fix.replace("`lisa compile", f"`lisa compile --env {environment}")
    fix = fix.replace("`lisa weights download`", f"`lisa weights download --env {environment}`")
    fix = fix.replace("<org>/<name>", model)
    if model not in names:
        return kind.at(None, message, fix=fix)
    path, leaf = names[model]
    return kind.at(leaf.origin, message, key_path=key_path(path), fix=fix)


def _names(document: Document) -> Names:
    """The first line that names each model or adapter, in one pass: a document of 1000 models has 10 000 values."""
    found: dict[str, tuple[KeyPath, ScalarNode]] = {}
    for path, leaf in document.leaves():
        if path[-1] == "modelName" or (path[-1] in {"name", "weights"} and path[-3:-2] == ("adapters",)):
            found.setdefault(leaf.text, (path, leaf))
    return found
