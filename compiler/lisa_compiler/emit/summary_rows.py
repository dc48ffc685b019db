"""Rows of the tables in SUMMARY.md: services, adapters, external models and repositories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.fit.wording import short_verdict
from lisa_compiler.plan.alarms import service_alarms
from lisa_compiler.plan.amis import ConfiguredAmi, DynamicAmi, PinnedAmi
from lisa_compiler.plan.images import BuiltImage, EcrRepositoryImage, RegistryImageReference
from lisa_compiler.plan.provenance import following, unmarked
from lisa_compiler.prices.scheduled_hours import window_hours
from lisa_schema.models import FunctionUser
from lisa_schema.schedules import read_window

if TYPE_CHECKING:
    from lisa_compiler.fit.assessment import Assessment
    from lisa_compiler.plan import Deployment, ModelPlan, RepositoryPlan, ServicePlan
    from lisa_compiler.plan.amis import PlannedAmi
    from lisa_compiler.plan.images import PlannedImage
    from lisa_compiler.plan.model_routes import ModelRoute
    from lisa_compiler.plan.service_plans import AdapterPlan
    from lisa_weights.lock.lock_file import LockedModel, WeightsLock

NOTHING = "\N{EN DASH}"
_UNSTAGED = "**not staged: content is not verified**"
_UNSTAGED_STRICT = "**not staged: will not start**"
_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """A table row of one service; all text is ready for a Markdown cell."""

    name: str
    kind: str
    instance: str
    gpus: str
    replicas: str
    endpoint: str
    ami: str
    image: str
    weights: str
    fit: str


def count_range(low: int, high: int) -> str:
    """A count, or the lowest and the highest one."""
    return str(low) if low == high else f"{low}\N{EN DASH}{high}"


def alarm_rows(deployment: Deployment) -> list[dict[str, str]]:
    """The kinds of alarms, each with the services that have it."""
    conditions: dict[str, str] = {}
    services: dict[str, list[str]] = {}
    for service in deployment.services:
        for alarm in service_alarms(deployment, service):
            conditions[alarm.id] = alarm.condition
            services.setdefault(alarm.id, []).append(cell(service.id))
    everywhere = len(deployment.services)
    return [
        {
            "id": each,
            "condition": condition,
            "services": "all" if len(services[each]) == everywhere else ", ".join(services[each]),
        }
        for each, condition in conditions.items()
    ]


def schedule_rows(deployment: Deployment) -> list[tuple[str, ...]]:
    """The cells of each window of a schedule."""
    rows: list[tuple[str, ...]] = []
    for name, service in services_by_name(deployment):
        scaling = service.auto_scaling
        if scaling.schedule is None:
            continue
        for window, hours in zip(scaling.schedule.windows, window_hours(scaling), strict=True):
            times = read_window(unmarked(window))
            start, stop = (following(each.described(), window.start, window.stop) for each in (times.start, times.stop))
            count = count_range(window.min_capacity, scaling.most_in(window))
            rows.append((cell(name), scaling.schedule.time_zone, start, stop, count, f"{hours:.1f}"))
    return rows


def services_by_name(deployment: Deployment) -> list[tuple[str, ServicePlan]]:
    """The services, as people call them."""
    return [("Gateway", deployment.rest_api), *((model.identifier, model.service) for model in deployment.models)]


def cell(text: str) -> str:
    """Text as a Markdown cell holds it, on one line."""
    return text.replace("|", "\\|").replace("\n", " ")


def fit_text(model: ModelPlan, assessment: Assessment) -> str:
    """Whether a model fits, with the keys that the answer follows from."""
    index = model.service.key[-1]
    found = next((one for one in assessment.models if one.index == index), None)
    text = NOTHING if found is None else short_verdict(found.answer)
    config = model.config
    environment = config.container_config.environment.values()
    return following(text, config.model_name, config.instance_type, *environment)


def model_row(model: ModelPlan, lock: WeightsLock, fit: str, *, strict: bool) -> ServiceRow:
    """The row of a hosted model; `strict` says whether it starts only with locked weights."""
    kind = f"{model.config.model_type}, {model.config.inference_container}"
    if model.config.streaming:
        kind += ", streaming"
    weights = _weights(model, lock, strict=strict)
    return service_row(model.identifier, kind, model.url, model.service, weights=weights, fit=fit)


def _weights(model: ModelPlan, lock: WeightsLock, *, strict: bool) -> str:
    locked = lock.models.get(model.config.model_name)
    if locked is None:
        return _UNSTAGED_STRICT if strict else _UNSTAGED
    revision = f" at {locked.revision[:12]}" if locked.revision else ""
    return f"{locked.total_bytes / 1e9:.1f} GB, {locked.parameters / 1e9:.1f} B parameters{revision}{_proofs(locked)}"


def adapter_row(model: ModelPlan, adapter: AdapterPlan, lock: WeightsLock, *, strict: bool) -> dict[str, str]:
    """The row of an adapter of a hosted model."""
    return {
        "name": cell(adapter.name),
        "base": cell(model.identifier),
        "source": cell(adapter.weights),
        "weights": _adapter_weights(model, lock.models.get(adapter.weights), lock, strict=strict),
    }


def _adapter_weights(model: ModelPlan, locked: LockedModel | None, lock: WeightsLock, *, strict: bool) -> str:
    if locked is None:
        return _UNSTAGED_STRICT if strict else _UNSTAGED
    revision = f" at {locked.revision[:12]}" if locked.revision else ""
    size = f"{locked.total_bytes / 1e6:.1f} MB{revision}"
    if locked.adapter is None:
        return f"{size}; **not an adapter**"
    base = lock.models.get(model.config.model_name)
    is_compared = base is not None and base.location(model.config.model_name) in locked.adapter.fits
    fit = "fits the base model" if is_compared else "**not compared with the base model**"
    return f"{size}, rank {locked.adapter.rank}; {fit}"


def _proofs(locked: LockedModel) -> str:
    if not locked.proofs:
        return "; **not proved**"
    made = [str(proof.kind) for proof in locked.proofs if proof.is_made]
    missing = [f"{proof.kind} not proved ({cell(proof.detail)})" for proof in locked.proofs if not proof.is_made]
    return "; " + "; ".join([*([f"proved: {', '.join(made)}"] if made else []), *missing])


def route_row(route: ModelRoute) -> dict[str, str]:
    """The row of a name that clients use, and where requests for it go."""
    return {
        "name": cell(route.name),
        "route": "direct" if route.is_direct else "LiteLLM",
        "reason": cell(f"served by {route.engine} at {route.address}" if route.is_direct else route.reason),
    }


def service_row(name: str, kind: str, endpoint: str, service: ServicePlan, *, weights: str, fit: str) -> ServiceRow:
    """The row of a service; `endpoint` is text, `weights` and `fit` are Markdown."""
    instance = service.instance
    low, high = service.auto_scaling.least_capacity, service.auto_scaling.max_capacity
    gpus = (
        f"{instance.gpus} {_TIMES} {instance.gpu_name} ({instance.gpu_memory_mib / 1024:.0f} GiB)"
        if instance.gpus
        else NOTHING
    )
    return ServiceRow(
        name=cell(name),
        kind=cell(kind),
        instance=instance.name,
        gpus=gpus,
        replicas=count_range(low, high),
        endpoint=cell(endpoint),
        ami=cell(_ami(service.ami)),
        image=cell(image_text(service.image)),
        weights=weights,
        fit=fit,
    )


def _ami(ami: PlannedAmi) -> str:
    if isinstance(ami, ConfiguredAmi):
        return f"{ami.id} (configured)"
    if isinstance(ami, PinnedAmi):
        return f"{ami.id}, {ami.locked.name} of {ami.locked.creation_date[:10]}"
    if isinstance(ami, DynamicAmi):
        return f"**read at each deployment** from {ami.parameter}"
    return "**not pinned**"


def image_text(image: PlannedImage) -> str:
    """Where an image comes from."""
    if isinstance(image, BuiltImage):
        return f"{image.kind} on {image.base_image}"
    if isinstance(image, EcrRepositoryImage):
        return f"{image.repository_arn.split(':repository/')[-1]}{image.reference} (ECR)"
    if isinstance(image, RegistryImageReference):
        return image.uri
    return f"{image.path} (tarball)"


def external_row(deployment: Deployment, index: int) -> dict[str, str]:
    """The row of an external model."""
    model = deployment.external_models[index]
    kind = model.model_type or NOTHING
    return {
        "name": cell(model.name),
        "provider": cell(model.provider),
        "target": cell(model.api_base or model.target),
        "kind": f"{kind}, streaming" if model.streaming else kind,
    }


def repository_row(deployment: Deployment, index: int) -> dict[str, str]:
    """The row of a RAG repository."""
    plan = deployment.repositories[index]
    return {
        "name": cell(plan.config.repository_id),
        "type": str(plan.config.type),
        "store": f"new: {plan.resource_name}" if plan.resource_name else "existing",
        "access": _store_access(plan),
    }


def _store_access(plan: RepositoryPlan) -> str:
    """How the RAG function signs in to the store."""
    database = plan.config.rds_config
    if database is None:
        return "its IAM role"
    if plan.database_user is None:
        return f"user `{database.username}`, whose privileges are not known"
    means = "IAM token" if database.signs_in is FunctionUser.IAM else "password"
    return f"user `{plan.database_user}` ({means}): reads, adds and deletes documents"
