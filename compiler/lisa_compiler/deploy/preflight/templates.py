"""What compiled templates have: resources of a type, and the names that they give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

Template = Mapping[str, Any]

# Properties that name a resource which an account or a region has only once.
_NAMED = {
    "AWS::ApiGateway::DomainName": "DomainName",
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::OpenSearchService::Domain": "DomainName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
}


def resources(templates: Mapping[str, Template], kind: str) -> Iterator[Template]:
    """The resources of a type, of all templates by component."""
    for template in templates.values():
        yield from (one for one in template["Resources"].values() if one["Type"] == kind)


def properties(templates: Mapping[str, Template], kind: str) -> Iterator[Template]:
    """The properties of the resources of a type."""
    return (one.get("Properties", {}) for one in resources(templates, kind))


def named_resources(templates: Mapping[str, Template]) -> dict[str, tuple[str, ...]]:
    """Names that templates give to resources of which an account or a Region has only one of a name, by type."""
    found: dict[str, set[str]] = defaultdict(set)
    for kind, key in _NAMED.items():
        for given in properties(templates, kind):
            if isinstance(name := given.get(key), str):
                found[kind].add(name)
    return {kind: tuple(sorted(names)) for kind, names in sorted(found.items())}
