"""What the services of AWS refuse: names that exist, resources that are protected, in use or not empty.

The rules are those of the services' API references (the errors are named below). They are shared by the two local
AWS of the tests: MiniStack with `stand_ins`, and the model of CloudFormation in this process, `cloudformation_model`.
They know nothing about properties: what a service says about a value is tested elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMES: Mapping[str, tuple[str, ...]] = {
    "AWS::ApiGateway::Authorizer": ("RestApiId", "Name"),
    "AWS::ApiGateway::DomainName": ("DomainName",),
    "AWS::AutoScaling::AutoScalingGroup": ("AutoScalingGroupName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateName",),
    "AWS::EC2::SecurityGroup": ("GroupName", "VpcId"),
    "AWS::ECR::Repository": ("RepositoryName",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::Service": ("Cluster", "ServiceName"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name",),
    "AWS::IAM::InstanceProfile": ("InstanceProfileName",),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::IAM::ServiceLinkedRole": ("AWSServiceName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::Logs::ResourcePolicy": ("PolicyName",),
    "AWS::OpenSearchService::Domain": ("DomainName",),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier",),
    "AWS::RDS::DBParameterGroup": ("DBParameterGroupName",),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName",),
    "AWS::Route53::RecordSet": ("HostedZoneId", "Name", "Type"),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SSM::Parameter": ("Name",),
    "AWS::SecretsManager::Secret": ("Name",),
}
"""The properties that a second resource of the type cannot have as well; a resource without the last has no name."""

HOLDERS: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::SecurityGroup": (
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::VPCEndpoint",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::Lambda::Function",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBInstance",
    ),
    "AWS::EC2::Subnet": (
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::EC2::NatGateway",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::Lambda::Function",
        "AWS::OpenSearchService::Domain",
        "AWS::RDS::DBSubnetGroup",
    ),
    "AWS::EC2::VPC": ("AWS::EC2::SecurityGroup", "AWS::EC2::Subnet"),
    "AWS::ECS::Cluster": ("AWS::ECS::Service",),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("AWS::ElasticLoadBalancingV2::Listener",),
    "AWS::IAM::Role": ("AWS::IAM::InstanceProfile",),
    "AWS::RDS::DBParameterGroup": ("AWS::RDS::DBInstance",),
    "AWS::RDS::DBSubnetGroup": ("AWS::RDS::DBInstance",),
}
"""By type, the types that keep a resource from being deleted as long as one of them has its id in its properties."""

_TAKEN = {
    "AWS::S3::Bucket": "BucketAlreadyOwnedByYou",
    "AWS::Logs::LogGroup": "ResourceAlreadyExistsException",
    "AWS::DynamoDB::Table": "ResourceInUseException",
    "AWS::EC2::SecurityGroup": "InvalidGroup.Duplicate",
    "AWS::IAM::ServiceLinkedRole": "InvalidInput",
    "AWS::RDS::DBInstance": "DBInstanceAlreadyExists",
    "AWS::SSM::Parameter": "ParameterAlreadyExists",
}


class RefusedError(Exception):
    """A service refused: its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} (Service error: {code})")
        self.code = code


@dataclass
class Thing:
    """A resource of the account.

    Attributes:
        kind: its CloudFormation type.
        identity: its physical id.
        properties: what it was made with, without references.
        contents: objects in a bucket.
    """

    kind: str
    identity: str
    properties: Mapping[str, Any]
    contents: int = 0


@dataclass
class Rules:
    """The resources of an account, and what their services allow."""

    things: dict[tuple[str, str], Thing] = field(default_factory=dict)

    def create(self, kind: str, identity: str, properties: Mapping[str, Any]) -> Thing:
        """Make a resource.

        Raises:
            RefusedError: one of its name exists.
        """
        self.require_free(kind, properties)
        thing = Thing(kind, identity, dict(properties))
        self.things[kind, identity] = thing
        return thing

    def require_free(self, kind: str, properties: Mapping[str, Any], besides: str | None = None) -> None:
        """Refuse the name of a resource that exists, unless it is the one with this id."""
        name = name_of(kind, properties)
        if name is None:
            return
        for thing in self.of(kind):
            if thing.identity != besides and name_of(kind, thing.properties) == name:
                raise RefusedError(_TAKEN.get(kind, "AlreadyExists"), f"{kind} {name[-1]} already exists")

    def change(self, kind: str, identity: str, properties: Mapping[str, Any]) -> None:
        """Change a resource in place.

        Raises:
            RefusedError: there is none, or another one has the new name.
        """
        thing = self.find(kind, identity)
        self.require_free(kind, properties, besides=identity)
        thing.properties = dict(properties)

    def find(self, kind: str, identity: str) -> Thing:
        """A resource.

        Raises:
            RefusedError: there is none.
        """
        if (kind, identity) not in self.things:
            raise RefusedError("ResourceNotFoundException", f"{kind} {identity} does not exist")
        return self.things[kind, identity]

    def delete(self, kind: str, identity: str) -> None:
        """Delete a resource; one that is gone is gone.

        Raises:
            RefusedError: it is protected, in use, or not empty.
        """
        if thing := self.things.get((kind, identity)):
            self.require_deletable(thing)
            del self.things[kind, identity]

    def require_deletable(self, thing: Thing) -> None:
        """Refuse to delete what is protected, in use, or not empty."""
        if is_protected(thing.kind, thing.properties):
            raise RefusedError(
                "OperationNotPermitted", f"{thing.identity} cannot be deleted: deletion protection is on"
            )
        if thing.contents:
            raise RefusedError("BucketNotEmpty", "The bucket you tried to delete is not empty")
        if holder := next(self._holders(thing), None):
            raise RefusedError("DependencyViolation", f"{thing.identity} is in use by {holder.kind} {holder.identity}")

    def of(self, kind: str) -> Iterable[Thing]:
        """The resources of a type."""
        return [thing for thing in self.things.values() if thing.kind == kind]

    def _holders(self, thing: Thing) -> Iterator[Thing]:
        kinds = HOLDERS.get(thing.kind, ())
        if not kinds:
            return
        for other in self.things.values():
            if other.kind in kinds and other is not thing and f'"{thing.identity}"' in json.dumps(other.properties):
                yield other


def name_of(kind: str, properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The name that is unique for a type; None for a resource that AWS names."""
    keys = NAMES.get(kind, ())
    named = keys and properties.get("GroupName" if kind.endswith("SecurityGroup") else keys[-1])
    return tuple(str(properties.get(key, "")) for key in keys) if named else None


def is_protected(kind: str, properties: Mapping[str, Any]) -> bool:
    """Whether deletion protection is on."""
    attributes = {each["Key"]: each["Value"] for each in properties.get("LoadBalancerAttributes", ())}
    return (
        str(attributes.get("deletion_protection.enabled", "false")) == "true"
        or (kind == "AWS::RDS::DBInstance" and properties.get("DeletionProtection") in (True, "true"))
        or (kind == "AWS::DynamoDB::Table" and properties.get("DeletionProtectionEnabled") in (True, "true"))
    )
