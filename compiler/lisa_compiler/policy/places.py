"""Which key of the configuration governs a resource, so that a finding is shown at a line that a person can change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lisa_schema.document import Document, Path, key_path

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment
    from lisa_schema.diagnostics import Origin

_SERVICE: Final[Mapping[str, Path]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("autoScalingConfig",),
    "AWS::AutoScaling::ScalingPolicy": ("autoScalingConfig",),
    "AWS::EC2::LaunchTemplate": ("instanceType",),
    "AWS::ECS::TaskDefinition": ("containerConfig",),
    "AWS::ElasticLoadBalancingV2::Listener": ("loadBalancerConfig",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("loadBalancerConfig", "healthCheckConfig"),
}
"""By the type of a resource, the key below a service's block."""

_REST_API: Final[Mapping[str, Path]] = {
    **_SERVICE,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("internetFacing",),
}
_ANYWHERE: Final[Mapping[str, Path]] = {
    "AWS::ApiGateway::DomainName": ("apiGatewayConfig",),
    "AWS::IAM::InstanceProfile": ("permissionsBoundaryAspect",),
    "AWS::IAM::Role": ("permissionsBoundaryAspect",),
    "AWS::Lambda::Function": ("lambdaConfig",),
    "AWS::Lambda::LayerVersion": ("lambdaLayerAssets",),
}
_COMPONENTS: Final[Mapping[str, Path]] = {
    "api-base": ("authConfig",),
    "api-deployment": ("apiGatewayConfig",),
    "chat": ("deployChat",),
    "core": ("lambdaConfig",),
    "iam": ("permissionsBoundaryAspect",),
    "models-api": ("ecsModels",),
    "networking": ("vpc",),
    "rag": ("ragRepositories",),
    "serve": ("restApiConfig",),
    "ui": ("deployUi",),
}
_SECURITY_GROUP: Final = "AWS::EC2::SecurityGroup"


def governing_key(deployment: Deployment, component: str, resource: str, kind: str) -> Path:
    """Return the path of the key that governs a resource; the configuration may leave it to its default.

    Args:
        deployment: the plan.
        component: component of the stack.
        resource: logical id, or path of the construct.
        kind: CloudFormation type; empty when it is not known.
    """
    for model in deployment.models:
        # A role or a log group of a model is named by the model's id, whatever stack it is in.
        if component == model.component or (component == "iam" and f"Model{model.id}" in resource):
            block = ("ecsModels", deployment.config.ecs_models.index(model.config))
            return (*block, *_SERVICE.get(kind, ())) if component == model.component else block
    if component == "serve":
        return ("restApiConfig", *_REST_API.get(kind, ()))
    if component == "networking" and kind == _SECURITY_GROUP and resource.startswith("RestApi"):
        return ("restApiConfig", "internetFacing")
    for index, repository in enumerate(deployment.repositories):
        if component == "rag" and f"Repository{repository.id}" in resource:
            return ("ragRepositories", index)
    return _ANYWHERE.get(kind) or _COMPONENTS.get(component, ())


def place(document: Document, path: Path) -> tuple[Origin, str]:
    """Return where a key was written and its path as people write it; its nearest block's when it is left out."""
    while path and document.find(path) is None:
        path = path[:-1]
    return (document.key_origin(path) if path else document.root.origin), key_path(path)
