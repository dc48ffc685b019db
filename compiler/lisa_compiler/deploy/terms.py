"""What a property of a deployed resource is called in the configuration, so that drift is told in its terms.

Not every property follows from a key of its own: log retention, for instance, is LISA's. For those the nearest key that
governs the resource is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

_SERVICE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("AWS::AutoScaling::AutoScalingGroup", "MinSize"): "autoScalingConfig.minCapacity",
        ("AWS::AutoScaling::AutoScalingGroup", "MaxSize"): "autoScalingConfig.maxCapacity",
        ("AWS::AutoScaling::AutoScalingGroup", "Cooldown"): "autoScalingConfig.cooldown",
        ("AWS::AutoScaling::AutoScalingGroup", "DefaultInstanceWarmup"): "autoScalingConfig.defaultInstanceWarmup",
        ("AWS::AutoScaling::AutoScalingGroup", ""): "autoScalingConfig",
        ("AWS::AutoScaling::ScalingPolicy", ""): "autoScalingConfig.metricConfig",
        ("AWS::EC2::LaunchTemplate", "LaunchTemplateData/InstanceType"): "instanceType",
        (
            "AWS::EC2::LaunchTemplate",
            "LaunchTemplateData/BlockDeviceMappings",
        ): "autoScalingConfig.blockDeviceVolumeSize",
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/0/Image"): "containerConfig.image",
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/0/Environment"): "containerConfig.environment",
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/0/HealthCheck"): "containerConfig.healthCheckConfig",
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/0/LinuxParameters"): "containerConfig.sharedMemorySize",
        ("AWS::ECS::TaskDefinition", ""): "containerConfig",
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", ""): "loadBalancerConfig",
        ("AWS::ElasticLoadBalancingV2::Listener", "Certificates"): "loadBalancerConfig.sslCertIamArn",
        ("AWS::ElasticLoadBalancingV2::Listener", ""): "loadBalancerConfig",
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "HealthCheckPath"): "loadBalancerConfig.healthCheckConfig.path",
        ("AWS::ElasticLoadBalancingV2::TargetGroup", ""): "loadBalancerConfig.healthCheckConfig",
    }
)
"""Keys of `restApiConfig` and of a model, by resource type and beginning of the property's path."""

_ANYWHERE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("AWS::Lambda::Function", "Runtime"): "lambdaConfig.pythonRuntime",
        ("AWS::Lambda::Function", "Code"): "lambdaSourcePath",
        ("AWS::Lambda::Function", "VpcConfig"): "vpc",
        ("AWS::Lambda::Function", "Environment/Variables/LOG_LEVEL"): "lambdaConfig.logLevel",
        ("AWS::Lambda::Function", "Environment/Variables/AUTHORITY"): "authConfig.authority",
        ("AWS::Lambda::Function", "Environment/Variables/CLIENT_ID"): "authConfig.clientId",
        ("AWS::Lambda::Function", "Environment/Variables/ADMIN_GROUP"): "authConfig.adminGroup",
        ("AWS::Lambda::LayerVersion", ""): "lambdaLayerAssets",
        ("AWS::IAM::Role", "PermissionsBoundary"): "permissionsBoundaryAspect",
        ("AWS::EC2::VPC", ""): "vpcId",
        ("AWS::DynamoDB::Table", "DeletionProtectionEnabled"): "removalPolicy",
    }
)
"""Keys of the whole configuration, likewise."""

_COMPONENTS: Mapping[str, str] = MappingProxyType(
    {
        "networking": "vpc",
        "core": "lambdaLayerAssets",
        "serve": "restApiConfig",
        "api-base": "apiGatewayConfig",
        "api-deployment": "apiGatewayConfig",
        "models-api": "ecsModels",
        "chat": "deployChat",
        "rag": "deployRag",
        "ui": "deployUi",
    }
)
"""The key that governs a stack as a whole; none does for iam, which follows from all of them."""


def configuration_key(deployment: Deployment, component: str, resource_type: str, logical_id: str, path: str) -> str:
    """The key of the configuration that a property follows from; empty when no key governs it.

    Args:
        deployment: the plan.
        component: component of the stack.
        resource_type: as `AWS::ECS::Service`.
        logical_id: the resource's, in which a repository's id is.
        path: path of the property, as `ContainerDefinitions/0/Image`; empty for the whole resource.
    """
    block = component_key(deployment, component)
    if component == "serve" or component.startswith("model-"):
        found = _longest(_SERVICE, resource_type, path)
        return f"{block}.{found}" if found else block
    if found := _longest(_ANYWHERE, resource_type, path):
        return found
    for repository in deployment.repositories if component == "rag" else ():
        if logical_id.startswith(f"Repository{repository.id}"):
            return f"ragRepositories[{repository.config.repository_id}]"
    return block


def component_key(deployment: Deployment, component: str) -> str:
    """The key that governs a stack as a whole; empty when none does."""
    for model in deployment.models:
        if model.component == component:
            return f"ecsModels[{model.identifier}]"
    return _COMPONENTS.get(component, "")


def _longest(table: Mapping[tuple[str, str], str], resource_type: str, path: str) -> str:
    found = [
        (beginning, key)
        for (kind, beginning), key in table.items()
        if kind == resource_type and (not beginning or path == beginning or path.startswith(f"{beginning}/"))
    ]
    return max(found, default=("", ""), key=lambda each: len(each[0]))[1]
