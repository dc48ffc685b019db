"""Roles with which ECS starts tasks and instances join a cluster: the gateway's, and those that all models share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.secret_access import read_secrets
from lisa_compiler.plan.provenance import bare
from lisa_compiler.plan.trust import ProjectTrust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Document
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import Deployment


def add_execution_role(
    stack: LisaStack,
    construct_id: str,
    purpose: str,
    *,
    tasks: str,
    cluster: str,
    repositories: Sequence[str],
    secrets: Sequence[str],
) -> iam.CfnRole:
    """Add what ECS itself uses before a task runs: to pull the image, write logs, and resolve secrets.

    Args:
        stack: where the role is.
        construct_id: of the role.
        purpose: in the role's name.
        tasks: whose tasks these are, for the description.
        cluster: name of the cluster, or a pattern.
        repositories: ARNs of ECR repositories of the configuration, in addition to that of assets.
        secrets: what becomes variables, as ECS refers to it: ARNs of secrets and parameters, with JSON key and version.
    """
    deployment = stack.deployment
    partition, region = deployment.region.partition.id, deployment.names.region
    accounts = [
        f"arn:{partition}:ecr:{region}:{account}:repository/*" for account in deployment.config.account_numbers_ecr
    ]
    images = {deployment.arn("ecr", f"repository/{_asset_repository(deployment)}"), *repositories, *accounts}
    logs = deployment.arn("logs", f"log-group:/lisa/{cluster}:*")
    policies = {
        "images": document(
            allow("ecr:GetAuthorizationToken", "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                sorted(images, key=bare),
            ),
        ),
        "logs": document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logs])),
    }
    if secrets:
        policies["secrets"] = document(
            *read_secrets(stack, sorted(secrets, key=bare)), stack.use_key("secretsmanager", "ssm")
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
    cluster_arn = deployment.arn("ecs", f"cluster/{cluster}")
    in_cluster = deployment.arn("ecs", f"container-instance/{cluster}/*")
    scaling_group = deployment.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{cluster}")
    stacks = [deployment.arn("cloudformation", f"stack/{one}/*") for one in signaled]
    session_manager = f"arn:{deployment.region.partition.id}:iam::aws:policy/AmazonSSMManagedInstanceCore"
    role = stack.role(
        f"{name}InstanceRole",
        purpose,
        trust=trust(deployment.service_principal("ec2"), account=deployment.names.account),
        managed_policies=[session_manager],
        policies={
            **_read_trust_bundle(stack, assets),
            "ecs-agent": document(
                allow("ecs:DiscoverPollEndpoint", "*"),
                allow(
                    [
                        "ecs:DeregisterContainerInstance",
                        "ecs:RegisterContainerInstance",
                        "ecs:SubmitAttachmentStateChanges",
                        "ecs:SubmitContainerStateChange",
                        "ecs:SubmitTaskStateChange",
                    ],
                    cluster_arn,
                ),
                allow(
                    [
                        "ecs:Poll",
                        "ecs:PutSystemLogEvents",
                        "ecs:StartTelemetrySession",
                        "ecs:UpdateContainerInstancesState",
                    ],
                    in_cluster,
                ),
            ),
            # templates/instance/lifecycle.py
            "lifecycle": document(
                allow("autoscaling:CompleteLifecycleAction", scaling_group),
                allow("cloudformation:SignalResource", stacks),
                *([allow("elasticloadbalancing:DescribeTargetHealth", "*")] if needs_target_health else []),
            ),
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
            f"AwsSolutions-IAM4[Policy::{session_manager}]": (
                "Session Manager needs this policy; there is no other way in."
            ),
            "AwsSolutions-IAM5[Resource::*]": "These actions take no resource.",
            f"AwsSolutions-IAM5[Resource::{scaling_group}]": "Auto Scaling makes the id in a group's ARN.",
            **{f"AwsSolutions-IAM5[Resource::{one}]": "Ids of stacks, and stacks of models." for one in stacks},
            f"AwsSolutions-IAM5[Resource::{cluster_arn}]": "The clusters of this deployment's models.",
            f"AwsSolutions-IAM5[Resource::{in_cluster}]": "Instances of these clusters; with ids that ECS makes.",
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


def _asset_repository(deployment: Deployment) -> str:
    names = deployment.names
    if deployment.config.stack_synthesizer == "LegacyStackSynthesizer":
        return "aws-cdk/assets"
    return f"cdk-hnb659fds-container-assets-{names.account}-{names.region}"
