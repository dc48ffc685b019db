"""The iam stack: the deployment's encryption key, and the roles that several stacks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from lisa_compiler.emit.cloudformation.constructs.container_roles import add_execution_role, add_instance_role
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.plan.names import MODELS_EXECUTION, MODELS_INSTANCE
from lisa_schema.models import OpenSearchDomain

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.protocol import SharedModelAccess, StackInput
    from lisa_compiler.plan import Deployment


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return IamStack(app, stack.deployment, assets, stack.shared_models)


class IamStack(LisaStack):
    """Encryption key, and the roles that all models share."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets, shared: SharedModelAccess | None) -> None:
        super().__init__(app, deployment, "iam")
        self._key = self._encryption_key()
        if shared is not None:
            self._model_roles(shared, assets)
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
            description="Whether to create the service-linked role for OpenSearch (once per account)",
        )
        role = iam.CfnServiceLinkedRole(
            self,
            "OpenSearchServiceLinkedRole",
            aws_service_name="opensearchservice.amazonaws.com",
            description="Allows OpenSearch domains to create network interfaces in a VPC",
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
                allow("kms:*", "*", to={"AWS": deployment.names.account}),
                allow(
                    ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                    "*",
                    to={"Service": deployment.service_principal("logs")},
                    when={
                        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": deployment.arn("logs", "log-group:*")},
                    },
                ),
                *_auto_scaling(deployment),
            ),
        )
        key.add_metadata(
            "checkov",
            {
                "skip": [
                    {
                        "id": "CKV_AWS_33",
                        "comment": "Conditions limit these statements to the account's Auto Scaling role.",
                    }
                ]
            },
        )
        self.keep_or_delete(key)
        self.publish("Key", "keys/data", key.attr_arn, description="ARN of the KMS key that encrypts data at rest")
        return key

    def _model_roles(self, shared: SharedModelAccess, assets: Assets) -> None:
        """The roles that all models share: ECS starts their tasks with one, and their instances have the other."""
        execution = add_execution_role(
            self,
            "ModelsExecutionRole",
            MODELS_EXECUTION,
            tasks="models",
            cluster=self.deployment.names.cluster("*"),
            repositories=shared.repositories,
            assets=shared.assets,
            secrets=shared.secrets,
            model_keys=True,
        )
        self.publish(
            "ModelsExecutionRole",
            f"roles/{MODELS_EXECUTION}",
            execution.attr_arn,
            description="ARN of the execution role for tasks of models",
        )
        instance, _ = add_instance_role(
            self,
            "Models",
            MODELS_INSTANCE,
            instances="models",
            cluster=self.deployment.names.cluster("*"),
            signaled=shared.stacks,
            needs_target_health=True,
            assets=assets,
        )
        self.publish(
            "ModelsInstanceRole",
            f"roles/{MODELS_INSTANCE}",
            instance.attr_arn,
            description="ARN of the role for instances of models",
        )

    @property
    def key_arn(self) -> str:
        """ARN of the deployment's encryption key, which this stack creates."""
        return self._key.attr_arn


def _auto_scaling(deployment: Deployment) -> tuple[Statement, Statement]:
    """What Auto Scaling needs to launch instances with volumes that the key encrypts.

    Its service-linked role has no permission for keys (Amazon EC2 Auto Scaling User Guide, "Required AWS KMS key policy
    for use with encrypted volumes"). It is named by conditions, since KMS rejects a principal that does not exist yet:
    an account gets the role with its first Auto Scaling group.
    """
    role = deployment.arn(
        "iam", "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", region=False
    )
    is_role = {"aws:PrincipalArn": role, "kms:CallerAccount": deployment.names.account}
    return (
        allow(
            ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            "*",
            to={"AWS": "*"},
            when={"StringEquals": is_role},
        ),
        allow(
            "kms:CreateGrant",
            "*",
            to={"AWS": "*"},
            when={"StringEquals": is_role, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )
