"""What the model of CloudFormation keeps: stacks, their resources and change sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.review.update_behavior import UpdateBehavior, update_behavior

from .account_rules import Rules
from .cloudformation_templates import order, read

UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
KEEPS = ("Retain", "RetainExceptOnCreate")


class InvalidError(Exception):
    """CloudFormation refuses a call: an error code and a message."""

    def __init__(self, message: str, code: str = "ValidationError") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Record:
    """A resource of a stack, with the policy for its deletion."""

    kind: str
    identity: str
    properties: Mapping[str, Any]
    policy: str
    replace_policy: str = "Delete"


@dataclass
class StackModel:
    """A stack; `undo` is what a failed rollback has still to do, `failed` the resources that did not do as told."""

    name: str
    identity: str
    status: str = "REVIEW_IN_PROGRESS"
    body: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    protected: bool = False
    undo: list[tuple[str, Record]] = field(default_factory=list)
    added: list[tuple[str, Record]] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)

    @property
    def template(self) -> dict[str, Any]:
        return read(self.body) if self.body else {"Resources": {}}


@dataclass
class ChangeSet:
    """A change set of a stack."""

    name: str
    identity: str
    stack: StackModel
    kind: str
    body: str
    given: Mapping[str, str]
    tags: Mapping[str, str]
    imports: Mapping[str, str]
    status: str = "CREATE_COMPLETE"
    execution: str = "AVAILABLE"
    reason: str = ""


IMPORTABLE = {
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::EC2::SecurityGroup": "Id",
    "AWS::EC2::Subnet": "SubnetId",
    "AWS::EC2::VPC": "VpcId",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "LoadBalancerArn",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ServiceLinkedRole": "RoleName",
    "AWS::KMS::Key": "KeyId",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::OpenSearchService::Domain": "DomainName",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::RDS::DBParameterGroup": "DBParameterGroupName",
    "AWS::RDS::DBSubnetGroup": "DBSubnetGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Id",
}
"""Types that can be imported, with their identifier (User Guide, "Resource type support"); of those that LISA uses."""


def import_problem(found: ChangeSet, template: Mapping[str, Any], stacks: Iterable[StackModel], rules: Rules) -> str:
    """Why resources cannot be imported, as the requirements of the User Guide have it; empty if they can be."""
    deployed = found.stack.template["Resources"]
    new = {logical for logical in template["Resources"] if logical not in deployed}
    if template.get("Outputs") != found.stack.template.get("Outputs"):
        return "As part of the import operation, you cannot modify or add [Outputs]"
    if new != set(found.imports) or any(template["Resources"].get(name) != entry for name, entry in deployed.items()):
        return "You have modified resources that are not being imported"
    owned = {(each.kind, each.identity) for stack in stacks for each in stack.records.values()}
    for logical, identity in found.imports.items():
        entry = template["Resources"][logical]
        key = entry["Type"], identity
        problems = {
            f"Resources [{logical}] is missing DeletionPolicy attribute in template": "DeletionPolicy" not in entry,
            f"ResourceTypes [{entry['Type']}] are not supported for Import": entry["Type"] not in IMPORTABLE,
            f"Resource {logical} with identifier {identity} does not exist": key not in rules.things,
            f"Resource {logical} with identifier {identity} is already managed by a stack": key in owned,
        }
        if problem := next((text for text, holds in problems.items() if holds), ""):
            return problem
    return ""


def order_of(stack: StackModel) -> list[str]:
    """The resources of a stack, in the order of their creation; what its template no longer has comes last."""
    known = order(stack.template, set(stack.records) & set(stack.template["Resources"]))
    return [*known, *(logical for logical in stack.records if logical not in known)]


def replaces(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    changed = [key for key in {*before, *after} if json.dumps(before.get(key)) != json.dumps(after.get(key))]
    return any(update_behavior(kind, [key]) is UpdateBehavior.REPLACES for key in changed)
