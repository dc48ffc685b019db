"""Properties of resources in the terms of the configuration."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lisa_compiler.deploy.terms import configuration_key
from lisa_compiler.plan import Deployment

REPOSITORY = {"repositoryId": "my-docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}}


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (
            ("serve", "AWS::AutoScaling::AutoScalingGroup", "G", "MaxSize"),
            "restApiConfig.autoScalingConfig.maxCapacity",
        ),
        (
            ("model-small", "AWS::EC2::LaunchTemplate", "T", "LaunchTemplateData/InstanceType"),
            "ecsModels[small].instanceType",
        ),
        (("model-small", "AWS::EC2::LaunchTemplate", "T", "LaunchTemplateData/InstanceTypes"), "ecsModels[small]"),
        (
            ("model-small", "AWS::ECS::TaskDefinition", "T", "ContainerDefinitions/0/Environment/3/Value"),
            "ecsModels[small].containerConfig.environment",
        ),
        (("model-small", "AWS::ECS::TaskDefinition", "T", "Family"), "ecsModels[small].containerConfig"),
        (("chat", "AWS::Lambda::Function", "F", "Runtime"), "lambdaConfig.pythonRuntime"),
        (("chat", "AWS::Lambda::Function", "F", "Timeout"), "deployChat"),
        (("rag", "AWS::RDS::DBInstance", "RepositorymydocsDatabase", "DBInstanceClass"), "ragRepositories[my-docs]"),
        (("rag", "AWS::S3::Bucket", "Documents", "CorsConfiguration"), "deployRag"),
        (("iam", "AWS::IAM::Role", "R", "PermissionsBoundary"), "permissionsBoundaryAspect"),
        (("iam", "AWS::KMS::Key", "K", "EnableKeyRotation"), ""),
    ],
)
def test_the_nearest_key_is_told(
    planned: Callable[..., Deployment], place: tuple[str, str, str, str], key: str
) -> None:
    deployment = planned(deployRag=True, ragRepositories=[REPOSITORY])
    assert configuration_key(deployment, *place) == key
