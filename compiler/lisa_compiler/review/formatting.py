"""Readable labels for resources, and text formatting for lists, counts and ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lisa_compiler.review.output import Resource
from lisa_compiler.review.update_behavior import name_property

_NOUNS = {
    "AWS::ApiGateway::Account": "API Gateway account logging role",
    "AWS::ApiGateway::BasePathMapping": "API domain mapping",
    "AWS::ApiGateway::Deployment": "API deployment",
    "AWS::ApiGateway::DomainName": "API custom domain",
    "AWS::ApiGateway::GatewayResponse": "API error response",
    "AWS::ApiGateway::Method": "API method",
    "AWS::ApiGateway::Resource": "API path",
    "AWS::ApiGateway::RestApi": "API Gateway API",
    "AWS::ApiGateway::Stage": "API stage",
    "AWS::AutoScaling::AutoScalingGroup": "Auto Scaling group",
    "AWS::AutoScaling::ScalingPolicy": "scaling policy",
    "AWS::CloudFormation::CustomResource": "custom resource",
    "AWS::DynamoDB::Table": "DynamoDB table",
    "AWS::EC2::EIP": "Elastic IP address",
    "AWS::EC2::LaunchTemplate": "launch template",
    "AWS::EC2::NatGateway": "NAT gateway",
    "AWS::EC2::VPC": "VPC",
    "AWS::EC2::VPCEndpoint": "VPC endpoint",
    "AWS::ECS::Cluster": "ECS cluster",
    "AWS::ECS::Service": "ECS service",
    "AWS::ECS::TaskDefinition": "task definition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "load balancer",
    "AWS::IAM::InstanceProfile": "instance profile",
    "AWS::IAM::Role": "role",
    "AWS::KMS::Key": "encryption key",
    "AWS::Lambda::Function": "function",
    "AWS::Lambda::LayerVersion": "Lambda layer",
    "AWS::Lambda::Permission": "function invoke permission",
    "AWS::OpenSearchService::Domain": "OpenSearch domain",
    "AWS::RDS::DBInstance": "PostgreSQL database",
    "AWS::RDS::DBParameterGroup": "database parameter group",
    "AWS::RDS::DBSubnetGroup": "database subnet group",
    "AWS::Route53::HostedZone": "private DNS zone",
    "AWS::Route53::RecordSet": "DNS record",
    "AWS::S3::Bucket": "bucket",
    "AWS::S3::BucketPolicy": "bucket policy",
    "AWS::SSM::Parameter": "SSM parameter",
    "AWS::WAFv2::WebACLAssociation": "web ACL association",
}


def resource_label(resource_type: str) -> str:
    """Return the label of a resource type: `load balancer`."""
    if resource_type in _NOUNS:
        return _NOUNS[resource_type]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", resource_type.rpartition("::")[2])
    return words.lower()


def resource_reference(resource: Resource) -> str:
    """Return the label and name of a resource: ``DynamoDB table `prod-sessions` ``."""
    name = name_property(resource.type)
    given = resource.properties.get(name) if name else None
    return f"{resource_label(resource.type)} `{given if isinstance(given, str) else resource.logical_id}`"


def join_list(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def pluralize(number: int, what: str, plural: str | None = None) -> str:
    """`1 stack`, `2 stacks`, `no stack`."""
    if number == 1:
        return f"1 {what}"
    return f"{number or 'no'} {plural or f'{what}s' if number else what}"


def format_range(low: float, high: float) -> str:
    """A range: one number when both ends are the same."""
    return f"{low:g}" if low == high else f"{low:g}\N{EN DASH}{high:g}"
