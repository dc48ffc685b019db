"""The rag stack: documents, repositories and the function that searches them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.buckets import PrivateBucket
from lisa_compiler.emit.cloudformation.constructs.database_users import DatabaseUser, connect_as, make_users
from lisa_compiler.emit.cloudformation.constructs.function_role import add_function_role
from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
from lisa_compiler.emit.cloudformation.constructs.json_parameters import publish_json
from lisa_compiler.emit.cloudformation.constructs.opensearch import (
    SEARCH_ACTIONS,
    OpenSearchRepository,
    search_log_policy,
)
from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.postgres import PostgresRepository
from lisa_compiler.emit.cloudformation.constructs.routes import Routes, web_origin
from lisa_compiler.emit.cloudformation.constructs.secret_access import read_secrets
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.trust import add_database_trust_layer
from lisa_compiler.plan.access import repository_access
from lisa_compiler.plan.names import REPOSITORIES, REPOSITORY_ACCESS, REST_API_VPC_URL
from lisa_compiler.plan.routes import REPOSITORY_ROUTES
from lisa_schema.models import OpenSearchDomain, OpenSearchEndpoint, RagFileProcessingConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aws_cdk as cdk
    from aws_cdk import aws_logs as logs

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment, RepositoryPlan


_POSTGRES_PORT = 5432
# Defaults of LISA 2.x, when the configuration has no ragFileProcessingConfig.
_CHUNK_SIZE = 512
_CHUNK_OVERLAP = 51


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return RagStack(app, stack.deployment, assets)


class RagStack(LisaStack):
    """Documents bucket, repositories and the repository function."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "rag")
        config = deployment.config
        documents = deployment.names.documents_bucket
        users = [user for plan in deployment.repositories if (user := self._database_user(plan)) is not None]
        statements = [*self._statements(users), *connect_as(self, users)]
        self._role = add_function_role(self, "RagRole", function="rag", statements=statements)
        PrivateBucket(
            self,
            "Documents",
            name=documents,
            key_arn=self.key_arn,
            log_bucket=deployment.names.bucket("access-logs"),
            cors_origin=web_origin(self),
        )
        if any(isinstance(plan.config.opensearch_config, OpenSearchDomain) for plan in deployment.repositories):
            # A domain names it as its master user.
            self.keep_with_data(self._role)
        layers, variables = add_database_trust_layer(self, assets)
        made = make_users(self, users, assets=assets, layers=layers, environment=variables) if users else {}
        by_plan = {user.plan.id: user for user in users}
        for repository in deployment.repositories:
            connection = self._connection(repository, by_plan.get(repository.id))
            parameter = self.publish(
                f"Repository{repository.id}",
                f"{REPOSITORIES}/{repository.config.repository_id}",
                self.to_json_string(connection),
                description=f"Connection of RAG repository {repository.config.repository_id}",
            )
            if repository.id in made:
                # Functions read it while they run: the user must be there before.
                self.parameter(parameter).add_resource_dependency(made[repository.id])
        processing = config.rag_file_processing_config or RagFileProcessingConfig(
            chunkSize=_CHUNK_SIZE, chunkOverlap=_CHUNK_OVERLAP
        )
        function = PythonFunction(
            self,
            "Rag",
            function="rag",
            package="repository",
            role_arn=self._role.attr_arn,
            layers=["common", "rag"],
            further_layers=layers,
            environment={
                **variables,
                "BUCKET_NAME": documents,
                "CHUNK_OVERLAP": str(processing.chunk_overlap),
                "CHUNK_SIZE": str(processing.chunk_size),
                "LISA_API_URL_PS_NAME": deployment.names.parameter(REST_API_VPC_URL),
                "LOG_LEVEL": deployment.function_log_level,
                "REPOSITORIES_PS_PATH": deployment.names.parameter(REPOSITORIES),
                "REPOSITORY_ACCESS_PS_NAME": self._publish_access(),
                "REST_API_VERSION": config.rest_api_config.api_version,
                "WEB_ORIGIN": web_origin(self),
            },
            assets=assets,
            description="Ingests documents and searches RAG repositories",
            timeout=900,
            memory=1024,
        )
        for resource in made.values():
            function.resource.add_resource_dependency(resource)
        Routes(self, "Routes", routes=REPOSITORY_ROUTES, function=function)

    def _statements(self, users: Sequence[DatabaseUser]) -> list[Statement]:
        deployment = self.deployment
        documents = f"arn:{deployment.region.partition.id}:s3:::{deployment.names.documents_bucket}"
        repositories = deployment.arn("ssm", f"parameter{deployment.names.parameter(REPOSITORIES)}")
        rest_api = deployment.arn("ssm", f"parameter{deployment.names.parameter(REST_API_VPC_URL)}")
        access = deployment.arn("ssm", f"parameter{deployment.names.parameter(REPOSITORY_ACCESS)}")
        statements = [
            allow(["s3:GetObject", "s3:PutObject"], f"{documents}/*"),
            allow("s3:ListBucket", documents),
            allow("ssm:GetParameter", [rest_api]),
            allow("ssm:GetParameters", access),
            # A long access document is split below its parameter.
            allow("ssm:GetParametersByPath", [repositories, access]),
            self.use_key("s3"),
        ]
        configured = [
            plan.config.rds_config
            for plan in deployment.repositories
            if plan.config.rds_config is not None and plan.database_user is None
        ]
        # Secrets that LISA makes have its key; the others have that of secretKeyArns, or of AWS.
        makes_secrets = any(rds.password_secret_id is None for rds in configured)
        if makes_secrets or not all(user.uses_iam for user in users):
            statements.append(self.use_key("secretsmanager"))
        # A secret is named by its name or ARN; the ARN ends in six random characters.
        secrets = {rds.password_secret_id for rds in configured if rds.password_secret_id is not None}
        references = {secret for secret in secrets if secret.startswith("arn:")}
        domains: list[str] = []
        for plan in deployment.repositories:
            if isinstance(plan.config.opensearch_config, OpenSearchDomain) and plan.resource_name:
                domains.append(deployment.arn("es", f"domain/{plan.resource_name}/*"))
        if domains:
            statements.append(allow(SEARCH_ACTIONS, domains))
        return statements + read_secrets(self, sorted(references), sorted(secrets - references))

    def _publish_access(self) -> str:
        """Publish which groups may use which repositories; returns the parameter's name."""
        return publish_json(
            self,
            "RepositoryAccess",
            REPOSITORY_ACCESS,
            repository_access(self.deployment.config),
            description="RAG repositories that the callers of each group may use",
            source=[("accessConfig",)],
        )

    @cached_property
    def _search_log_policy(self) -> logs.CfnResourcePolicy:
        return search_log_policy(self)

    def _database_user(self, plan: RepositoryPlan) -> DatabaseUser | None:
        """The user that LISA makes in the database of a repository, which is added where LISA creates it."""
        rds = plan.config.rds_config
        if rds is None or plan.database_user is None:
            return None
        if plan.resource_name is not None:
            database = PostgresRepository(self, f"Repository{plan.id}", plan=plan, settings=rds)
            host, resource_id, secret = database.host, database.resource_id, database.secret_arn
        else:
            host, resource_id, secret = rds.db_host or "", rds.dbi_resource_id or "", rds.password_secret_id or ""
        return DatabaseUser(
            plan=plan,
            host=host,
            port=_POSTGRES_PORT,
            resource_id=resource_id,
            administrator_secret=secret,
            is_made_here=plan.resource_name is not None,
        )

    def _connection(self, plan: RepositoryPlan, user: DatabaseUser | None) -> dict[str, object]:
        """Make a search domain, or name the existing store; returns the connection information of a repository."""
        settings = plan.config.opensearch_config
        if isinstance(settings, OpenSearchEndpoint):
            return {"type": "opensearch", "endpoint": settings.endpoint}
        if isinstance(settings, OpenSearchDomain):
            domain = OpenSearchRepository(
                self,
                f"Repository{plan.id}",
                plan=plan,
                settings=settings,
                reader_arn=self._role.attr_arn,
                log_policy=self._search_log_policy,
            )
            return {"type": "opensearch", "endpoint": domain.endpoint}
        rds = plan.config.rds_config
        assert rds is not None  # noqa: S101  (a rule of the configuration)
        found: dict[str, object] = {"type": "pgvector", "dbPort": _POSTGRES_PORT, "dbName": rds.db_name}
        if user is None:
            return {
                **found,
                "dbHost": rds.db_host,
                "username": rds.username,
                "passwordSecretId": rds.password_secret_id,
            }
        secret = user.password_secret(self)
        return {
            **found,
            "dbHost": user.host,
            "functionUser": rds.signs_in.value,
            "username": user.name,
            **({"passwordSecretId": secret} if secret else {}),
        }
