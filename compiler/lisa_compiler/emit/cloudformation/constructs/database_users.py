"""Users of databases that the RAG function signs in as: another function makes them when the stack is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager

from lisa_compiler.emit.cloudformation.constructs.function_role import add_function_role
from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.secret_access import read_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan import RepositoryPlan

_PASSWORD_LENGTH = 48
_SECONDS = 300
"""Time of the function; when a document is being ingested, an earlier version keeps tables locked."""
_TIMEOUT_SECONDS = 600
"""After this, CloudFormation does not wait any longer for an answer of the function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUser:
    """The user of one repository, and the administrator who makes it.

    Attributes:
        plan: the repository; its plan names the user.
        host: address of the database.
        port: its port.
        resource_id: its resource ID; empty where the user has a password.
        administrator_secret: secret with the administrator's password, as the function asks for it.
        is_made_here: whether that secret is in this stack, and known by its name alone.
    """

    plan: RepositoryPlan
    host: str
    port: int
    resource_id: str
    administrator_secret: str
    is_made_here: bool

    @property
    def name(self) -> str:
        """Name of the user."""
        assert self.plan.database_user is not None  # noqa: S101  (the stack makes it for such repositories alone)
        return self.plan.database_user

    @property
    def uses_iam(self) -> bool:
        """Whether it signs in with tokens of IAM."""
        rds = self.plan.config.rds_config
        return rds is not None and rds.signs_in.value == "iam"

    def password_secret(self, stack: LisaStack) -> str:
        """Name of the secret with its password; empty for a user without one."""
        return "" if self.uses_iam else stack.deployment.names.database_user_secret(self.plan.id)


def connect_as(stack: LisaStack, users: Sequence[DatabaseUser]) -> list[Statement]:
    """Statements with which a function signs in as users: a token for exactly these, or their passwords.

    The key of the secrets with passwords, which LISA makes, is for the caller to permit.
    """
    deployment = stack.deployment
    prefix = deployment.arn("rds-db", "dbuser")
    tokens = [f"{prefix}:{user.resource_id}/{user.name}" for user in users if user.uses_iam]
    names = [user.password_secret(stack) for user in users if not user.uses_iam]
    return [
        *([allow("rds-db:connect", tokens)] if tokens else []),
        *read_secrets(stack, (), made=sorted(names)),
    ]


def make_users(
    stack: LisaStack,
    users: Sequence[DatabaseUser],
    *,
    assets: Assets,
    layers: Sequence[str],
    environment: Mapping[str, str],
) -> dict[str, cdk.CfnCustomResource]:
    """Add the function that makes users, and a custom resource for each of them.

    Args:
        stack: the stack.
        users: at least one user.
        assets: code of the function.
        layers: ARNs of layers with certificate authorities of databases.
        environment: variables that name these.

    Returns:
        The custom resources by the ids of the repositories; what uses a user depends on its resource.
    """
    function = _function(stack, users, assets=assets, layers=layers, environment=environment)
    made = {}
    for user in users:
        secret = user.password_secret(stack)
        password = _secret(stack, user, secret) if secret else None
        resource = cdk.CfnCustomResource(
            stack,
            f"Repository{user.plan.id}User",
            service_token=function.arn,
            service_timeout=_TIMEOUT_SECONDS,
        )
        rds = user.plan.config.rds_config
        assert rds is not None  # noqa: S101  (it has a user)
        connection = {
            "dbHost": user.host,
            "dbPort": user.port,
            "dbName": rds.db_name,
            "administrator": rds.username,
            "administratorSecretId": user.administrator_secret,
            "username": user.name,
            "functionUser": rds.signs_in.value,
            **({} if password is None else {"passwordSecretId": password.ref}),
        }
        resource.add_property_override("Connection", stack.to_json_string(connection))
        # Another version of the function prepares the database again.
        resource.add_property_override("Code", assets.products["functions/database"].sha256)
        made[user.plan.id] = resource
    return made


def _function(
    stack: LisaStack,
    users: Sequence[DatabaseUser],
    *,
    assets: Assets,
    layers: Sequence[str],
    environment: Mapping[str, str],
) -> PythonFunction:
    named = {user.administrator_secret for user in users if not user.is_made_here}
    here = {
        f"{stack.deployment.names.prefix.strip('/')}/repositories/{user.plan.id}" for user in users if user.is_made_here
    }
    here |= {secret for user in users if (secret := user.password_secret(stack))}
    references = sorted(one for one in named if one.startswith("arn:"))
    role = add_function_role(
        stack,
        "DatabaseRole",
        function="database",
        statements=[
            stack.use_key("secretsmanager"),
            *read_secrets(stack, references, sorted(named.difference(references)), made=sorted(here)),
        ],
    )
    return PythonFunction(
        stack,
        "DatabaseUsers",
        function="database",
        package="database",
        role_arn=role.attr_arn,
        layers=["common", "rag"],
        further_layers=layers,
        environment={**environment, "LOG_LEVEL": stack.deployment.function_log_level},
        assets=assets,
        description="Prepares the databases of RAG repositories when they are deployed",
        timeout=_SECONDS,
    )


def _secret(stack: LisaStack, user: DatabaseUser, name: str) -> secretsmanager.CfnSecret:
    secret = secretsmanager.CfnSecret(
        stack,
        f"Repository{user.plan.id}UserSecret",
        name=name,
        description=f"Password of the RAG function in repository {user.plan.config.repository_id}",
        kms_key_id=stack.key_arn,
        generate_secret_string=secretsmanager.CfnSecret.GenerateSecretStringProperty(
            secret_string_template=f'{{"username": "{user.name}"}}',
            generate_string_key="password",
            password_length=_PASSWORD_LENGTH,
            exclude_punctuation=True,
        ),
    )
    stack.keep_or_delete(secret)
    stack.acknowledge(
        secret,
        {"AwsSolutions-SMG4": "The password is generated, and only the function has it; docs/rag.md has its change."},
    )
    return secret
