"""The pipeline: load → overlay → validate → plan → weights → emit. Writing is the caller's last step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from lisa_compiler.compile import ami_lock
from lisa_compiler.compile.emission import Products, emit
from lisa_compiler.compile.fit import assess_fit, fit_diagnostics
from lisa_compiler.compile.local_diagnostics import diagnose_contexts, place_local_file
from lisa_compiler.compile.planning import PlannedEnvironment, plan_environment
from lisa_compiler.compile.weights import LocalWeights, resolve_weights, unpinned
from lisa_compiler.emit.database_trust import check_database_trust
from lisa_compiler.emit.trust import check_names, check_strictness, check_validity
from lisa_compiler.emit.user_context import ContextError
from lisa_compiler.plan.images import TarballImage
from lisa_compiler.product.artifact import FunctionRecipe, WebRecipe
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.product.sources import product_files
from lisa_compiler.project import local_files
from lisa_compiler.project.archive_files import require_image_archive, require_zip
from lisa_compiler.project.paths import WEIGHTS_LOCK
from lisa_compiler.project.project import Project
from lisa_schema.errors import ConfigurationError
from lisa_weights.lock.lock_file import load as load_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lisa_compiler.compile.stack_cache import StackCache
    from lisa_compiler.plan import Deployment
    from lisa_schema import Diagnostic
    from lisa_schema.models import Config
    from lisa_schema.overlay import Override
    from lisa_weights.lock.lock_file import WeightsLock
    from lisa_weights.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What compiling an environment gives.

    Attributes:
        environment: name of the environment.
        files: content by path below generated/<env>; the manifest is written with them.
        products: product code by name, which the manifest names by digest.
        config: the effective configuration.
        diagnostics: warnings.
        deployment: the plan.
        lock: what the weights are, with what was locked now; nothing of it was saved.
        locked: names of the models that were locked now.
        local_models: fingerprint of each hosted model's directory in `models/`, by the model's name.
    """

    environment: str
    files: Mapping[str, bytes]
    products: Products
    config: Config
    diagnostics: tuple[Diagnostic, ...]
    deployment: Deployment
    lock: WeightsLock
    locked: tuple[str, ...]
    local_models: Mapping[str, str]


def compile_environment(
    project: Path,
    environment: str | None,
    *,
    overrides: Sequence[Override] = (),
    local_weights: LocalWeights = LocalWeights.COMPARE,
    lock: WeightsLock | None = None,
    progress: Callable[[str], None] | None = None,
    step: Step | None = None,
    now: datetime | None = None,
    stacks: StackCache | None = None,
) -> Compiled:
    """Load, validate, plan and compile one environment of a project, as compile_planned() does.

    Args:
        project: directory of config.yaml.
        environment: name of the environment; None for `env` in config.yaml.
        overrides: options that win over the files.
        local_weights: how models in `models/` are treated.
        lock: lock file of weights; None reads weights.lock.json.
        progress: receives the name of each phase.
        step: receives the progress of work on weights.
        now: time that certificates must be valid at; None for the clock. The output does not depend on it.
        stacks: cache of synthesized stacks; None synthesizes all of them. The output does not depend on it.

    Raises:
        ConfigurationError: the configuration has errors; nothing was compiled.
        LisaError: a file that the configuration names cannot be used, or policy checks failed.
    """
    if progress is not None:
        progress("reading the configuration")
    valid = Project(project, changes=tuple(overrides)).environment(environment)
    if progress is not None:
        progress("planning")
    planned = plan_environment(valid)
    return compile_planned(
        planned, local_weights=local_weights, lock=lock, progress=progress, step=step, now=now, stacks=stacks
    )


def compile_planned(
    planned: PlannedEnvironment,
    *,
    local_weights: LocalWeights = LocalWeights.COMPARE,
    lock: WeightsLock | None = None,
    progress: Callable[[str], None] | None = None,
    step: Step | None = None,
    now: datetime | None = None,
    stacks: StackCache | None = None,
) -> Compiled:
    """Compile a planned environment, in memory; only the conversion of local models writes, in `models/`.

    Args:
        planned: the environment.
        local_weights: how models in `models/` are treated.
        lock: lock file of weights; None reads weights.lock.json.
        progress: receives the name of each phase.
        step: receives the progress of work on weights.
        now: time that certificates must be valid at; None for the clock. The output does not depend on it.
        stacks: cache of synthesized stacks; None synthesizes all of them. The output does not depend on it.

    Raises:
        ConfigurationError: the configuration does not fit the project's files; nothing was compiled.
        LisaError: a file that the configuration names cannot be used, or policy checks failed.
    """
    valid, deployment = planned.environment, planned.deployment
    tell = progress or (lambda _: None)
    missing = _unusable_files(deployment, valid.root, now or datetime.now(UTC))
    unusable = [*diagnose_contexts(valid), *(place_local_file(error, valid.document) for error in missing)]
    if unusable:
        raise ConfigurationError([*valid.diagnostics, *unusable])
    tell("resolving weights")
    before = load_lock(valid.root / WEIGHTS_LOCK) if lock is None else lock
    weights = resolve_weights(deployment, valid.root, before, local_weights, step)
    findings = unpinned(deployment, weights, valid.document, valid.name)
    assessment = assess_fit(valid.config, valid.root, weights.lock)
    findings += fit_diagnostics(assessment, valid.document)
    if any(finding.is_error for finding in findings):
        raise ConfigurationError([*valid.diagnostics, *findings])
    findings += ami_lock.diagnose(deployment, planned.amis, valid.document)
    try:
        files, products = emit(deployment, valid.root, weights.lock, assessment, tell=tell, cache=stacks)
    except ContextError as error:
        unusable = [place_local_file(error, valid.document)]
        raise ConfigurationError([*valid.diagnostics, *findings, *unusable]) from error
    return Compiled(
        environment=valid.name,
        files=files,
        products=products,
        config=valid.config,
        diagnostics=(*valid.diagnostics, *findings),
        deployment=deployment,
        lock=weights.lock,
        locked=weights.locked,
        local_models=weights.seen,
    )


def _unusable_files(deployment: Deployment, project: Path, now: datetime) -> list[local_files.LocalFileError]:
    """Check every file that the configuration names, so that all errors are reported in one run."""
    images = [service.image.path for service in deployment.services if isinstance(service.image, TarballImage)]
    layers = [layer.prebuilt for layer in deployment.layers if layer.prebuilt]
    attempts: list[Callable[[], object]] = [partial(local_files.require, project, path) for path in (*images, *layers)]
    attempts += [partial(require_image_archive, project, path) for path in images]
    attempts += [partial(require_zip, project, path) for path in layers]
    attempts += [
        partial(product_files, name, recipe, project)
        for name, recipe in product_recipes(deployment).items()
        if isinstance(recipe, FunctionRecipe | WebRecipe) and recipe.path is not None
    ]
    attempts += [
        partial(check_validity, deployment, project, now),
        partial(check_strictness, deployment, project),
        partial(check_names, deployment, project),
        partial(check_database_trust, deployment, project, now),
    ]
    errors = []
    for attempt in attempts:
        try:
            attempt()
        except local_files.LocalFileError as error:
            errors.append(error)
    return list({str(error): error for error in errors}.values())
