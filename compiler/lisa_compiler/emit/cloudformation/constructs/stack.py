"""The stack that all of LISA's stacks are: named, tagged and joined to the others by Parameter Store.

Stacks never use CloudFormation exports. An export cannot be removed while another stack imports it, so removing the
last model that imports something would block its own deployment. A value goes from stack to stack as a parameter of
type AWS::SSM::Parameter::Value instead, which CloudFormation resolves at each deployment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from lisa_compiler.emit.cloudformation.constructs.policies import allow
from lisa_compiler.emit.cloudformation.constructs.role_policies import divide
from lisa_compiler.plan.provenance import RECORDED_KEYS, bare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from constructs import Construct

    from lisa_compiler.emit.cloudformation.constructs.policies import Document, Statement
    from lisa_compiler.plan import Deployment, StackPlan
    from lisa_schema.document import Path

_SYNTHESIZERS: dict[str, Callable[[], cdk.StackSynthesizer]] = {
    "CliCredentialsStackSynthesizer": cdk.CliCredentialsStackSynthesizer,
    "DefaultStackSynthesizer": cdk.DefaultStackSynthesizer,
    "LegacyStackSynthesizer": cdk.LegacyStackSynthesizer,
}

ASSET_KEYS: Sequence[Path] = (("accountNumber",), ("region",))
"""What the names of the CDK's bucket and repository of assets are made of."""

_RETAIN_EXCEPT_ON_CREATE = frozenset({"aws", "aws-cn", "aws-us-gov"})
"""Partitions that offer RetainExceptOnCreate (AWS CloudFormation, "DeletionPolicy attribute")."""

_LOG_RETENTION_DAYS = 365
_READ = ("kms:Decrypt",)
_USE_KEY: Mapping[str, tuple[str, ...]] = {
    # Amazon DynamoDB Developer Guide, "DynamoDB encryption at rest": readers need no data keys.
    "dynamodb": ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"),
    "lambda": _READ,
    "s3": ("kms:Decrypt", "kms:GenerateDataKey"),
    "secretsmanager": _READ,
    "ssm": _READ,
}
"""What a role needs of the deployment's key, by the service that holds the data."""


class LisaStack(cdk.Stack):
    """A stack of a deployment.

    Attributes:
        asset_synthesizer: what assets are added to.
        deployment: the plan that it is part of.
        trust_layer_arn: ARN of the layer of certificate authorities, in the stack that makes it.
        checked: whether cdk-nag reads the stack, so that acknowledgements are recorded.
    """

    def __init__(self, app: cdk.App, deployment: Deployment, component: str) -> None:
        plan = deployment.stack(component)
        synthesizer = _SYNTHESIZERS[deployment.config.stack_synthesizer or "DefaultStackSynthesizer"]()
        super().__init__(
            app,
            component,
            stack_name=bare(plan.name),
            description=plan.description,
            env=cdk.Environment(account=bare(deployment.names.account), region=bare(deployment.names.region)),
            synthesizer=synthesizer,
            tags=_tags(deployment),
            analytics_reporting=False,
            # The console cannot delete the stack by mistake; `lisa destroy` turns it off.
            termination_protection=deployment.retains or None,
        )
        # The stack binds a copy of its synthesizer that jsii cannot tell from the original. Binding the original too
        # lets assets be added through it: both keep them in the same manifest.
        synthesizer.bind(self)
        self.asset_synthesizer: cdk.StackSynthesizer = synthesizer
        self.plan: StackPlan = plan
        self.deployment = deployment
        self.trust_layer_arn: str | None = None
        # Each question to Node costs a millisecond, so what was read once is kept.
        self._values: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        self._published: dict[str, cdk.CfnResource] = {}
        self._recorded: dict[str, dict[str, list[list[str | int]]]] = {}
        self.checked = deployment.config.run_cdk_nag

    def publish(
        self,
        construct_id: str,
        path: str,
        value: str,
        *,
        description: str,
        tier: str = "Standard",
        source: Sequence[Path] = (),
    ) -> str:
        """Put a value into Parameter Store for other stacks and for people; returns its name.

        `source` are the blocks of the configuration that are in the value.
        """
        return self._publish(construct_id, path, "String", value, description=description, tier=tier, source=source)

    def parameter(self, name: str) -> cdk.CfnResource:
        """The parameter of Parameter Store that `publish` returned the name of; KeyError when there is none."""
        return self._published[name]

    def publish_list(self, construct_id: str, path: str, values: Sequence[str], *, description: str) -> str:
        """Put a list into Parameter Store, for `read_list` in other stacks; returns its name.

        CloudFormation resolves `AWS::SSM::Parameter::Value<List<…>>` only from a parameter of type StringList.
        """
        return self._publish(construct_id, path, "StringList", ",".join(values), description=description)

    def read(self, construct_id: str, path: str, value_type: str = "String") -> str:
        """A value that another stack published, resolved at deployment."""
        if construct_id not in self._values:
            self._values[construct_id] = self._parameter(construct_id, path, value_type).value_as_string
        return self._values[construct_id]

    def read_list(self, construct_id: str, path: str, value_type: str) -> list[str]:
        """A list that another stack published, resolved at deployment."""
        if construct_id not in self._lists:
            self._lists[construct_id] = self._parameter(construct_id, path, f"List<{value_type}>").value_as_list
        return self._lists[construct_id]

    def role(
        self,
        construct_id: str,
        purpose: str,
        *,
        trust: Document,
        policies: Mapping[str, Document],
        managed_policies: list[str] | None = None,
        description: str,
    ) -> iam.CfnRole:
        """A role with its policies, under the permissions boundary when the configuration names one.

        Raises:
            RolePolicyError: IAM does not accept so many permissions for one role.
        """
        boundary = self.deployment.config.permissions_boundary_aspect
        attached = managed_policies or []
        inline, more = divide(policies, purpose=purpose, attached=len(attached))
        role = iam.CfnRole(
            self,
            construct_id,
            role_name=self.deployment.names.role(purpose),
            path=self.deployment.names.iam_path,
            description=description,
            assume_role_policy_document=trust,
            managed_policy_arns=attached or None,
            policies=[
                iam.CfnRole.PolicyProperty(policy_name=name, policy_document=policy) for name, policy in inline.items()
            ]
            or None,
            permissions_boundary=(
                boundary.policy_arn(self.deployment.region.partition.id, self.deployment.names.account)
                if boundary
                else None
            ),
        )
        if not boundary:
            self.record_keys(role, {"PermissionsBoundary": ("permissionsBoundaryAspect",)})
        self.record_path(role)
        if more:
            role.managed_policy_arns = [
                *attached,
                *(
                    iam.CfnManagedPolicy(
                        role,
                        f"Policy{number}",
                        managed_policy_name=self.deployment.names.policy(f"{purpose}-{number}"),
                        path=self.deployment.names.iam_path,
                        policy_document=policy,
                    ).ref
                    for number, policy in enumerate(more, 1)
                ),
            ]
        return role

    def record_path(self, resource: cdk.CfnResource) -> None:
        """Record what decides that an IAM resource has no path; a path that is set carries its key."""
        if self.deployment.names.iam_path is None:
            has_boundary = self.deployment.config.permissions_boundary_aspect is not None
            key: Path = ("permissionsBoundaryAspect", "rolePath") if has_boundary else ("permissionsBoundaryAspect",)
            self.record_keys(resource, {"Path": key})

    def log_group(self, scope: Construct, construct_id: str, name: str) -> logs.CfnLogGroup:
        """A log group under the deployment's key, kept for a year."""
        group = logs.CfnLogGroup(
            scope,
            construct_id,
            log_group_name=name,
            retention_in_days=_LOG_RETENTION_DAYS,
            kms_key_id=self.key_arn,
        )
        self.keep_or_delete(group)
        return group

    @property
    def key_arn(self) -> str:
        """ARN of the deployment's encryption key."""
        return self.read("KeyArn", "keys/data")

    def use_key(self, *services: str, reads_only: bool = False) -> Statement:
        """Use of the deployment's key, only through the services that hold the data, which all need the same."""
        (actions,) = {_USE_KEY[service] for service in services}
        if reads_only:
            actions = tuple(action for action in actions if action != "kms:GenerateDataKey")
        suffix = self.deployment.region.partition.dns_suffix
        via = [f"{service}.{self.deployment.names.region}.{suffix}" for service in services]
        return allow(actions, self.key_arn, when={"StringEquals": {"kms:ViaService": via}})

    def keep_or_delete(self, *resources: cdk.CfnResource, protected: bool = False) -> None:
        """Apply the configured removal policy to stateful resources, for their deletion and their replacement.

        A new resource goes with the rollback of the operation that created it, where CloudFormation offers this.

        Args:
            resources: what holds data.
            protected: whether their deletion protection is on with `retain`: the rollback could not delete them.
        """
        policy = self._retention if self.deployment.retains else cdk.RemovalPolicy.DESTROY
        if protected and self.deployment.retains:
            policy = cdk.RemovalPolicy.RETAIN
        for resource in resources:
            resource.apply_removal_policy(policy)
            self.record_keys(resource, {"@Attributes": ("removalPolicy",)})

    def keep_with_data(self, *resources: cdk.CfnResource) -> None:
        """Keep what retained resources need, such as their subnets and roles; a replaced one is deleted."""
        if not self.deployment.retains:
            return
        for resource in resources:
            resource.apply_removal_policy(self._retention)
            resource.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.DELETE
            self.record_keys(resource, {"@Attributes": ("removalPolicy",)})

    @property
    def _retention(self) -> cdk.RemovalPolicy:
        # Whether isolated Regions and the European Sovereign Cloud offer RetainExceptOnCreate is not documented.
        is_known = self.deployment.region.partition.id in _RETAIN_EXCEPT_ON_CREATE
        return cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if is_known else cdk.RemovalPolicy.RETAIN

    def record_keys(self, resource: cdk.CfnResource, keys: Mapping[str, Path | Sequence[Path]]) -> None:
        """Record the keys that decide values without being written in them: switches, and whether a key is set.

        Recorded only in a trace (lisa_compiler.compile.provenance), never in compiled output.

        Args:
            resource: the resource.
            keys: key or keys by path of the property, as `lisa explain` writes it; `@Attributes` for what a resource
                has beside its properties, the empty path for whether the resource exists.
        """
        if self.deployment.records_keys:
            for path, own in keys.items():
                paths = [list(key) for key in ([own] if _is_key(own) else own) if isinstance(key, tuple)]
                self._recorded.setdefault(resource.node.path, {}).setdefault(path, []).extend(paths)
            resource.add_metadata(RECORDED_KEYS, self._recorded[resource.node.path])

    def acknowledge(self, resource: Construct, findings: Mapping[str, str]) -> None:
        """Say why findings of cdk-nag are right as they are: finding id to reason.

        Costs nothing unless `runCdkNag` is on, and never appears in a template.
        """
        if not self.checked:
            return
        cdk.Validations.of(resource).acknowledge(
            *(cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in findings.items())
        )

    def _publish(
        self,
        construct_id: str,
        path: str,
        kind: str,
        value: str,
        *,
        description: str,
        tier: str = "Standard",
        source: Sequence[Path] = (),
    ) -> str:
        name = self.deployment.names.parameter(path)
        parameter = ssm.CfnParameter(
            self, f"{construct_id}Parameter", type=kind, name=name, value=value, description=description, tier=tier
        )
        if source:
            self.record_keys(parameter, {"Value": source})
        self._published[name] = parameter
        return name

    def _parameter(self, construct_id: str, path: str, value_type: str) -> cdk.CfnParameter:
        return cdk.CfnParameter(
            self,
            construct_id,
            type=f"AWS::SSM::Parameter::Value<{value_type}>",
            default=self.deployment.names.parameter(path),
        )


def _is_key(own: Path | Sequence[Path]) -> bool:
    """Whether a record is one key, and not several."""
    return isinstance(own, tuple) and bool(own) and not isinstance(own[0], tuple)


def _tags(deployment: Deployment) -> dict[str, str]:
    # Stack tags reach every resource that CloudFormation can tag; the iso partitions refuse some of them.
    if deployment.region.partition.is_iso:
        return {}
    return {tag.key: tag.value for tag in deployment.config.tags}
