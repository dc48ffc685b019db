"""The key that a model's server requires, in Secrets Manager: ECS passes it to the server, the gateway reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_secretsmanager as secretsmanager

from lisa_compiler.emit.cloudformation.constructs.policies import allow

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan.service_plans import ModelPlan

VARIABLE = "LISA_MODEL_KEY"
"""The variable of the model's container, which its entrypoint passes to the server."""

_LENGTH = 48


def add_model_key(stack: LisaStack, model: ModelPlan) -> dict[str, str]:
    """Add the secret of a model, with a generated key.

    Args:
        stack: the model's stack.
        model: the model.

    Returns:
        Variables of its container by name, with what ECS reads them from; empty without `modelKeys`.
    """
    if model.key is None:
        return {}
    secret = secretsmanager.CfnSecret(
        stack,
        "Key",
        name=model.key.secret,
        description=f"Key of model {model.identifier}, which the gateway sends",
        kms_key_id=stack.key_arn,
        generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
            exclude_punctuation=True, password_length=_LENGTH
        ),
    )
    stack.acknowledge(
        secret,
        {"AwsSolutions-SMG4": "The server reads the key when it starts: replace the value, then the model's tasks."},
    )
    return {VARIABLE: secret.ref}


def read_model_keys(stack: LisaStack) -> list[Statement]:
    """Statements for the keys of all models of a deployment, without use of its KMS key; none without `modelKeys`."""
    deployment = stack.deployment
    if not deployment.config.model_keys:
        return []
    secrets = deployment.arn("secretsmanager", f"secret:{deployment.names.model_key_secret('*')}-??????")
    return [allow("secretsmanager:GetSecretValue", secrets)]


def acknowledge_model_keys(stack: LisaStack) -> dict[str, str]:
    """The reason for the wildcards of `read_model_keys`, for cdk-nag."""
    return {
        f"AwsSolutions-IAM5[Resource::{resource}]": "Keys of the deployment's models; ARNs end in random characters."
        for statement in read_model_keys(stack)
        for resource in [statement["Resource"]]
        if isinstance(resource, str) and "*" in resource
    }
