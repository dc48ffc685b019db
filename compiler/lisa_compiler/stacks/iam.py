"""The iam stack: the deployment's encryption key, and the role of everything that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from lisa_compiler.constructs.policies import allow, document, trust
from lisa_compiler.constructs.stack import LisaStack
from lisa_compiler.plan.images import EcrRepositoryImage
from lisa_compiler.plan.names import model_id
from lisa_schema.models import OpenSearchDomain

if TYPE_CHECKING:
    from lisa_compiler.constructs.policies import Document, Statement
    from lisa_compiler.plan import Deployment, ModelPlan, ServicePlan

_USE_KEY = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")


class IamStack(LisaStack):
    """Encryption key, roles, instance profiles and shared policies."""

    def __init__(self, app: cdk.App, deployment: Deployment) -> None:
        super().__init__(app, deployment, "iam")
        self._account = deployment.names.account
        self._key = self._encryption_key()
        self._rest_api_role()
        for model in deployment.models:
            self._model_role(model)
        self._execution_role("rest-api", [deployment.rest_api])
        if deployment.models:
            self._execution_role("models", [model.service for model in deployment.models])
        for group in ("rest-api", "models") if deployment.models else ("rest-api",):
            self._instance_role(group)
        self._function_roles()
        if any(isinstance(plan.config.opensearch_config, OpenSearchDomain) for plan in deployment.repositories):
            self._opensearch_role()

    def _opensearch_role(self) -> None:
        """The role with which OpenSearch enters a VPC: one for the whole account, made only when it is asked for."""
        choice = cdk.CfnParameter(
            self,
            "CreateOpenSearchServiceLinkedRole",
            type="String",
            default="false",
            allowed_values=["true", "false"],
            description="Whether to make the account's service-linked role of OpenSearch; once in an account",
        )
        role = iam.CfnServiceLinkedRole(
            self,
            "OpenSearchServiceLinkedRole",
            aws_service_name="opensearchservice.amazonaws.com",
            description="Lets OpenSearch domains have network interfaces in a VPC",
        )
        role.cfn_options.condition = cdk.CfnCondition(
            self,
            "MakesOpenSearchServiceLinkedRole",
            expression=cdk.Fn.condition_equals(choice.value_as_string, "true"),
        )
        role.apply_removal_policy(cdk.RemovalPolicy.RETAIN)

    def _encryption_key(self) -> kms.CfnKey:
        deployment = self.deployment
        key = kms.CfnKey(
            self,
            "Key",
            description=f"{self.plan.description}: data at rest",
            enable_key_rotation=True,
            pending_window_in_days=7,
            key_policy=document(
                allow("kms:*", "*", to={"AWS": self._account}),
                allow(
                    ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                    "*",
                    to={"Service": deployment.service_principal("logs")},
                    when={
                        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": deployment.arn("logs", "log-group:*")},
                    },
                ),
            ),
        )
        self.keep_or_delete(key)
        self.publish("Key", "keys/data", key.attr_arn, description="Key that encrypts data at rest")
        return key

    def _rest_api_role(self) -> None:
        deployment = self.deployment
        names = deployment.names
        registered = deployment.arn("ssm", f"parameter{names.parameter('registeredModels')}")
        policies: dict[str, Document] = {
            "tokens": document(
                allow("dynamodb:GetItem", deployment.arn("dynamodb", f"table/{names.token_table}")),
                self._use_key("dynamodb"),
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
        role = self._published_role(
            "RestApiTaskRole",
            "task-rest-api",
            trust_document=trust(deployment.service_principal("ecs-tasks"), account=self._account),
            policies=policies,
            description="Task role of the REST API",
        )
        self.acknowledge(
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

    def _model_role(self, model: ModelPlan) -> None:
        deployment = self.deployment
        bucket = f"arn:{deployment.region.partition.id}:s3:::{deployment.config.s3_bucket_models}"
        prefix = model.weights_prefix
        role = self._published_role(
            f"Model{model.id}TaskRole",
            f"task-{model.id}",
            trust_document=trust(deployment.service_principal("ecs-tasks"), account=self._account),
            policies={
                "weights": document(
                    allow("s3:GetObject", f"{bucket}/{prefix}*"),
                    allow("s3:ListBucket", bucket, when={"StringLike": {"s3:prefix": [prefix, f"{prefix}*"]}}),
                )
            },
            description=f"Task role of model {model.identifier}",
        )
        self.acknowledge(
            role, {f"AwsSolutions-IAM5[Resource::{bucket}/{prefix}*]": "All files of this model's weights, no others."}
        )

    def _execution_role(self, group: str, services: list[ServicePlan]) -> None:
        """What ECS itself does for a task before it runs: pull the image, write logs, resolve secrets."""
        deployment = self.deployment
        repositories = {deployment.arn("ecr", f"repository/{self._asset_repository}")}
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
                    sorted(repositories),
                ),
            ),
            "logs": document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], logs_scope)),
        }
        secrets = sorted({arn for service in services for _, arn in service.secrets})
        if secrets:
            policies["secrets"] = document(
                *_read_secrets(secrets),
                self._use_key("secretsmanager", "ssm"),
            )
        role = self._published_role(
            f"{_pascal(group)}ExecutionRole",
            f"execution-{group}",
            trust_document=trust(deployment.service_principal("ecs-tasks"), account=self._account),
            policies=policies,
            description=f"Execution role of {group} tasks",
        )
        self.acknowledge(
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

    def _instance_role(self, group: str) -> None:
        """What the ECS agent does on an instance; people get in through Session Manager alone."""
        deployment = self.deployment
        cluster = deployment.names.cluster("rest-api" if group == "rest-api" else "*")
        cluster_arn = deployment.arn("ecs", f"cluster/{cluster}")
        instances = deployment.arn("ecs", f"container-instance/{cluster}/*")
        role = self._published_role(
            f"{_pascal(group)}InstanceRole",
            f"instance-{group}",
            trust_document=trust(deployment.service_principal("ec2"), account=self._account),
            managed_policies=[
                f"arn:{deployment.region.partition.id}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            ],
            policies={
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
                )
            },
            description=f"Instance role of {group} instances",
        )
        iam.CfnInstanceProfile(
            self,
            f"{_pascal(group)}InstanceProfile",
            instance_profile_name=deployment.names.instance_profile(f"instance-{group}"),
            roles=[role.ref],
        )
        self.acknowledge(
            role,
            {
                f"AwsSolutions-IAM4[Policy::arn:{deployment.region.partition.id}:iam::aws:policy/"
                "AmazonSSMManagedInstanceCore]": "Session Manager needs this policy; there is no other way in.",
                "AwsSolutions-IAM5[Resource::*]": "ecs:DiscoverPollEndpoint takes no resource.",
                f"AwsSolutions-IAM5[Resource::{cluster_arn}]": "The clusters of this deployment's models.",
                f"AwsSolutions-IAM5[Resource::{instances}]": "Instances of these clusters; their ids are made at run "
                "time.",
            },
        )

    def _function_roles(self) -> None:
        deployment = self.deployment
        names = deployment.names
        sessions = deployment.arn("dynamodb", f"table/{names.sessions_table}")
        registered = deployment.arn("ssm", f"parameter{names.parameter('registeredModels')}")
        models_clusters = deployment.arn("ecs", f"cluster/{names.cluster('*')}")
        models_services = deployment.arn("ecs", f"service/{names.cluster('*')}/*")
        groups = deployment.arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{names.cluster('*')}")
        self._function_role("authorizer", [])
        self._function_role(
            "models",
            [
                allow(["ssm:GetParameter", "ssm:GetParametersByPath"], [registered, f"{registered}/*"]),
                allow("ecs:DescribeClusters", models_clusters),
                allow(["ecs:DescribeServices", "ecs:ListServices"], models_services),
                allow("autoscaling:DescribeAutoScalingGroups", "*"),
                allow("autoscaling:UpdateAutoScalingGroup", groups),
            ],
        )
        if deployment.deploys("chat"):
            self._function_role(
                "session",
                [
                    allow(
                        [
                            "dynamodb:BatchWriteItem",
                            "dynamodb:DeleteItem",
                            "dynamodb:GetItem",
                            "dynamodb:PutItem",
                            "dynamodb:Query",
                            "dynamodb:UpdateItem",
                        ],
                        [sessions, f"{sessions}/index/byUserId"],
                    ),
                    self._use_key("dynamodb"),
                ],
            )
        if deployment.deploys("rag"):
            self._function_role("rag", self._rag_statements())

    def _rag_statements(self) -> list[Statement]:
        deployment = self.deployment
        documents = f"arn:{deployment.region.partition.id}:s3:::{deployment.names.documents_bucket}"
        parameters = [
            *(plan.connection_parameter for plan in deployment.repositories),
            deployment.names.parameter("lisaServeRestApiUri"),
        ]
        statements = [
            allow(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], f"{documents}/*"),
            allow("s3:ListBucket", documents),
            allow("ssm:GetParameter", [deployment.arn("ssm", f"parameter{name}") for name in parameters]),
            self._use_key("s3", "secretsmanager"),
        ]
        secrets: list[str] = []
        for plan in deployment.repositories:
            rds = plan.config.rds_config
            if rds is not None:
                # An existing database's secret is named by id or ARN; the ARN ends in six random characters.
                secret = rds.password_secret_id or f"{deployment.names.prefix.strip('/')}/repositories/{plan.id}"
                secrets.append(
                    secret if secret.startswith("arn:") else deployment.arn("secretsmanager", f"secret:{secret}-??????")
                )
            elif plan.resource_name:
                statements.append(
                    allow(
                        ["es:ESHttpDelete", "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost", "es:ESHttpPut"],
                        deployment.arn("es", f"domain/{plan.resource_name}/*"),
                    )
                )
        if secrets:
            statements.append(allow("secretsmanager:GetSecretValue", sorted(set(secrets))))
        return statements

    def _function_role(self, function: str, statements: list[Statement]) -> None:
        deployment = self.deployment
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
                self._use_key("lambda"),
            )
        }
        if statements:
            policies["work"] = document(*statements)
        role = self._published_role(
            f"{model_id(function).capitalize()}FunctionRole",
            f"lambda-{function}",
            trust_document=trust(deployment.service_principal("lambda"), account=self._account),
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
        self.acknowledge(role, reasons)

    def _published_role(
        self,
        construct_id: str,
        purpose: str,
        *,
        trust_document: Document,
        policies: dict[str, Document],
        description: str,
        managed_policies: list[str] | None = None,
    ) -> iam.CfnRole:
        role = self.role(
            construct_id,
            purpose,
            trust=trust_document,
            policies=policies,
            managed_policies=managed_policies,
            description=description,
        )
        self.publish(construct_id, f"roles/{purpose}", role.attr_arn, description=description)
        return role

    def _use_key(self, *services: str) -> Statement:
        """Use of the deployment's key, only through the services that hold the data."""
        suffix = self.deployment.region.partition.dns_suffix
        region = self.deployment.names.region
        via = [f"{service}.{region}.{suffix}" for service in services]
        return allow(_USE_KEY, self._key.attr_arn, when={"StringEquals": {"kms:ViaService": via}})

    @property
    def _asset_repository(self) -> str:
        names = self.deployment.names
        if self.deployment.config.stack_synthesizer == "LegacyStackSynthesizer":
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
