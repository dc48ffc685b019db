"""The serve stack: the OpenAI-compatible REST API with its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

from lisa_compiler.emit.cloudformation.constructs.alarms import add_gateway_alarms
from lisa_compiler.emit.cloudformation.constructs.assets import GATEWAY_PREFIX
from lisa_compiler.emit.cloudformation.constructs.container_roles import add_execution_role, add_instance_role
from lisa_compiler.emit.cloudformation.constructs.container_service import ContainerService
from lisa_compiler.emit.cloudformation.constructs.container_task import ContainerRoles
from lisa_compiler.emit.cloudformation.constructs.content_audit import (
    add_content_store,
    content_objects,
    record_content,
)
from lisa_compiler.emit.cloudformation.constructs.dashboard import add_dashboard
from lisa_compiler.emit.cloudformation.constructs.egress import permit_group
from lisa_compiler.emit.cloudformation.constructs.json_parameters import compact_json, publish_json
from lisa_compiler.emit.cloudformation.constructs.lifecycle import JOINED
from lisa_compiler.emit.cloudformation.constructs.model_key import acknowledge_model_keys, read_model_keys
from lisa_compiler.emit.cloudformation.constructs.names import add_names
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document, trust
from lisa_compiler.emit.cloudformation.constructs.routes import web_origin
from lisa_compiler.emit.cloudformation.constructs.scheduling import replicated
from lisa_compiler.emit.cloudformation.constructs.security_groups import (
    FORMER_MODELS,
    GATEWAY,
    MODELS,
    security_group,
)
from lisa_compiler.emit.cloudformation.constructs.sign_outs import add_sign_out_api, read_sign_outs
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.tokens import add_token_api, add_token_table, record_last_use
from lisa_compiler.emit.cloudformation.constructs.trust import bundle_download
from lisa_compiler.emit.cloudformation.constructs.usage import add_usage_api, add_usage_tables, count_usage
from lisa_compiler.emit.cloudformation.constructs.web_acl import associate_web_acl
from lisa_compiler.plan.images import BuiltImage, TarballImage, repository_of
from lisa_compiler.plan.names import GATEWAY_CONFIGURATION, REST_API_URL, REST_API_VPC_URL
from lisa_compiler.plan.outputs import LITELLM_CONFIGURATION, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aws_cdk import aws_ec2 as ec2
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
    """Tables of tokens, limits and usage, REST API service, and the parameters by which others find it."""

    def __init__(
        self,
        app: cdk.App,
        deployment: Deployment,
        assets: Assets,
        stack: StackInput,
    ) -> None:
        super().__init__(app, deployment, "serve")
        audit = self.log_group(self, "AuditLogGroup", deployment.names.audit_log_group)
        add_token_table(self)
        add_token_api(self, assets)
        add_sign_out_api(self, assets)
        add_usage_tables(self)
        add_usage_api(self, assets)
        add_content_store(self, deployment.content_audit)
        service = deployment.rest_api
        rest_api = ContainerService(
            self,
            "RestApi",
            service=service,
            roles=self._roles(assets),
            image_uri=assets.image_uri(self, service.image),
            load_balancer_security_group_id=security_group(self, "LoadBalancerSecurityGroupId", "restApiLoadBalancer"),
            instance_security_groups=[security_group(self, "GatewaySecurityGroupId", GATEWAY)],
            further_egress=self._model_egress(stack.model_ports),
            log_bucket=deployment.names.bucket("access-logs"),
            holds_weights=False,
            readiness=JOINED,
            schedule=replicated(service.auto_scaling),
            grace_period_seconds=_GRACE_PERIOD_SECONDS,
            trust=bundle_download(self, assets),
            environment={"WEB_ORIGINS": web_origin(self)},
        )
        balancer = rest_api.load_balancer
        add_gateway_alarms(self, log_group=audit.ref)
        add_dashboard(self, load_balancer=balancer, services=stack.watched)
        associate_web_acl(self, resource_arn=balancer.arn)
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
        self._publish_configuration(assets)
        cdk.CfnOutput(self, "RestApiUrl", value=uri, description="URL of the gateway")
        cdk.CfnOutput(
            self,
            "RestApiLoadBalancerName",
            value=balancer.dns_name,
            description="DNS name of the gateway's load balancer, the target of a CNAME record in your DNS",
        )

    def _publish_configuration(self, assets: Assets) -> None:
        """Name the files that the gateway reads while it runs; a change of a model changes this value alone."""
        files = {
            name: {"bucket": bucket, "key": key, "sha256": digest}
            for name, (bucket, key, digest) in self._configuration_files(assets).items()
        }
        self.publish(
            "GatewayConfiguration",
            GATEWAY_CONFIGURATION,
            compact_json({"schemaVersion": 1, **files}),
            description="Routes and LiteLLM configuration of the gateway",
            source=[("ecsModels",), ("litellmConfig",)],
        )

    def _configuration_files(self, assets: Assets) -> dict[str, tuple[str, str, str]]:
        """Bucket, key and digest of each file of the configuration."""
        digests = assets.digests.gateway
        if digests is None:
            raise ValueError(self.plan.component)
        return {
            "litellm": (*assets.gateway_file(self, LITELLM_CONFIGURATION, digests.litellm), digests.litellm),
            "routes": (*assets.gateway_file(self, ROUTES, digests.routes), digests.routes),
        }

    def _model_egress(self, ports: Sequence[int]) -> list[ec2.CfnSecurityGroup.EgressProperty]:
        """Connections to the models' load balancers, which may still be members of the group of earlier versions."""
        if self.deployment.config.open_egress:
            return []
        groups = {"ModelsSecurityGroupId": MODELS, "FormerModelsSecurityGroupId": FORMER_MODELS}
        return [
            permit_group(security_group(self, construct_id, path), port, "Models")
            for construct_id, path in groups.items()
            for port in ports
        ]

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
            task_arn=self._task_role(assets).attr_arn,
            execution_arn=execution.attr_arn,
            instance_profile_arn=profile.attr_arn,
        )

    def _task_role(self, assets: Assets) -> iam.CfnRole:
        deployment = self.deployment
        names = deployment.names
        objects = self._configuration_objects(assets)
        registered = deployment.arn("ssm", f"parameter{names.parameter('registeredModels')}")
        audit = deployment.arn("logs", f"log-group:{names.audit_log_group}:*")
        policies: dict[str, Document] = {
            "audit": document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], audit)),
            "tokens": document(
                allow("dynamodb:GetItem", deployment.arn("dynamodb", f"table/{names.token_table}")),
                record_last_use(self),
                self.use_key("dynamodb"),
            ),
            "configuration": document(
                allow("ssm:GetParameter", deployment.arn("ssm", f"parameter{names.parameter(GATEWAY_CONFIGURATION)}")),
                allow("s3:GetObject", objects),
            ),
            # Its table has the key of the token table, which the role may use above.
            "usage": document(count_usage(self)),
            "registered-models": document(allow("ssm:GetParameter", [registered, f"{registered}/*"])),
        }
        content = deployment.content_audit
        if content is not None:
            policies["content"] = record_content(self, content)
        if deployment.receives_sign_outs:
            # The key of the table is that of the token table, which the role may use above.
            policies["sign-outs"] = document(read_sign_outs(self)[0])
        if keys := read_model_keys(self):
            policies["model-keys"] = document(*keys, self.use_key("secretsmanager"))
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
                f"AwsSolutions-IAM5[Resource::{audit}]": "Streams of this log group.",
                **(
                    {f"AwsSolutions-IAM5[Resource::{content_objects(self, content)}]": "It adds objects as it records."}
                    if content is not None
                    else {}
                ),
                **acknowledge_model_keys(self),
                f"AwsSolutions-IAM5[Resource::{registered}/*]": "A long list of models is split below this parameter.",
                **{
                    f"AwsSolutions-IAM5[Resource::{each}]": "It reads any version of its configuration."
                    for each in objects
                    if each.endswith("*")
                },
                **{
                    f"AwsSolutions-IAM5[Resource::{resource}]": _wildcard_reason(resource)
                    for grant in grants
                    for resource in grant.resources
                    if "*" in resource
                },
            },
        )
        return role

    def _configuration_objects(self, assets: Assets) -> list[str]:
        """ARNs of the configuration's files: of any version, so that neither the role changes with a model nor a task
        loses the files that it reads while another version is published.
        """
        arn = f"arn:{self.deployment.region.partition.id}:s3:::"
        return sorted(
            {
                f"{arn}{bucket}/{key if cdk.Token.is_unresolved(key) else f'{GATEWAY_PREFIX}*'}"
                for bucket, key, _ in self._configuration_files(assets).values()
            }
        )


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
