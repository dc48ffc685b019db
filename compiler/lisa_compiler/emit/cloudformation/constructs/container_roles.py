"""Roles with which ECS starts tasks and instances join a cluster: the gateway's, and those that all models share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from lisa_compiler.emit.cloudformation.constructs.model_key import acknowledge_model_keys, read_model_keys
from lisa_compiler.emit.cloudformation.constructs.policies import allow, deny, document, trust
from lisa_compiler.emit.cloudformation.constructs.secret_access import read_secrets
from lisa_compiler.plan.provenance import bare
from lisa_compiler.plan.trust import ProjectTrust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Document, Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import Deployment

_WRITE_LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
_AGENT_ON_CLUSTER = (
    "ecs:DeregisterContainerInstance",
    "ecs:RegisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
_AGENT_ON_INSTANCE = ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState")
_SESSION_MANAGER = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)


def add_execution_role(
    stack: LisaStack,
    construct_id: str,
    purpose: str,
    *,
    tasks: str,
    cluster: str,
    repositories: Sequence[str],
    assets: bool,
    secrets: Sequence[str],
    model_keys: bool = False,
) -> iam.CfnRole:
    """Add what ECS itself uses before a task runs: to pull the image, write logs, and resolve secrets.

    Args:
        stack: where the role is.
        construct_id: of the role.
        purpose: in the role's name.
        tasks: whose tasks these are, for the description.
        cluster: name of the cluster, or a pattern.
        repositories: ARNs of ECR repositories of the configuration.
        assets: whether images are in the repository of the CDK's assets too.
        model_keys: whether the keys of models become variables.
        secrets: what becomes variables, as ECS refers to it: ARNs of secrets and parameters, with JSON key and version.
    """
    deployment = stack.deployment
    partition, region = deployment.region.partition.id, deployment.names.region
    accounts = [
        f"arn:{partition}:ecr:{region}:{account}:repository/*" for account in deployment.config.account_numbers_ecr
    ]
    images = {*repositories, *accounts}
    if assets:
        images.add(deployment.arn("ecr", f"repository/{_asset_repository(deployment)}"))
    logs = deployment.arn("logs", f"log-group:/lisa/{cluster}:*")
    others = [deployment.arn("logs", f"log-group:/lisa/{one}:*") for one in _other_clusters(deployment, cluster)]
    policies = {
        **({"images": _pull_images(sorted(images, key=bare))} if images else {}),
        "logs": document(allow(_WRITE_LOGS, [logs]), *([deny(_WRITE_LOGS, others)] if others else [])),
    }
    keys = read_model_keys(stack) if model_keys else []
    if secrets or keys:
        services = dict.fromkeys((*_secret_services(secrets), *(["secretsmanager"] if keys else [])))
        policies["secrets"] = document(
            *read_secrets(stack, sorted(secrets, key=bare)), *keys, stack.use_key(*sorted(services))
        )
    role = stack.role(
        construct_id,
        purpose,
        trust=trust(deployment.service_principal("ecs-tasks"), account=deployment.names.account),
        policies=policies,
        description=f"Execution role for tasks of {tasks}",
    )
    stack.acknowledge(
        role,
        {
            "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken takes no resource.",
            **(acknowledge_model_keys(stack) if model_keys else {}),
            f"AwsSolutions-IAM5[Resource::{logs}]": "Streams of this log group.",
            **{
                f"AwsSolutions-IAM5[Resource::{repository}]": "accountNumbersEcr trusts the account's images."
                for repository in images
                if repository.endswith("*")
            },
        },
    )
    return role


def add_instance_role(
    stack: LisaStack,
    name: str,
    purpose: str,
    *,
    instances: str,
    cluster: str,
    signaled: Sequence[str],
    needs_target_health: bool,
    assets: Assets,
) -> tuple[iam.CfnRole, iam.CfnInstanceProfile]:
    """Add what the ECS agent and the lifecycle program use; Session Manager is the only way in for people.

    Args:
        stack: where the role and its instance profile are.
        name: begins the ids of both constructs.
        purpose: in both names.
        instances: whose instances these are, for the description.
        cluster: name of the cluster and of its Auto Scaling group, or a pattern.
        signaled: names of the stacks that the instances signal, or patterns.
        needs_target_health: whether an instance waits for its target to be healthy.
        assets: artifacts that the instances read.
    """
    deployment = stack.deployment
    resources = _cluster_resources(deployment, cluster)
    others = [_cluster_resources(deployment, one) for one in _other_clusters(deployment, cluster)]
    stacks = [deployment.arn("cloudformation", f"stack/{one}/*") for one in signaled]
    instance_arn = deployment.arn("ec2", "instance/*")
    role = stack.role(
        f"{name}InstanceRole",
        purpose,
        trust=trust(deployment.service_principal("ec2"), account=deployment.names.account),
        policies={
            **_read_trust_bundle(stack, assets),
            "ecs-agent": document(
                allow("ecs:DiscoverPollEndpoint", "*"),
                allow(_AGENT_ON_CLUSTER, resources.cluster),
                allow(_AGENT_ON_INSTANCE, resources.instances),
            ),
            # templates/instance/lifecycle.py
            "lifecycle": document(
                allow("autoscaling:CompleteLifecycleAction", resources.scaling_group),
                allow("cloudformation:SignalResource", stacks),
                *([allow("elasticloadbalancing:DescribeTargetHealth", "*")] if needs_target_health else []),
            ),
            # The managed policy AmazonSSMManagedInstanceCore would read every parameter of the account (AWS Systems
            # Manager User Guide, "Create a custom IAM role for Session Manager").
            "session-manager": document(
                allow("ssm:UpdateInstanceInformation", instance_arn), allow(_SESSION_MANAGER, "*")
            ),
            **({"other-clusters": document(*itertools.chain(*(one.denials() for one in others)))} if others else {}),
        },
        description=f"Role for instances of {instances}",
    )
    profile = iam.CfnInstanceProfile(
        stack,
        f"{name}InstanceProfile",
        instance_profile_name=deployment.names.instance_profile(purpose),
        path=deployment.names.iam_path,
        roles=[role.ref],
    )
    stack.record_path(profile)
    stack.acknowledge(
        role,
        {
            "AwsSolutions-IAM5[Resource::*]": "These actions take no resource.",
            f"AwsSolutions-IAM5[Resource::{instance_arn}]": "EC2 makes the ids of instances.",
            f"AwsSolutions-IAM5[Resource::{resources.scaling_group}]": "Auto Scaling makes the id in a group's ARN.",
            **{f"AwsSolutions-IAM5[Resource::{one}]": "Ids of stacks, and stacks of models." for one in stacks},
            f"AwsSolutions-IAM5[Resource::{resources.cluster}]": "The clusters of this deployment's models.",
            f"AwsSolutions-IAM5[Resource::{resources.instances}]": "Instances of these clusters, whose ids ECS makes.",
        },
    )
    return role, profile


def _read_trust_bundle(stack: LisaStack, assets: Assets) -> dict[str, Document]:
    deployment = stack.deployment
    if not isinstance(deployment.trust, ProjectTrust):
        return {}
    bucket, key = assets.trust_archive(stack)
    return {
        "trust-bundle": document(
            allow("s3:GetObject", f"arn:{deployment.region.partition.id}:s3:::{bucket}/{key}"),
        )
    }


def _pull_images(repositories: Sequence[str]) -> Document:
    return document(
        allow("ecr:GetAuthorizationToken", "*"),
        allow(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], repositories),
    )


def _asset_repository(deployment: Deployment) -> str:
    names = deployment.names
    if deployment.config.stack_synthesizer == "LegacyStackSynthesizer":
        return "aws-cdk/assets"
    return f"cdk-hnb659fds-container-assets-{names.account}-{names.region}"


@dataclass(frozen=True, slots=True)
class _ClusterResources:
    """ARNs of a cluster, its instances and its Auto Scaling group."""

    cluster: str
    instances: str
    scaling_group: str

    def denials(self) -> tuple[Statement, ...]:
        return (
            deny(_AGENT_ON_CLUSTER, self.cluster),
            deny(_AGENT_ON_INSTANCE, self.instances),
            deny("autoscaling:CompleteLifecycleAction", self.scaling_group),
        )


def _cluster_resources(deployment: Deployment, cluster: str) -> _ClusterResources:
    return _ClusterResources(
        cluster=deployment.arn("ecs", f"cluster/{cluster}"),
        instances=deployment.arn("ecs", f"container-instance/{cluster}/*"),
        scaling_group=deployment.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{cluster}"),
    )


def _other_clusters(deployment: Deployment, cluster: str) -> list[str]:
    """The gateway's cluster, where a pattern for the models' clusters stands for it too."""
    gateway = deployment.rest_api.cluster
    return [gateway] if cluster != gateway else []


def _secret_services(arns: Sequence[str]) -> list[str]:
    return [service for service in ("secretsmanager", "ssm") if any(f":{service}:" in arn for arn in arns)]
