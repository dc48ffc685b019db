"""The networking stack: the VPC, or the one that the configuration imports, and who may talk to whom in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_route53 as route53

from lisa_compiler.emit.cloudformation.constructs.egress import no_egress
from lisa_compiler.emit.cloudformation.constructs.flow_log import add_flow_log
from lisa_compiler.emit.cloudformation.constructs.security_groups import (
    add_security_group,
    add_security_groups,
    from_vpc,
)
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.plan.egress import CREATED_VPC_CIDR, vpc_cidrs
from lisa_schema.endpoints import GATEWAY_SERVICES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_schema.models import VpcConfig

_ANYWHERE = "0.0.0.0/0"
_KINDS = ("public", "private", "isolated")
# Of these the first subnets are, each kind in turn; those of further zones come after them, so that none moves.
_FIRST_ZONES = 2


def _cidr(kind: str, zone: int) -> str:
    """Address range of a subnet, one of the sixteen /26 of the VPC's /22, for up to five zones."""
    position = _KINDS.index(kind)
    index = position * _FIRST_ZONES + zone if zone < _FIRST_ZONES else len(_KINDS) * zone + position
    return f"10.0.{(index * 64) // 256}.{(index * 64) % 256}/26"


def _numbered(name: str, index: int) -> str:
    """A construct id: the first has the name alone, the others a number from 2."""
    return name if index == 0 else f"{name}{index + 1}"


def build(app: cdk.App, stack: StackInput, _assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return NetworkingStack(app, stack)


class NetworkingStack(LisaStack):
    """VPC with public, private and isolated subnets, endpoints, flow logs, security groups and a private zone."""

    def __init__(self, app: cdk.App, stack: StackInput) -> None:
        super().__init__(app, stack.deployment, "networking")
        imported = stack.deployment.config.vpc
        if imported is not None:
            vpc_id = imported.vpc_id
            subnets = {
                "public": list(imported.public_subnet_ids),
                "private": list(imported.instance_subnet_ids),
                "isolated": list(imported.database_subnet_ids if stack.has_databases else imported.isolated_subnet_ids),
            }
        else:
            vpc_id, subnets = self._vpc()
        self.publish("VpcId", "networking/vpcId", vpc_id, description="ID of the VPC")
        for kind, ids in subnets.items():
            if ids:
                self.publish_list(
                    f"{kind.capitalize()}SubnetList",
                    f"networking/subnets/{kind}",
                    ids,
                    description=f"IDs of the {kind} subnets",
                )
        cidrs = vpc_cidrs(self.deployment.config)
        functions = add_security_groups(self, vpc_id, cidrs, stack.model_ports, stack.functions_egress)
        # Databases and search domains, also those of an earlier configuration, are in the VPC and let this group in.
        self.keep_with_data(functions)
        if imported is not None:
            self._endpoints(imported, stack.created_endpoints)
        self._private_zone(vpc_id)

    def _vpc(self) -> tuple[str, dict[str, list[str]]]:
        vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=CREATED_VPC_CIDR,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=[self._name_tag("vpc")],
        )
        gateway = ec2.CfnInternetGateway(self, "InternetGateway", tags=[self._name_tag("internet-gateway")])
        attachment = ec2.CfnVPCGatewayAttachment(
            self, "InternetGatewayAttachment", vpc_id=vpc.ref, internet_gateway_id=gateway.ref
        )
        self.keep_with_data(vpc)
        route_tables = self._route_tables(vpc.ref)
        subnets = self._subnets(vpc.ref, route_tables)
        self._egress(gateway, attachment, subnets["public"], route_tables)
        self._gateway_endpoints(vpc.ref, [table.ref for tables in route_tables.values() for table in tables])
        add_flow_log(self, vpc.ref)
        self._close_default_security_group(vpc)
        return vpc.ref, subnets

    @property
    def _nat_gateways(self) -> int:
        config = self.deployment.config
        return int(config.nat_gateways or (config.zone_count if self.deployment.retains else 1))

    def _route_tables(self, vpc_id: str) -> dict[str, list[ec2.CfnRouteTable]]:
        """Route tables by kind of subnet: of private subnets one for each NAT gateway, of the others one."""
        return {
            kind: [
                ec2.CfnRouteTable(
                    self,
                    _numbered(f"{kind.capitalize()}RouteTable", index),
                    vpc_id=vpc_id,
                    tags=[self._name_tag(kind if index == 0 else f"{kind}-{index + 1}")],
                )
                for index in range(self._nat_gateways if kind == "private" else 1)
            ]
            for kind in _KINDS
        }

    def _subnets(self, vpc_id: str, route_tables: dict[str, list[ec2.CfnRouteTable]]) -> dict[str, list[str]]:
        config = self.deployment.config
        subnets: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for kind in _KINDS:
            for zone in range(config.zone_count):
                construct_id = f"{kind.capitalize()}Subnet{zone + 1}"
                subnet = ec2.CfnSubnet(
                    self,
                    construct_id,
                    vpc_id=vpc_id,
                    cidr_block=_cidr(kind, zone),
                    availability_zone=(
                        config.availability_zones[zone]
                        if config.availability_zones
                        else cdk.Fn.select(zone, cdk.Fn.get_azs(""))
                    ),
                    map_public_ip_on_launch=False,
                    tags=[self._name_tag(f"{kind}-{zone + 1}")],
                )
                if kind != "public":
                    self.keep_with_data(subnet)
                tables = route_tables[kind]
                ec2.CfnSubnetRouteTableAssociation(
                    self,
                    f"{construct_id}RouteTableAssociation",
                    subnet_id=subnet.ref,
                    route_table_id=tables[zone % len(tables)].ref,
                )
                subnets[kind].append(subnet.ref)
        return subnets

    def _egress(
        self,
        gateway: ec2.CfnInternetGateway,
        attachment: ec2.CfnVPCGatewayAttachment,
        public_subnets: list[str],
        route_tables: dict[str, list[ec2.CfnRouteTable]],
    ) -> None:
        """Ways out: the internet gateway for public subnets, a NAT gateway for each table of private ones."""
        route = ec2.CfnRoute(
            self,
            "PublicRoute",
            route_table_id=route_tables["public"][0].ref,
            destination_cidr_block=_ANYWHERE,
            gateway_id=gateway.ref,
        )
        route.add_resource_dependency(attachment)
        for index, table in enumerate(route_tables["private"]):
            tag = "nat" if index == 0 else f"nat-{index + 1}"
            address = ec2.CfnEIP(self, _numbered("NatAddress", index), domain="vpc", tags=[self._name_tag(tag)])
            address.add_resource_dependency(attachment)
            nat = ec2.CfnNatGateway(
                self,
                _numbered("NatGateway", index),
                subnet_id=public_subnets[index],
                allocation_id=address.attr_allocation_id,
                tags=[self._name_tag(tag)],
            )
            nat.add_resource_dependency(route)
            ec2.CfnRoute(
                self,
                _numbered("PrivateRoute", index),
                route_table_id=table.ref,
                destination_cidr_block=_ANYWHERE,
                nat_gateway_id=nat.ref,
            )

    def _gateway_endpoints(self, vpc_id: str, route_tables: list[str]) -> None:
        region = self.deployment.region
        services = ["s3"] if region.partition.is_iso else ["s3", "dynamodb"]
        for service in services:
            ec2.CfnVPCEndpoint(
                self,
                f"{service.capitalize()}Endpoint",
                vpc_id=vpc_id,
                service_name=region.gateway_endpoint(service),
                vpc_endpoint_type="Gateway",
                route_table_ids=route_tables,
            )

    def _endpoints(self, vpc: VpcConfig, services: Sequence[str]) -> None:
        """Endpoints of services in an imported VPC."""
        interfaces = [service for service in services if service not in GATEWAY_SERVICES]
        for service in services:
            if service in GATEWAY_SERVICES:
                self._created_endpoint(
                    service,
                    vpc_id=vpc.vpc_id,
                    service_name=self.deployment.region.gateway_endpoint(service),
                    vpc_endpoint_type="Gateway",
                    route_table_ids=list(vpc.route_table_ids),
                )
        if not interfaces:
            return
        group = add_security_group(
            self,
            "Endpoints",
            "endpoints",
            vpc.vpc_id,
            description="VPC endpoints",
            ingress=from_vpc(vpc.cidr_blocks, [443]),
            egress=no_egress(),
        )
        for service in interfaces:
            self._created_endpoint(
                service,
                vpc_id=vpc.vpc_id,
                # Some services have other prefixes in China and in isolated Regions, which the CDK knows.
                service_name=ec2.InterfaceVpcEndpointAwsService(service).name,
                vpc_endpoint_type="Interface",
                subnet_ids=list(vpc.instance_subnet_ids),
                security_group_ids=[group.attr_group_id],
                private_dns_enabled=True,
            )

    def _created_endpoint(self, service: str, **properties: Any) -> None:
        construct_id = f"{''.join(part.capitalize() for part in re.split('[.-]', service))}Endpoint"
        endpoint = ec2.CfnVPCEndpoint(self, construct_id, **properties)
        self.record_keys(endpoint, {"": [("vpc", "createEndpoints"), ("vpc", "existingEndpoints")]})

    def _close_default_security_group(self, vpc: ec2.CfnVPC) -> None:
        # CloudFormation cannot remove the rule that lets members of the default security group reach each other. LISA
        # attaches nothing to the group; the output names it so that this can be checked.
        cdk.CfnOutput(
            self,
            "DefaultSecurityGroup",
            value=vpc.attr_default_security_group,
            description="ID of the VPC's default security group, which is unused",
        )

    def _private_zone(self, vpc_id: str) -> None:
        zone = route53.CfnHostedZone(
            self,
            "PrivateZone",
            name=self.deployment.names.private_zone,
            hosted_zone_config=route53.CfnHostedZone.HostedZoneConfigProperty(
                comment=f"{self.plan.description}: stable names of the models"
            ),
            vpcs=[route53.CfnHostedZone.VPCProperty(vpc_id=vpc_id, vpc_region=self.deployment.names.region)],
        )
        self.publish(
            "PrivateZone", "networking/privateZoneId", zone.attr_id, description="ID of the private hosted zone"
        )

    def _name_tag(self, name: str) -> cdk.CfnTag:
        return cdk.CfnTag(key="Name", value=f"{self.plan.name}-{name}")
