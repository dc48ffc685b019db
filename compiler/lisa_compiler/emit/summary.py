"""The summary emitter: SUMMARY.md, what an environment deploys, for the person who reviews it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_compiler.emit.fit_summary import cost_lines, fit_reasons
from lisa_compiler.fit.wording import short_verdict
from lisa_compiler.output.gateway_authentication import Access, gateway_tasks, read_authentication
from lisa_compiler.plan.amis import ConfiguredAmi, DynamicAmi, PinnedAmi
from lisa_compiler.plan.images import BuiltImage, EcrRepositoryImage, RegistryImageReference
from lisa_compiler.plan.provenance import bare, following
from lisa_compiler.resources import jinja_environment
from lisa_schema.settable_variables import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.fit.assessment import Assessment
    from lisa_compiler.plan import Deployment, ModelPlan, ServicePlan
    from lisa_compiler.plan.amis import PlannedAmi
    from lisa_compiler.plan.deployment import AdapterPlan
    from lisa_compiler.plan.external_models import Grant
    from lisa_compiler.plan.images import PlannedImage
    from lisa_weights.lock.lock_file import LockedModel, WeightsLock

PATH = "SUMMARY.md"
_NOTHING = "\N{EN DASH}"
_MORE = "\N{HORIZONTAL ELLIPSIS}"
_SHOWN = 120
"""Characters of a value that a cell shows."""
_UNSTAGED = "**not staged: content is not verified**"
_UNSTAGED_STRICT = "**not staged: will not start**"
_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
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


def emit_summary(
    deployment: Deployment,
    lock: WeightsLock,
    serve: Mapping[str, Any],
    assessment: Assessment,
    authorities: Sequence[str] = (),
) -> dict[str, bytes]:
    """Render `SUMMARY.md`.

    Args:
        deployment: the plan.
        lock: what the weights are.
        serve: the compiled template of the gateway's stack, for what is said of authentication.
        assessment: whether the models fit, and what the instances cost.
        authorities: certificate authorities that are trusted beside the public ones.
    """
    config = deployment.config
    text = (
        jinja_environment()
        .get_template("summary/SUMMARY.md.j2")
        .render(
            deployment=deployment,
            config=config,
            rest_api=_service_row(
                "Gateway", _NOTHING, _rest_endpoint(deployment), deployment.rest_api, weights=_NOTHING, fit=_NOTHING
            ),
            models=[
                _model_row(model, lock, _fit(model, assessment), strict=config.weights.strict)
                for model in deployment.models
            ],
            adapters=[
                _adapter_row(model, adapter, lock, strict=config.weights.strict)
                for model in deployment.models
                for adapter in model.adapters
            ],
            fit_reasons=[_cell(line) for line in fit_reasons(assessment)],
            cost=cost_lines(assessment),
            withheld=[model.identifier for model in config.ecs_models if not model.deploy],
            external=[_external_row(deployment, index) for index in range(len(deployment.external_models))],
            repositories=[_repository_row(deployment, index) for index in range(len(deployment.repositories))],
            nodes=[(stack.component, stack.name) for stack in deployment.stacks],
            edges=[(before, after) for after, direct in deployment.direct_dependencies().items() for before in direct],
            authorities=[_cell(text) for text in authorities],
            exposed=_exposed(deployment, _access(deployment, serve)),
            settings=_settings(deployment),
            permissions=_permissions(deployment),
            totals=_totals(deployment),
        )
    )
    return {PATH: text.encode()}


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}\N{EN DASH}{high}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fit(model: ModelPlan, assessment: Assessment) -> str:
    """Whether a model fits, with the keys that the answer follows from."""
    index = model.service.key[-1]
    found = next((one for one in assessment.models if one.index == index), None)
    text = _NOTHING if found is None else short_verdict(found.answer)
    config = model.config
    environment = config.container_config.environment.values()
    return following(text, config.model_name, config.instance_type, *environment)


def _model_row(model: ModelPlan, lock: WeightsLock, fit: str, *, strict: bool) -> _Row:
    kind = f"{model.config.model_type}, {model.config.inference_container}"
    if model.config.streaming:
        kind += ", streaming"
    weights = _weights(model, lock, strict=strict)
    return _service_row(model.identifier, kind, model.url, model.service, weights=weights, fit=fit)


def _weights(model: ModelPlan, lock: WeightsLock, *, strict: bool) -> str:
    locked = lock.models.get(model.config.model_name)
    if locked is None:
        return _UNSTAGED_STRICT if strict else _UNSTAGED
    revision = f" at {locked.revision[:12]}" if locked.revision else ""
    return f"{locked.total_bytes / 1e9:.1f} GB, {locked.parameters / 1e9:.1f} B parameters{revision}{_proofs(locked)}"


def _adapter_row(model: ModelPlan, adapter: AdapterPlan, lock: WeightsLock, *, strict: bool) -> dict[str, str]:
    return {
        "name": _cell(adapter.name),
        "base": _cell(model.identifier),
        "source": _cell(adapter.weights),
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
    missing = [f"{proof.kind} not proved ({_cell(proof.detail)})" for proof in locked.proofs if not proof.is_made]
    return "; " + "; ".join([*([f"proved: {', '.join(made)}"] if made else []), *missing])


def _service_row(name: str, kind: str, endpoint: str, service: ServicePlan, *, weights: str, fit: str) -> _Row:
    instance = service.instance
    low, high = service.auto_scaling.min_capacity, service.auto_scaling.max_capacity
    gpus = (
        f"{instance.gpus} {_TIMES} {instance.gpu_name} ({instance.gpu_memory_mib / 1024:.0f} GiB)"
        if instance.gpus
        else _NOTHING
    )
    return _Row(
        name=_cell(name),
        kind=_cell(kind),
        instance=instance.name,
        gpus=gpus,
        replicas=_range(low, high),
        endpoint=_cell(endpoint),
        ami=_cell(_ami(service.ami)),
        image=_cell(_image(service.image)),
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


def _image(image: PlannedImage) -> str:
    if isinstance(image, BuiltImage):
        return f"{image.kind} on {image.base_image}"
    if isinstance(image, EcrRepositoryImage):
        return f"{image.repository_arn.split(':repository/')[-1]}{image.reference} (ECR)"
    if isinstance(image, RegistryImageReference):
        return image.uri
    return f"{image.path} (tarball)"


def _rest_endpoint(deployment: Deployment) -> str:
    domain = deployment.rest_api_domain or "(load balancer)"
    return f"{deployment.rest_api.scheme}://{domain}"


def _external_row(deployment: Deployment, index: int) -> dict[str, str]:
    model = deployment.external_models[index]
    kind = model.model_type or _NOTHING
    return {
        "name": _cell(model.name),
        "provider": _cell(model.provider),
        "target": _cell(model.api_base or model.target),
        "kind": f"{kind}, streaming" if model.streaming else kind,
    }


def _repository_row(deployment: Deployment, index: int) -> dict[str, str]:
    plan = deployment.repositories[index]
    return {
        "name": _cell(plan.config.repository_id),
        "type": str(plan.config.type),
        "store": f"new: {plan.resource_name}" if plan.resource_name else "existing",
    }


def _access(deployment: Deployment, serve: Mapping[str, Any]) -> str:
    """Who may use the gateway, by the task definition and the image that it runs."""
    found = [read_authentication(task) for _, task in gateway_tasks(serve["Resources"])]
    problems = " ".join(problem for one in found for problem in one.problems)
    if not found or any(one.access is Access.UNKNOWN for one in found):
        return f"**authentication unknown** {problems}".rstrip()
    if any(one.access is Access.ANYONE for one in found):
        return "**no authentication**"
    image = deployment.rest_api.image
    if isinstance(image, BuiltImage) and image.kind == GATEWAY:
        return "requires an OIDC or API token"
    return f"requires an OIDC or API token **if `{_image(image)}` is LISA's gateway**; LISA did not build this image"


def _exposed(deployment: Deployment, access: str) -> list[str]:
    lines = []
    rest = deployment.rest_api
    protocol = "HTTPS" if rest.certificate_arn else "**unencrypted HTTP**"
    source = "the internet" if rest.internet_facing else "the VPC"
    lines.append(f"Gateway load balancer: {protocol} ({rest.port}) from {source}; {access}")
    config = deployment.config
    domain = config.api_gateway_config.domain_name
    where = f"https://{domain}" if domain else "its default address (execute-api)"
    callers = (
        "models, sessions and RAG; requires an OIDC token"
        if deployment.use_auth
        else "models; rejects all requests because `authConfig` is not set"
    )
    lines.append(f"Management API (API Gateway, regional) at {where}: {callers}")
    if deployment.deploys("ui"):
        lines.append("Chat application: static files through API Gateway; public")
    return lines


def _settings(deployment: Deployment) -> list[dict[str, str]]:
    """What the configuration passes through: variables of containers, and LiteLLM's settings beside the models."""
    services = [("Gateway", deployment.rest_api), *((model.identifier, model.service) for model in deployment.models)]
    rows = [
        (owner, f"environment.{name}", f"secret {value}" if name in dict(service.secrets) else value)
        for owner, service in services
        for name, value in sorted(service.container.environment.items())
    ]
    rows += [
        (owner, "serverArgs", " ".join(map(_word, service.arguments)))
        for owner, service in services
        if service.arguments
    ]
    litellm = deployment.config.litellm_config.model_dump(mode="json", exclude_unset=True, exclude={"model_list"})
    for section, content in litellm.items():
        keys = content.items() if isinstance(content, dict) else [("", content)]
        rows += [("LiteLLM", f"{section}.{key}".rstrip("."), json.dumps(value)) for key, value in keys]
    return [{"owner": _cell(owner), "name": _code(name), "value": _code(value)} for owner, name, value in rows]


def _word(text: str) -> str:
    """An argument as a shell reads it."""
    plain = bare(text)
    return text if shlex.quote(plain) == plain else "'" + text.replace("'", "'\\''") + "'"


def _code(text: str) -> str:
    shown = " ".join(text.replace("`", "'").split())
    return f"`{_cell(shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + _MORE)}`" if shown else _NOTHING


def _permissions(deployment: Deployment) -> list[str]:
    lines = []
    boundary = _boundary(deployment)
    if boundary:
        lines.append(f"All IAM roles have the permissions boundary `{boundary}`.")
    lines.extend(
        _permission(grant, f"model {model.name}") for model in deployment.external_models for grant in model.grants
    )
    lines.extend(_permission(grant, "LiteLLM") for grant in deployment.litellm_grants)
    if deployment.models:
        bucket = deployment.config.s3_bucket_models
        adapters = ", and those of its adapters," if any(model.adapters for model in deployment.models) else ""
        lines.append(
            f"The role of each model can only read its prefix{adapters} of `s3://{bucket}`. No role can write to this"
            " bucket."
        )
    privileged = [model.identifier for model in deployment.models if model.service.privileged]
    if privileged:
        lines.append(f"**Privileged** containers, because mount-s3 requires FUSE: {', '.join(privileged)}.")
    lines.append("Instances are accessible only through Session Manager.")
    return lines


def _permission(grant: Grant, owner: str) -> str:
    when = f", through `{grant.condition[1]}` only" if grant.condition else ""
    return (
        f"The gateway role has permission for `{'`, `'.join(grant.actions)}` on "
        f"`{'`, `'.join(grant.resources)}`{when} ({owner})."
    )


def _boundary(deployment: Deployment) -> str | None:
    """Name of the permissions boundary, when there is one."""
    boundary = deployment.config.permissions_boundary_aspect
    return boundary.policy if boundary else None


def _totals(deployment: Deployment) -> dict[str, str]:
    low = sum(model.service.auto_scaling.min_capacity * model.service.instance.gpus for model in deployment.models)
    high = sum(model.service.auto_scaling.max_capacity * model.service.instance.gpus for model in deployment.models)
    return {"gpus": _range(low, high)}
