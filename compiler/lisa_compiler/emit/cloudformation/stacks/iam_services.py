"""Roles of the container services: what their tasks may do, what ECS does for them, and what their instances are."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.plan.images import EcrRepositoryImage
from lisa_compiler.plan.provenance import bare
from lisa_compiler.plan.trust import ProjectTrust

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.policies import Document, Statement
    from lisa_compiler.emit.cloudformation.stacks.iam import IamStack
    from lisa_compiler.plan import Deployment, ModelPlan, ServicePlan


def add_service_roles(stack: IamStack) -> None:
    """Add the roles of the REST API and of every hosted model."""
    deployment = stack.deployment
    _rest_api_role(stack)
    for model in deployment.models:
        _model_role(stack, model)
    _execution_role(stack, "rest-api", [deployment.rest_api])
    _instance_role(stack, "rest-api")
    if deployment.models:
        _execution_role(stack, "models", [model.service for model in deployment.models])
        _instance_role(stack, "models")


def _rest_api_role(stack: IamStack) -> None:
    deployment = stack.deployment
    names = deployment.names
    registered = deployment.arn("ssm", f"parameter{names.parameter('registeredModels')}")
    policies: dict[str, Document] = {
        "tokens": document(
            allow("dynamodb:GetItem", deployment.arn("dynamodb", f"table/{names.token_table}")),
            stack.use_key("dynamodb"),
        ),
        "registered-models": document(
            allow(["ssm:GetParameter", "ssm:GetParametersByPath"], [registered, f"{registered}/*"])
        ),
    }
    grants = sorted({model.grant for model in deployment.external_models if model.grant}, key=str)
    if grants:
        # Exactly while litellmConfig.model_list names such models, and for those models alone.
        by_actions: dict[tuple[str, ...], set[str]] = {}
        for grant in grants:
            by_actions.setdefault(grant.actions, set()).update(grant.resources)
        policies["external-models"] = document(
            *(allow(actions, sorted(resources)) for actions, resources in sorted(by_actions.items()))
        )
    role = stack.publish_role(
        "RestApiTaskRole",
        "task-rest-api",
        trust_document=trust(deployment.service_principal("ecs-tasks"), account=stack.deployment.names.account),
        policies=policies,
        description="Task role of the REST API",
    )
    stack.acknowledge(
        role,
        {
            f"AwsSolutions-IAM5[Resource::{registered}/*]": "A long list of models is split below this parameter.",
            **{
                f"AwsSolutions-IAM5[Resource::{resource}]": "A cross-region inference profile calls its model in "
                "any region of its geography."
                for grant in grants
                for resource in grant.resources
                if "*" in resource
            },
        },
    )


def _model_role(stack: IamStack, model: ModelPlan) -> None:
    deployment = stack.deployment
    bucket = f"arn:{deployment.region.partition.id}:s3:::{deployment.config.s3_bucket_models}"
    prefix = model.weights_prefix
    role = stack.publish_role(
        f"Model{model.id}TaskRole",
        f"task-{model.id}",
        trust_document=trust(deployment.service_principal("ecs-tasks"), account=stack.deployment.names.account),
        policies={
            "weights": document(
                allow("s3:GetObject", f"{bucket}/{prefix}*"),
                allow("s3:ListBucket", bucket, when={"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}}),
            )
        },
        description=f"Task role of model {model.identifier}",
    )
    stack.acknowledge(
        role, {f"AwsSolutions-IAM5[Resource::{bucket}/{prefix}*]": "All files of this model's weights, no others."}
    )


def _execution_role(stack: IamStack, group: str, services: list[ServicePlan]) -> None:
    """What ECS itself does for a task before it runs: pull the image, write logs, resolve secrets."""
    deployment = stack.deployment
    repositories = {deployment.arn("ecr", f"repository/{_asset_repository(stack.deployment)}")}
    repositories.update(
        service.image.repository_arn for service in services if isinstance(service.image, EcrRepositoryImage)
    )
    for account in deployment.config.account_numbers_ecr:
        partition = deployment.region.partition.id
        repositories.add(f"arn:{partition}:ecr:{deployment.names.region}:{account}:repository/*")
    logs = [deployment.arn("logs", f"log-group:/lisa/{service.cluster}:*") for service in services]
    log_pattern = deployment.arn("logs", f"log-group:/lisa/{deployment.names.cluster('*')}:*")
    logs_scope = logs if group == "rest-api" else [log_pattern]
    policies = {
        "images": document(
            allow("ecr:GetAuthorizationToken", "*"),
            allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                sorted(repositories, key=bare),
            ),
        ),
        "logs": document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs_scope)),
    }
    secrets = sorted({arn for service in services for _, arn in service.secrets})
    if secrets:
        policies["secrets"] = document(
            *_read_secrets(secrets),
            stack.use_key("secretsmanager", "ssm"),
        )
    role = stack.publish_role(
        f"{_pascal(group)}ExecutionRole",
        f"execution-{group}",
        trust_document=trust(deployment.service_principal("ecs-tasks"), account=stack.deployment.names.account),
        policies=policies,
        description=f"Execution role of {group} tasks",
    )
    stack.acknowledge(
        role,
        {
            "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken takes no resource.",
            **{f"AwsSolutions-IAM5[Resource::{scope}]": "Streams of this log group." for scope in logs_scope},
            **{
                f"AwsSolutions-IAM5[Resource::{repository}]": "accountNumbersEcr trusts the account's images."
                for repository in repositories
                if repository.endswith("*")
            },
        },
    )


def _instance_role(stack: IamStack, group: str) -> None:
    """What the ECS agent does on an instance; people get in through Session Manager alone."""
    deployment = stack.deployment
    cluster = deployment.names.cluster("rest-api" if group == "rest-api" else "*")
    cluster_arn = deployment.arn("ecs", f"cluster/{cluster}")
    instances = deployment.arn("ecs", f"container-instance/{cluster}/*")
    scaling_group = deployment.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{cluster}")
    signaled = [deployment.arn("cloudformation", f"stack/{name}/*") for name in _instance_stacks(deployment, group)]
    role = stack.publish_role(
        f"{_pascal(group)}InstanceRole",
        f"instance-{group}",
        trust_document=trust(deployment.service_principal("ec2"), account=stack.deployment.names.account),
        managed_policies=[
            f"arn:{deployment.region.partition.id}:iam::aws:policy/AmazonSSMManagedInstanceCore",
        ],
        policies={
            **_read_trust_bundle(stack),
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
                    instances,
                ),
            ),
            # templates/instance/lifecycle.py
            "lifecycle": document(
                allow("autoscaling:CompleteLifecycleAction", scaling_group),
                allow("cloudformation:SignalResource", signaled),
                *([] if group == "rest-api" else [allow("elasticloadbalancing:DescribeTargetHealth", "*")]),
            ),
        },
        description=f"Instance role of {group} instances",
    )
    iam.CfnInstanceProfile(
        stack,
        f"{_pascal(group)}InstanceProfile",
        instance_profile_name=deployment.names.instance_profile(f"instance-{group}"),
        roles=[role.ref],
    )
    stack.acknowledge(
        role,
        {
            f"AwsSolutions-IAM4[Policy::arn:{deployment.region.partition.id}:iam::aws:policy/"
            "AmazonSSMManagedInstanceCore]": "Session Manager needs this policy; there is no other way in.",
            "AwsSolutions-IAM5[Resource::*]": "These actions take no resource.",
            f"AwsSolutions-IAM5[Resource::{scaling_group}]": "Auto Scaling makes the id in a group's ARN.",
            **{
                f"AwsSolutions-IAM5[Resource::{stack_arn}]": "Ids of stacks, and stacks of models."
                for stack_arn in signaled
            },
            f"AwsSolutions-IAM5[Resource::{cluster_arn}]": "The clusters of this deployment's models.",
            f"AwsSolutions-IAM5[Resource::{instances}]": "Instances of these clusters; their ids are made at run time.",
        },
    )


def _read_trust_bundle(stack: IamStack) -> dict[str, Document]:
    deployment = stack.deployment
    if not isinstance(deployment.trust, ProjectTrust):
        return {}
    bucket, key = stack.assets.trust_archive(stack)
    return {
        "trust-bundle": document(
            allow("s3:GetObject", f"arn:{deployment.region.partition.id}:s3:::{bucket}/{key}"),
        )
    }


def _instance_stacks(deployment: Deployment, group: str) -> list[str]:
    """Names of the stacks that the instances of a group signal; those of models with a wildcard where it fits."""
    if group == "rest-api":
        return [deployment.stack("serve").name]
    names = deployment.names
    pattern = f"{names.deployment}-{names.app}-model-*-{names.stage}"
    own = {deployment.stack(model.component).name for model in deployment.models}
    shortened = {name for name in own if not fnmatchcase(bare(name), bare(pattern))}
    return sorted(({pattern} if own - shortened else set()) | shortened)


def _asset_repository(deployment: Deployment) -> str:
    names = deployment.names
    if deployment.config.stack_synthesizer == "LegacyStackSynthesizer":
        return "aws-cdk/assets"
    return f"cdk-hnb659fds-container-assets-{names.account}-{names.region}"


def _read_secrets(arns: list[str]) -> list[Statement]:
    statements = []
    secrets = [arn for arn in arns if ":secretsmanager:" in arn]
    parameters = [arn for arn in arns if ":ssm:" in arn]
    if secrets:
        statements.append(allow("secretsmanager:GetSecretValue", secrets))
    if parameters:
        statements.append(allow("ssm:GetParameters", parameters))
    return statements


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
