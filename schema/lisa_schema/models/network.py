"""The network: an imported VPC, and the public names."""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field

from lisa_schema.models.base import (
    CertificateArn,
    CidrBlock,
    ConfigModel,
    DomainName,
    EndpointService,
    Flag,
    RouteTableId,
    SubnetId,
    VpcId,
)

_ENDPOINT_PREFIX: Final = re.compile(r"\A.*\.[a-z]{2,}(-[a-z]+)+-[0-9]+\.")
"""How the name of an endpoint service begins: `com.amazonaws.us-east-1.`."""


class VpcConfig(ConfigModel):
    """What an imported VPC is; `lisa vpc describe` writes it."""

    vpc_id: VpcId = Field(description="Id of the VPC.", examples=["vpc-0123456789abcdef0"])
    availability_zones: tuple[str, ...] = Field(
        min_length=1, description="Availability Zones of the subnets.", examples=[["us-east-1a", "us-east-1b"]]
    )
    private_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(),
        description=(
            "Subnets with a route to the internet, one per Availability Zone. Default: everything is in the isolated "
            "subnets, which requires VPC endpoints."
        ),
    )
    public_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), description="Subnets with public addresses, one per Availability Zone."
    )
    isolated_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), description="Subnets without a route to the internet, one per Availability Zone."
    )
    cidr_block: CidrBlock = Field(description="Address range of the VPC.", examples=["10.0.0.0/22"])
    secondary_cidr_blocks: tuple[CidrBlock, ...] = Field(
        default=(),
        description="Further address ranges of the VPC. Rules for the VPC permit all of them.",
        examples=[["100.64.0.0/16"]],
    )
    existing_endpoints: tuple[EndpointService, ...] | None = Field(
        default=None,
        description=(
            "Services that the VPC has endpoints of, by the last parts of their names. Default: not known, which is a "
            "warning if there are no private subnets."
        ),
        examples=[["s3", "ecr.api", "ecr.dkr"]],
    )
    create_endpoints: Flag = Field(
        default=False,
        description=(
            "Whether LISA creates the VPC endpoints that the deployment requires and existingEndpoints lacks. AWS "
            "bills interface endpoints by the hour."
        ),
    )
    route_table_ids: tuple[RouteTableId, ...] = Field(
        default=(),
        description="Route tables of the subnets, which get the routes of gateway endpoints that LISA creates.",
        examples=[["rtb-0123456789abcdef0"]],
    )

    @property
    def cidr_blocks(self) -> tuple[str, ...]:
        """All address ranges of the VPC."""
        return (self.cidr_block, *self.secondary_cidr_blocks)

    @property
    def instance_subnet_ids(self) -> tuple[str, ...]:
        """Subnets of instances, functions, internal load balancers and search domains."""
        return self.private_subnet_ids or self.isolated_subnet_ids

    @property
    def database_subnet_ids(self) -> tuple[str, ...]:
        """Subnets of databases."""
        return self.isolated_subnet_ids or self.private_subnet_ids

    @property
    def endpoint_services(self) -> frozenset[str] | None:
        """Services that the VPC has endpoints of, without the beginnings of their names; None when not known."""
        if self.existing_endpoints is None:
            return None
        return frozenset(_ENDPOINT_PREFIX.sub("", name) for name in self.existing_endpoints)


class ApiGatewayConfig(ConfigModel):
    """The API Gateway in front of the Lambda functions and the chat application."""

    domain_name: DomainName | None = Field(
        default=None, description="Domain of the chat application and its API.", examples=["chat.example.com"]
    )
    certificate_arn: CertificateArn | None = Field(
        default=None,
        description=(
            "ARN of the ACM certificate for domainName; LISA then creates the custom domain name. Default: the "
            "custom domain name already exists."
        ),
        examples=["arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"],
    )
