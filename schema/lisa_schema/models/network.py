"""The network: an imported VPC, and the public names."""

from __future__ import annotations

from pydantic import Field

from lisa_schema.models.base import CertificateArn, CidrBlock, ConfigModel, DomainName, SubnetId, VpcId


class VpcConfig(ConfigModel):
    """What an imported VPC is; `lisa vpc describe` writes it."""

    vpc_id: VpcId = Field(description="Id of the VPC.", examples=["vpc-0123456789abcdef0"])
    availability_zones: tuple[str, ...] = Field(
        min_length=1, description="Availability Zones of the subnets.", examples=[["us-east-1a", "us-east-1b"]]
    )
    private_subnet_ids: tuple[SubnetId, ...] = Field(
        min_length=1, description="Subnets with a route to the internet, one per Availability Zone."
    )
    public_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), description="Subnets with public addresses, one per Availability Zone."
    )
    isolated_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), description="Subnets without a route to the internet, one per Availability Zone."
    )
    cidr_block: CidrBlock = Field(description="Address range of the VPC.", examples=["10.0.0.0/22"])


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
