"""Roles of the Lambda functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.policies import allow, deny, document, trust
from lisa_compiler.emit.cloudformation.stacks.chat import SESSIONS_BY_UPDATE_INDEX
from lisa_compiler.plan.names import (
    EFFECTIVE_CONFIGURATION,
    REGISTERED_MODELS,
    REPOSITORIES,
    REST_API_VPC_URL,
    model_id,
)

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.stacks.iam import IamStack


def add_function_roles(stack: IamStack) -> None:
    """Add the roles of the functions that the environment deploys."""
    deployment = stack.deployment
    names = deployment.names
    sessions = deployment.arn("dynamodb", f"table/{names.sessions_table}")
    _function_role(stack, "authorizer", [])
    _function_role(stack, "models", _models_statements(stack))
    if deployment.deploys("chat"):
        _function_role(
            stack,
            "session",
            [
                allow(
                    [
                        "dynamodb:BatchWriteItem",
                        "dynamodb:DeleteItem",
                        "dynamodb:GetItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                    [sessions, f"{sessions}/index/{SESSIONS_BY_UPDATE_INDEX}"],
                ),
                stack.use_key("dynamodb"),
            ],
        )
    if deployment.deploys("rag"):
        _function_role(stack, "rag", _rag_statements(stack))


def _models_statements(stack: IamStack) -> list[Statement]:
    deployment = stack.deployment
    names = deployment.names
    clusters = deployment.arn("ecs", f"cluster/{names.cluster('*')}")
    services = deployment.arn("ecs", f"service/{names.cluster('*')}/*")
    group = "autoScalingGroup:*:autoScalingGroupName/{}".format
    models = deployment.arn("ssm", f"parameter{names.parameter(REGISTERED_MODELS)}")
    configuration = deployment.arn("ssm", f"parameter{names.parameter(EFFECTIVE_CONFIGURATION)}")
    return [
        allow(
            ["ssm:GetParameters", "ssm:GetParametersByPath"],
            [models, f"{models}/*", configuration, f"{configuration}/*"],
        ),
        allow("ecs:ListServices", "*", when={"ArnLike": {"ecs:cluster": clusters}}),
        allow("ecs:DescribeServices", services),
        allow("autoscaling:DescribeAutoScalingGroups", "*"),
        allow("autoscaling:UpdateAutoScalingGroup", deployment.arn("autoscaling", group(names.cluster("*")))),
        # The gateway's group has a name like the models'.
        deny(
            "autoscaling:UpdateAutoScalingGroup",
            deployment.arn("autoscaling", group(deployment.rest_api.cluster)),
        ),
        allow(
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            deployment.arn("dynamodb", f"table/{names.proposals_table}"),
        ),
        stack.use_key("dynamodb"),
    ]


def _rag_statements(stack: IamStack) -> list[Statement]:
    deployment = stack.deployment
    documents = f"arn:{deployment.region.partition.id}:s3:::{deployment.names.documents_bucket}"
    repositories = deployment.arn("ssm", f"parameter{deployment.names.parameter(REPOSITORIES)}")
    rest_api = deployment.arn("ssm", f"parameter{deployment.names.parameter(REST_API_VPC_URL)}")
    statements = [
        allow(["s3:GetObject", "s3:PutObject"], f"{documents}/*"),
        allow("s3:ListBucket", documents),
        # GetParameter of repositories is for a function of an earlier release, until its own stack is updated.
        allow("ssm:GetParameter", [rest_api, f"{repositories}/*"]),
        allow("ssm:GetParametersByPath", [repositories, f"{repositories}/*"]),
        stack.use_key("s3", "secretsmanager"),
    ]
    secrets: list[str] = []
    domains: list[str] = []
    for plan in deployment.repositories:
        rds = plan.config.rds_config
        if rds is not None:
            # An existing database's secret is named by id or ARN; the ARN ends in six random characters.
            secret = rds.password_secret_id or f"{deployment.names.prefix.strip('/')}/repositories/{plan.id}"
            secrets.append(
                secret if secret.startswith("arn:") else deployment.arn("secretsmanager", f"secret:{secret}-??????")
            )
        elif plan.resource_name:
            domains.append(deployment.arn("es", f"domain/{plan.resource_name}/*"))
    if domains:
        statements.append(
            allow(["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut"], domains)
        )
    if secrets:
        statements.append(allow("secretsmanager:GetSecretValue", sorted(set(secrets))))
    return statements


def _function_role(stack: IamStack, function: str, statements: list[Statement]) -> None:
    deployment = stack.deployment
    log_group = deployment.arn("logs", f"log-group:/aws/lambda/{deployment.names.function(function)}:*")
    here = {"StringEquals": {"aws:RequestedRegion": deployment.names.region}}
    policies = {
        "function": document(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group),
            allow(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], "*", when=here),
            # Lambda makes the network interfaces before they have an identity that a policy could name.
            allow(
                [
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                "*",
                when=here,
            ),
            stack.use_key("lambda"),
        )
    }
    if statements:
        policies["work"] = document(*statements)
    role = stack.publish_role(
        f"{model_id(function).capitalize()}FunctionRole",
        f"lambda-{function}",
        trust_document=trust(deployment.service_principal("lambda"), account=stack.deployment.names.account),
        policies=policies,
        description=f"Role of the {function} Lambda functions",
    )
    reasons = {
        f"AwsSolutions-IAM5[Resource::{log_group}]": "Streams of this log group.",
        "AwsSolutions-IAM5[Resource::*]": "Tracing, network interfaces and describing take no resource.",
    }
    for statement in statements:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if "*" in resource:
                reasons[f"AwsSolutions-IAM5[Resource::{resource}]"] = "What is below this resource of LISA's own."
    stack.acknowledge(role, reasons)
