"""The serve stack: the OpenAI-compatible REST API with its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from lisa_compiler.emit.cloudformation.constructs.container_roles import add_execution_role, add_instance_role
from lisa_compiler.emit.cloudformation.constructs.container_service import ContainerService
from lisa_compiler.emit.cloudformation.constructs.container_task import ContainerRoles
from lisa_compiler.emit.cloudformation.constructs.json_parameters import publish_json
from lisa_compiler.emit.cloudformation.constructs.lifecycle import JOINED
from lisa_compiler.emit.cloudformation.constructs.names import add_names
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.routes import web_origin
from lisa_compiler.emit.cloudformation.constructs.scheduling import replicated
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.tokens import add_token_api, add_token_table, record_last_use
from lisa_compiler.emit.cloudformation.constructs.trust import bundle_download
from lisa_compiler.plan.images import BuiltImage, TarballImage, repository_of
from lisa_compiler.plan.names import REST_API_URL, REST_API_VPC_URL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aws_cdk import aws_iam as iam

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Document, Statement
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment
    from lisa_compiler.plan.external_models import Grant

_GRACE_PERIOD_SECONDS = 300

# A statement must fit into a managed policy, which has 6,144 characters.
_CONDITION_VALUES = 40


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ServeStack(app, stack.deployment, assets, stack)


class ServeStack(LisaStack):
    """Token table, REST API service, and the parameters by which others find it."""

    def __init__(
        self,
        app: cdk.App,
        deployment: Deployment,
        assets: Assets,
        stack: StackInput,
    ) -> None:
        super().__init__(app, deployment, "serve")
        add_token_table(self)
        add_token_api(self, assets)
        service = deployment.rest_api
        rest_api = ContainerService(
            self,
            "RestApi",
            service=service,
            roles=self._roles(assets),
            image_uri=assets.image_uri(self, service.image),
            load_balancer_security_group="restApiLoadBalancer",
            log_bucket=deployment.names.bucket("access-logs"),
            holds_weights=False,
            readiness=JOINED,
            schedule=replicated(service.auto_scaling),
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
            trust=bundle_download(self, assets),
            environment={"WEB_ORIGINS": web_origin(self)},
        )
        balancer = rest_api.load_balancer
        add_names(self, service=service, host=deployment.names.rest_api_host, load_balancer=balancer)
        uri = f"{service.scheme}://{deployment.rest_api_domain or balancer.dns_name}"
        self.publish("RestApiUri", REST_API_URL, uri, description="URL of the gateway")
        self.publish(
            "RestApiVpcUri",
            REST_API_VPC_URL,
            f"{service.scheme}://{deployment.rest_api_host}",
            description="URL of the gateway for callers in the VPC",
        )
        publish_json(
            self,
            "RegisteredModels",
            "registeredModels",
            stack.registered_models,
            description="Hosted models",
            source=[(*key, "streaming") for key in stack.model_keys],
        )
        cdk.CfnOutput(self, "RestApiUrl", value=uri, description="URL of the gateway")
        cdk.CfnOutput(
            self,
            "RestApiLoadBalancerName",
            value=balancer.dns_name,
            description="DNS name of the gateway's load balancer, the target of a CNAME record in your DNS",
        )

    def _roles(self, assets: Assets) -> ContainerRoles:
        deployment = self.deployment
        service = deployment.rest_api
        repository = repository_of(service.image, deployment.region.partition.id)
        execution = add_execution_role(
            self,
            "RestApiExecutionRole",
            "rest-api-execution",
            tasks="rest-api",
            cluster=service.cluster,
            repositories=[] if repository is None else [repository],
            assets=isinstance(service.image, BuiltImage | TarballImage),
            secrets=sorted({arn for _, arn in service.secrets}),
        )
        _, profile = add_instance_role(
            self,
            "RestApi",
            "rest-api-instance",
            instances="rest-api",
            cluster=service.cluster,
            signaled=[self.plan.name],
            needs_target_health=False,
            assets=assets,
        )
        return ContainerRoles(
            task_arn=self._task_role().attr_arn,
            execution_arn=execution.attr_arn,
            instance_profile_arn=profile.attr_arn,
        )

    def _task_role(self) -> iam.CfnRole:
        deployment = self.deployment
        names = deployment.names
        registered = deployment.arn("ssm", f"parameter{names.parameter('registeredModels')}")
        policies: dict[str, Document] = {
            "tokens": document(
                allow("dynamodb:GetItem", deployment.arn("dynamodb", f"table/{names.token_table}")),
                record_last_use(self),
                self.use_key("dynamodb"),
            ),
            "registered-models": document(allow("ssm:GetParameter", [registered, f"{registered}/*"])),
        }
        grants = [
            *(grant for model in deployment.external_models for grant in model.grants),
            *deployment.litellm_grants,
        ]
        if grants:
            # Exactly while litellmConfig names such models and services, and for those alone.
            policies["external-models"] = document(*_statements(grants))
        role = self.role(
            "RestApiTaskRole",
            "rest-api-task",
            trust=trust(deployment.service_principal("ecs-tasks"), account=names.account),
            policies=policies,
            description="Task role of the gateway",
        )
        self.acknowledge(
            role,
            {
                f"AwsSolutions-IAM5[Resource::{registered}/*]": "A long list of models is split below this parameter.",
                **{
                    f"AwsSolutions-IAM5[Resource::{resource}]": _wildcard_reason(resource)
                    for grant in grants
                    for resource in grant.resources
                    if "*" in resource
                },
            },
        )
        return role


def _statements(grants: Iterable[Grant]) -> Iterator[Statement]:
    """A statement for each set of actions with all their resources, and for each set that has a condition."""
    resources: dict[tuple[str, ...], set[str]] = {}
    allowed: dict[tuple[tuple[str, ...], tuple[str, ...], str], set[str]] = {}
    for grant in grants:
        if grant.condition:
            key, value = grant.condition
            allowed.setdefault((grant.actions, grant.resources, key), set()).add(value)
        else:
            resources.setdefault(grant.actions, set()).update(grant.resources)
    for actions, all_resources in sorted(resources.items()):
        yield allow(actions, sorted(all_resources))
    for (actions, on, key), values in sorted(allowed.items()):
        for start in range(0, len(values), _CONDITION_VALUES):
            some = sorted(values)[start : start + _CONDITION_VALUES]
            yield allow(actions, on, when={"StringEquals": {key: some[0] if len(some) == 1 else some}})


def _wildcard_reason(resource: str) -> str:
    if resource == "*":
        return "The action has no resources (Service Authorization Reference)."
    if ":foundation-model/" in resource:
        return "An inference profile calls its model in any Region of its geography."
    return "Resources of the configured external model that AWS names when they are created."
