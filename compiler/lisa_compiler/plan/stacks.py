"""Stacks of a deployment, in the order in which they are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.plan.deployment import StackPlan
from lisa_compiler.plan.service_plans import ModelPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.plan.names import Names
    from lisa_schema.document import Path
    from lisa_schema.models import Config

_STACK_KEYS: Mapping[str, Path] = {
    "networking": ("vpc",),
    "core": ("lambdaConfig",),
    "api-base": ("authConfig",),
    "serve": ("restApiConfig",),
    "models-api": ("ecsModels",),
    "chat": ("deployChat",),
    "rag": ("deployRag",),
    "ui": ("deployUi",),
    "api-deployment": ("apiGatewayConfig",),
}
"""By component, the key that adds its stack to the deployment or configures most of it; iam follows from all keys."""


def plan_stacks(config: Config, names: Names, models: tuple[ModelPlan, ...]) -> tuple[StackPlan, ...]:
    """Plan the stacks of a deployment.

    Args:
        config: a validated configuration.
        names: names of its deployment.
        models: its hosted models that are deployed.
    """
    foundations = ("iam", "networking", "core")
    api = (*foundations, "api-base")
    stacks: list[tuple[str, str, tuple[str, ...]]] = [
        ("iam", "encryption key, roles and policies", ()),
        ("networking", "VPC, endpoints, security groups and private DNS", ("iam",)),
        ("core", "Lambda layers and access-log bucket", ("iam",)),
        ("api-base", "API Gateway API with its authorizer", foundations),
        # The gateway answers the web application, whose address is that of the API.
        ("serve", "OpenAI-compatible gateway", api),
        *((model.component, f"model {model.identifier}", foundations) for model in models),
        ("models-api", "API for model management", api),
    ]
    routes = ["serve", "models-api"]
    if config.deploy_chat:
        stacks.append(("chat", "chat sessions", api))
        routes.append("chat")
    if config.deploy_rag:
        stacks.append(("rag", "document repositories (RAG)", (*api, "serve")))
        routes.append("rag")
    if config.deploy_ui:
        stacks.append(("ui", "chat application", (*api, "serve")))
        routes.append("ui")
    stacks.append(("api-deployment", "API deployment and stage", ("api-base", *routes)))
    keys = {**_STACK_KEYS, **{model.component: model.service.key for model in models}}
    switches = {component: (_STACK_KEYS[component],) for component in ("chat", "rag", "ui")} | {
        model.component: (
            (*model.service.key, "deploy"),
            (*model.service.key, "modelId" if model.config.model_id else "modelName"),
        )
        for model in models
    }
    return tuple(
        StackPlan(
            component=component,
            name=names.stack(component),
            description=f"LISA {config.deployment_name} ({config.deployment_stage}): {purpose}",
            depends_on=depends_on,
            key=keys.get(component, ()),
            switches=switches.get(component, ()),
        )
        for component, purpose, depends_on in stacks
    )
