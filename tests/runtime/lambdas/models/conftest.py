"""The models function as its stack deploys it, with one hosted model that runs on a group and a service of moto."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from tests.compiler.conftest import TGI, resources

from lisa_lambdas.models import handler as module
from runtime.lambdas.proxy_events import ADMIN, CONTEXT, proxy_event

CLUSTER = "test-lisa-dev-small"


@dataclass
class Models:
    """The function, and the AWS around it."""

    cluster: str = CLUSTER

    def call(self, method: str, path: str, **others: Any) -> dict[str, Any]:
        return module.handler(proxy_event(method, path, **{"caller": ADMIN, **others}), CONTEXT)

    def group(self) -> tuple[int, int, int]:
        """Least, most and desired instances of the model's group."""
        answer = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[self.cluster])
        (found,) = answer["AutoScalingGroups"]
        return found["MinSize"], found["MaxSize"], found["DesiredCapacity"]

    def host(self) -> None:
        """What the model's stack makes, as far as the function looks at it."""
        images = boto3.client("ec2").describe_images()["Images"]
        scaling, ecs = boto3.client("autoscaling"), boto3.client("ecs")
        scaling.create_launch_configuration(
            LaunchConfigurationName="l", ImageId=images[0]["ImageId"], InstanceType="t3.micro"
        )
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=self.cluster,
            LaunchConfigurationName="l",
            MinSize=1,
            MaxSize=2,
            DesiredCapacity=1,
            AvailabilityZones=["us-east-1a"],
        )
        ecs.create_cluster(clusterName=self.cluster)
        ecs.register_task_definition(
            family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 1, "essential": True}]
        )
        ecs.create_service(
            cluster=self.cluster, serviceName="s", taskDefinition="t", schedulingStrategy="DAEMON", desiredCount=1
        )


@pytest.fixture
def models(
    make_table: Callable[[str, str], str],
    set_environment: Callable[[str], None],
    compiled_templates: dict[str, dict[str, Any]],
) -> Iterator[Models]:
    """The function with its table and with the parameters that the stacks write."""
    make_table("models-api", "ProposalsTable")
    set_environment("models-api")
    for component in ("models-api", "model-small"):
        for parameter in resources(compiled_templates[component], "AWS::SSM::Parameter"):
            properties = parameter["Properties"]
            boto3.client("ssm").put_parameter(Name=properties["Name"], Value=properties["Value"], Type="String")
    module._application.cache_clear()
    yield Models()
    module._application.cache_clear()


@pytest.fixture
def another_model() -> dict[str, Any]:
    """A model that could be hosted besides."""
    return {**TGI, "modelName": "org/other-model", "modelId": "other"}
