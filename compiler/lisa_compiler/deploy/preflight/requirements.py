"""Requirements: what an environment needs of its account, by its plan and its compiled templates."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.deploy.preflight.domains import CertificateUse, certificate_uses, domain_keys
from lisa_compiler.deploy.preflight.templates import Template, named_resources, properties, resources
from lisa_compiler.plan.amis import ConfiguredAmi, PinnedAmi
from lisa_schema.endpoints import required_endpoints

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly
    from lisa_compiler.plan import Deployment, ServicePlan
    from lisa_compiler.plan.amis import PlannedAmi


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceGroup:
    """The instances of one service.

    Attributes:
        component: component of its stack.
        name: of the Auto Scaling group.
        instance_type: of its instances.
        vcpus: of each.
        minimum: fewest instances.
        updating: most instances while an update replaces the fewest.
        maximum: most instances, updates included.
        ami: what they boot.
        root_device: device whose size the launch template sets.
        root_gib: that size.
    """

    component: str
    name: str
    instance_type: str
    vcpus: int
    minimum: int
    updating: int
    maximum: int
    ami: PlannedAmi
    root_device: str
    root_gib: int

    @property
    def image_id(self) -> str | None:
        """The AMI's ID; None when a parameter is to be read."""
        return self.ami.id if isinstance(self.ami, ConfiguredAmi | PinnedAmi) else None

    @property
    def ami_parameter(self) -> str | None:
        """The SSM parameter that names the AMI; None for an ID in the configuration."""
        return None if isinstance(self.ami, ConfiguredAmi) else self.ami.parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSubnets:
    """What the configuration names of a VPC: the subnets of instances and load balancers, and its address ranges."""

    vpc_id: str
    private: tuple[str, ...]
    balancers: tuple[str, ...]
    cidr_blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """A KMS key that the configuration names.

    Attributes:
        arn: its ARN.
        key: path of the value in the configuration.
    """

    arn: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What an environment needs.

    Attributes:
        environment: its name.
        account: twelve digits.
        region: where it is deployed.
        groups: the instances.
        zones: availability zones of its own VPC: positions in `Fn::GetAZs`, or names.
        imported: the VPC that the configuration names instead.
        service_roles: services that have a service-linked role, with the role's name.
        creates_service_roles: services whose role the templates create.
        endpoint_services: services that its VPC gets endpoints of.
        interface_services: services that its instances and functions call.
        policies: permissions boundaries, by ARN.
        certificates: certificates, and where they are used.
        domains: domain names, each with its key.
        new_vpcs: VPCs that are created.
        new_addresses: Elastic IP addresses that are created.
        load_balancers: load balancers of the deployment, by type: `application` or `network`.
        bootstrap_version: version of the bootstrap stack that is needed; 0 for none.
        bootstrap_parameter: SSM parameter that has it.
        stacks: CloudFormation's names.
        names: names that are created, by resource type.
        models_bucket: bucket of the weights; None when no model is hosted.
        keys: KMS keys that the configuration names.
    """

    environment: str
    account: str
    region: str
    groups: tuple[InstanceGroup, ...]
    zones: tuple[int | str, ...]
    imported: ImportedSubnets | None
    service_roles: Mapping[str, str]
    creates_service_roles: frozenset[str]
    endpoint_services: tuple[str, ...]
    interface_services: tuple[str, ...]
    policies: tuple[str, ...]
    certificates: tuple[CertificateUse, ...]
    domains: Mapping[str, str]
    new_vpcs: int
    new_addresses: int
    load_balancers: Mapping[str, int]
    bootstrap_version: int
    bootstrap_parameter: str
    stacks: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    models_bucket: str | None
    keys: tuple[KeyUse, ...] = ()


def require(deployment: Deployment, assembly: Assembly) -> Requirements:
    """Say what an environment needs.

    Args:
        deployment: its plan.
        assembly: what is compiled for it.
    """
    templates = {stack.component: json.loads(stack.template.read_bytes()) for stack in assembly.stacks}
    config = deployment.config
    version, parameter = _bootstrap(assembly)
    return Requirements(
        environment=deployment.environment,
        account=config.account_number,
        region=config.region,
        groups=tuple(_groups(deployment, templates)),
        zones=tuple(dict.fromkeys(_zone(one) for one in properties(templates, "AWS::EC2::Subnet"))),
        imported=_imported(deployment),
        service_roles=_service_roles(templates),
        creates_service_roles=frozenset(_created_service_roles(templates)),
        endpoint_services=tuple(
            sorted({str(one["ServiceName"]) for one in properties(templates, "AWS::EC2::VPCEndpoint")})
        ),
        interface_services=_interface_services(deployment),
        policies=tuple(sorted(_boundaries(templates))),
        certificates=tuple(certificate_uses(deployment)),
        domains=domain_keys(deployment),
        new_vpcs=sum(1 for _ in properties(templates, "AWS::EC2::VPC")),
        new_addresses=sum(1 for _ in properties(templates, "AWS::EC2::EIP")),
        load_balancers=Counter(
            str(one.get("Type", "application"))
            for one in properties(templates, "AWS::ElasticLoadBalancingV2::LoadBalancer")
        ),
        bootstrap_version=version,
        bootstrap_parameter=parameter,
        stacks=tuple(stack.name for stack in assembly.stacks),
        names=named_resources(templates),
        models_bucket=config.s3_bucket_models if deployment.models else None,
        keys=tuple(_keys(deployment)),
    )


def _keys(deployment: Deployment) -> Iterator[KeyUse]:
    config = deployment.config
    access = config.access_config
    if access is not None and access.audit_content_store is not None:
        yield KeyUse(arn=access.audit_content_store.key_arn, key="accessConfig.auditContentStore.keyArn")
    for index, arn in enumerate(config.secret_key_arns):
        yield KeyUse(arn=arn, key=f"secretKeyArns[{index}]")


def _groups(deployment: Deployment, templates: Mapping[str, Template]) -> Iterator[InstanceGroup]:
    services = {"serve": deployment.rest_api, **{model.component: model.service for model in deployment.models}}
    for component, service in services.items():
        own = {component: templates[component]}
        launch = next(properties(own, "AWS::EC2::LaunchTemplate"))["LaunchTemplateData"]
        device = launch["BlockDeviceMappings"][0]
        for group in resources(own, "AWS::AutoScaling::AutoScalingGroup"):
            yield _group(component, service, group, device)


def _group(component: str, service: ServicePlan, group: Template, device: Template) -> InstanceGroup:
    given = group["Properties"]
    low, high = int(given["MinSize"]), int(given["MaxSize"])
    rolling = group.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
    batch = int(rolling.get("MaxBatchSize", 1)) if rolling else 0
    # Auto Scaling goes over the maximum only where the maintenance policy lets it (Auto Scaling User Guide).
    percent = int(given.get("InstanceMaintenancePolicy", {}).get("MaxHealthyPercentage", 100))
    over = max(percent, 100) / 100
    return InstanceGroup(
        component=component,
        name=service.cluster,
        instance_type=service.instance.name,
        vcpus=service.instance.vcpus,
        minimum=low,
        updating=max(min(low + batch, high), math.ceil(low * over)),
        maximum=math.ceil(high * over),
        ami=service.ami,
        root_device=device["DeviceName"],
        root_gib=int(device["Ebs"]["VolumeSize"]),
    )


def _zone(subnet: Template) -> int | str:
    zone = subnet["AvailabilityZone"]
    return int(zone["Fn::Select"][0]) if isinstance(zone, dict) else str(zone)


def _imported(deployment: Deployment) -> ImportedSubnets | None:
    vpc = deployment.config.vpc
    if vpc is None:
        return None
    public = vpc.public_subnet_ids if deployment.rest_api.internet_facing else ()
    private = vpc.instance_subnet_ids
    balancers = tuple(dict.fromkeys((*public, *private)))
    return ImportedSubnets(vpc_id=vpc.vpc_id, private=private, balancers=balancers, cidr_blocks=vpc.cidr_blocks)


def _service_roles(templates: Mapping[str, Template]) -> dict[str, str]:
    """Services that create their role themselves at first use, but OpenSearch Service (their user guides)."""
    roles = {
        "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
        "ecs.amazonaws.com": "AWSServiceRoleForECS",
        "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    }
    if any(properties(templates, "AWS::RDS::DBInstance")):
        roles["rds.amazonaws.com"] = "AWSServiceRoleForRDS"
    if any("VPCOptions" in one for one in properties(templates, "AWS::OpenSearchService::Domain")):
        roles["opensearchservice.amazonaws.com"] = "AWSServiceRoleForAmazonOpenSearchService"
    return roles


def _created_service_roles(templates: Mapping[str, Template]) -> Iterator[str]:
    for template in templates.values():
        for one in resources({"": template}, "AWS::IAM::ServiceLinkedRole"):
            equals = template.get("Conditions", {}).get(one.get("Condition"), {}).get("Fn::Equals")
            parameter = equals and template["Parameters"].get(equals[0].get("Ref"), {})
            if not equals or parameter.get("Default") == equals[1]:
                yield str(one["Properties"]["AWSServiceName"])


def _interface_services(deployment: Deployment) -> tuple[str, ...]:
    """What instances and functions call in a VPC, except by endpoints that the deployment creates."""
    services = required_endpoints(deployment.config)
    vpc = deployment.config.vpc
    if vpc is not None and vpc.create_endpoints:
        existing = vpc.endpoint_services or frozenset()
        return tuple(service for service in services if service in existing)
    return tuple(services)


def _boundaries(templates: Mapping[str, Template]) -> set[str]:
    found = {str(one.get("PermissionsBoundary", "")) for one in properties(templates, "AWS::IAM::Role")}
    return {arn for arn in found if arn}


def _bootstrap(assembly: Assembly) -> tuple[int, str]:
    """The newest bootstrap version that a stack or its assets need."""
    manifest = json.loads((assembly.directory / "manifest.json").read_bytes())
    needed = [
        (int(one["requiresBootstrapStackVersion"]), str(one["bootstrapStackVersionSsmParameter"]))
        for one in (artifact.get("properties", {}) for artifact in manifest["artifacts"].values())
        if one.get("requiresBootstrapStackVersion")
    ]
    return max(needed, default=(0, ""))
