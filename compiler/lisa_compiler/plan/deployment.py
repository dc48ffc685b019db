"""The deployment plan: everything the emitters need to know, as frozen data without any AWS library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.plan.service_plans import ModelPlan, ServicePlan

if TYPE_CHECKING:
    from lisa_compiler.plan.content_audit import ContentAuditPlan
    from lisa_compiler.plan.external_models import ExternalModel, Grant
    from lisa_compiler.plan.names import Names
    from lisa_compiler.plan.trust import Trust
    from lisa_schema.document import Path
    from lisa_schema.models import (
        Config,
        RagRepository,
    )
    from lisa_schema.regions import Region


class PlanError(ValueError):
    """A valid configuration that cannot be planned: a defect of the rules, never of the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """One CloudFormation stack.

    Attributes:
        component: what it deploys: `iam`, `serve`, `model-<id>` …; unique within a deployment.
        name: CloudFormation stack name.
        description: one line for the reader of the console.
        depends_on: components that are deployed before it.
        key: the key that adds the stack to the deployment, or configures most of it; empty when none does.
        switches: the keys that decide whether the deployment has the stack; empty for one that every deployment has.
    """

    component: str
    name: str
    description: str
    depends_on: tuple[str, ...]
    key: Path = ()
    switches: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """A Lambda layer.

    Attributes:
        name: common, authorizer, fastapi, rag or sdk.
        prebuilt: path of a zip file in the project, or None to build it from pinned requirements.
    """

    name: str
    prebuilt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPlan:
    """A RAG repository.

    Attributes:
        id: letters and digits of the repository's id, for logical ids.
        key: the key of its configuration, an entry of `ragRepositories`.
        config: its configuration.
        resource_name: identifier of the database instance or search domain that is made for it; None when it exists.
        connection_parameter: Parameter Store name of its connection information.
        database_user: user that LISA makes for the function in a database; None where it makes none.
    """

    id: str
    key: Path
    config: RagRepository
    resource_name: str | None
    connection_parameter: str
    database_user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that one environment deploys.

    Attributes:
        environment: name of the environment.
        config: the effective configuration.
        region: region with its partition.
        names: names of the deployment.
        stacks: in an order in which they can be deployed.
        rest_api: the gateway's service.
        models: the hosted models with `deploy: true`, in the configuration's order.
        external_models: entries of `litellmConfig.model_list`, with what the gateway needs to call them.
        litellm_grants: what the gateway needs for guardrails, knowledge bases, log callbacks and caches of LiteLLM.
        layers: Lambda layers.
        repositories: RAG repositories; empty unless `deployRag`.
        python_runtime: Lambda runtime, as `python3.13`.
        use_auth: whether the gateway checks tokens.
        content_audit: the store of audited content; None if there is none.
        trust: the certificate authorities that are trusted beside the public ones; None for no others.
        records_keys: whether emitters record the keys that decide a value without being written in it.
    """

    environment: str
    config: Config
    region: Region
    names: Names
    stacks: tuple[StackPlan, ...]
    rest_api: ServicePlan
    models: tuple[ModelPlan, ...]
    external_models: tuple[ExternalModel, ...]
    litellm_grants: tuple[Grant, ...]
    layers: tuple[LayerPlan, ...]
    repositories: tuple[RepositoryPlan, ...]
    python_runtime: str
    use_auth: bool
    content_audit: ContentAuditPlan | None
    trust: Trust | None
    records_keys: bool = False

    @property
    def services(self) -> tuple[ServicePlan, ...]:
        """The gateway's service and those of the models, in the configuration's order."""
        return (self.rest_api, *(model.service for model in self.models))

    @property
    def retains(self) -> bool:
        """Whether stateful resources outlive their stack."""
        return self.config.removal_policy == "retain"

    @property
    def makes_database_users(self) -> bool:
        """Whether LISA prepares a database, with a user for the RAG function."""
        return any(plan.database_user is not None for plan in self.repositories)

    @property
    def receives_sign_outs(self) -> bool:
        """Whether the identity provider reports sign-outs."""
        return self.config.auth_config is not None and self.config.auth_config.back_channel_logout

    @property
    def function_log_level(self) -> str:
        """How much the Lambda functions log."""
        return self.config.lambda_config.log_level or self.config.log_level

    @property
    def rest_api_domain(self) -> str | None:
        """Domain name of the gateway, when one is configured."""
        return self.rest_api.load_balancer.domain_name

    @property
    def rest_api_host(self) -> str:
        """Name that reaches the gateway from the VPC: the configured one, else one in the private hosted zone."""
        return self.rest_api_domain or self.names.rest_api_host

    def stack(self, component: str) -> StackPlan:
        """The stack of a component; KeyError when the environment does not deploy it."""
        for stack in self.stacks:
            if stack.component == component:
                return stack
        raise KeyError(component)

    def direct_dependencies(self) -> dict[str, tuple[str, ...]]:
        """By component, what it depends on without what follows from its other dependencies."""
        declared = {stack.component: stack.depends_on for stack in self.stacks}

        def reachable(component: str) -> set[str]:
            return set().union(*({name} | reachable(name) for name in declared[component]))

        return {
            component: tuple(
                name for name in dependencies if not any(name in reachable(other) for other in dependencies)
            )
            for component, dependencies in declared.items()
        }

    def deploys(self, component: str) -> bool:
        """Whether the environment has a stack for a component."""
        return any(stack.component == component for stack in self.stacks)

    def service_principal(self, service: str) -> str:
        """The principal of an AWS service in trust and resource policies, as the Region table has it."""
        return self.region.service_principal(service)

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN in the deployment's partition; `region` and `account` may be left blank as some services want."""
        names = self.names
        return (
            f"arn:{self.region.partition.id}:{service}:"
            f"{names.region if region else ''}:{names.account if account else ''}:{resource}"
        )
