"""The summary emitter: SUMMARY.md, what an environment deploys, for the person who reviews it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from lisa_compiler.emit.access_summary import access_rows, content_lines, content_store_text
from lisa_compiler.emit.fit_summary import cost_lines, fit_reasons
from lisa_compiler.emit.summary_rows import (
    NOTHING,
    adapter_row,
    alarm_rows,
    cell,
    count_range,
    external_row,
    fit_text,
    image_text,
    model_row,
    repository_row,
    route_row,
    schedule_rows,
    service_row,
)
from lisa_compiler.output.gateway_authentication import Access, gateway_tasks, read_authentication
from lisa_compiler.plan.images import BuiltImage
from lisa_compiler.plan.model_routes import plan_model_routes
from lisa_compiler.plan.provenance import bare
from lisa_compiler.plan.routes import BACK_CHANNEL_LOGOUT
from lisa_compiler.resources import jinja_environment
from lisa_schema.settable_variables import GATEWAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.fit.assessment import Assessment
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.external_models import Grant
    from lisa_weights.lock.lock_file import WeightsLock

PATH = "SUMMARY.md"
_MORE = "\N{HORIZONTAL ELLIPSIS}"
_SHOWN = 120
"""Characters of a value that a cell shows."""


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
            rest_api=service_row(
                "Gateway", NOTHING, _rest_endpoint(deployment), deployment.rest_api, weights=NOTHING, fit=NOTHING
            ),
            models=[
                model_row(model, lock, fit_text(model, assessment), strict=config.weights.strict)
                for model in deployment.models
            ],
            adapters=[
                adapter_row(model, adapter, lock, strict=config.weights.strict)
                for model in deployment.models
                for adapter in model.adapters
            ],
            fit_reasons=[cell(line) for line in fit_reasons(assessment)],
            cost=cost_lines(assessment),
            schedules=schedule_rows(deployment),
            withheld=[model.identifier for model in config.ecs_models if not model.deploy],
            routes=[route_row(route) for route in plan_model_routes(deployment)],
            external=[external_row(deployment, index) for index in range(len(deployment.external_models))],
            repositories=[repository_row(deployment, index) for index in range(len(deployment.repositories))],
            nodes=[(stack.component, stack.name) for stack in deployment.stacks],
            edges=[(before, after) for after, direct in deployment.direct_dependencies().items() for before in direct],
            authorities=[cell(text) for text in authorities],
            exposed=_exposed(deployment, _access(deployment, serve)),
            access=access_rows(deployment),
            audited_content=content_lines(deployment),
            content_store=content_store_text(deployment),
            settings=_settings(deployment),
            permissions=_permissions(deployment),
            alarms=alarm_rows(deployment),
            totals=_totals(deployment),
        )
    )
    return {PATH: text.encode()}


def _rest_endpoint(deployment: Deployment) -> str:
    domain = deployment.rest_api_domain or "(load balancer)"
    return f"{deployment.rest_api.scheme}://{domain}"


def _access(deployment: Deployment, serve: Mapping[str, Any]) -> str:
    """Who may use the gateway, by the task definition and the image that it runs."""
    found = [read_authentication(task) for _, task in gateway_tasks(serve["Resources"])]
    problems = " ".join(problem for one in found for problem in one.problems)
    if not found or any(one.access is Access.UNKNOWN for one in found):
        return f"**authentication unknown** {problems}".rstrip()
    if any(one.access is Access.ANYONE for one in found):
        return "**no authentication**"
    image = deployment.rest_api.image
    tokens = "requires an OIDC or API token"
    if not (isinstance(image, BuiltImage) and image.kind == GATEWAY):
        tokens += f" **if `{image_text(image)}` is LISA's gateway**; LISA did not build this image"
    if any(one.trusted.get("LEGACY_TOKENS") != "false" for one in found):
        tokens += "; **API tokens in plain text** in the token table are accepted (`authConfig.legacyTokens`)"
    return tokens


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
        "models, sessions, API tokens and RAG; requires an OIDC token"
        if deployment.use_auth
        else "models; rejects all requests because `authConfig` is not set"
    )
    lines.append(f"Management API (API Gateway, regional) at {where}: {callers}")
    if config.auth_config is not None and deployment.receives_sign_outs:
        client = config.auth_config.client_id
        url = f"`{where}{BACK_CHANNEL_LOGOUT}`" if domain else "in the output `BackChannelLogoutUrl` of the serve stack"
        lines.append(
            f"Back-channel logout URL, for the client `{client}` at the identity provider: {url}; public; accepts "
            "logout tokens that the provider signed (`authConfig.backChannelLogout`)"
        )
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
    return [{"owner": cell(owner), "name": _code(name), "value": _code(value)} for owner, name, value in rows]


def _word(text: str) -> str:
    """An argument as a shell reads it."""
    plain = bare(text)
    return text if shlex.quote(plain) == plain else "'" + text.replace("'", "'\\''") + "'"


def _code(text: str) -> str:
    shown = " ".join(text.replace("`", "'").split())
    return f"`{cell(shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + _MORE)}`" if shown else NOTHING


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
    low = sum(model.service.auto_scaling.least_capacity * model.service.instance.gpus for model in deployment.models)
    high = sum(model.service.auto_scaling.max_capacity * model.service.instance.gpus for model in deployment.models)
    return {"gpus": count_range(low, high)}
