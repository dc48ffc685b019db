"""Lengths, patterns and sizes that AWS's services allow, and what in a template is beyond them.

Sources: the services' API references and quotas, each as read for the property that is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_IAM = r"[A-Za-z0-9+=,.@_-]+"
_ECS = r"[A-Za-z0-9_-]+"
_LOG_GROUP = r"[A-Za-z0-9._/#-]+"
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_BUCKET = r"[a-z0-9](?!.*\.\.)[a-z0-9.-]+[a-z0-9](?<!-s3alias)(?<!--ol-s3)"
_GROUP_DESCRIPTION = r"[A-Za-z0-9. _:/()#,@\[\]+=&;{}!$*-]+"
_ANY = r"(?s).+"

NAMES: Mapping[str, tuple[int, int, str]] = {
    "ApiGateway::Authorizer.Name": (1, 1024, _ANY),
    "ApiGateway::Deployment.Description": (0, 1024, _ANY),
    "ApiGateway::DomainName.DomainName": (1, 255, rf"({_LABEL}\.)+{_LABEL}"),
    "ApiGateway::RestApi.Description": (0, 1024, _ANY),
    "ApiGateway::RestApi.Name": (1, 1024, _ANY),
    "ApiGateway::Stage.StageName": (1, 128, r"[A-Za-z0-9_-]+"),
    "ApplicationAutoScaling::ScalingPolicy.PolicyName": (1, 256, _ANY),
    "AutoScaling::AutoScalingGroup.AutoScalingGroupName": (1, 255, r"[^:]+"),
    "CloudWatch::Alarm.AlarmDescription": (0, 1024, _ANY),
    "CloudWatch::Alarm.AlarmName": (1, 255, r"[\x20-\x7e]+"),
    "CloudWatch::Dashboard.DashboardName": (1, 255, r"[A-Za-z0-9_-]+"),
    "DynamoDB::Table.TableName": (3, 255, r"[A-Za-z0-9_.-]+"),
    "EC2::SecurityGroup.GroupDescription": (1, 255, _GROUP_DESCRIPTION),
    "ECS::Cluster.ClusterName": (1, 255, _ECS),
    "ECS::TaskDefinition.Family": (1, 255, _ECS),
    "IAM::InstanceProfile.InstanceProfileName": (1, 128, _IAM),
    "IAM::ManagedPolicy.ManagedPolicyName": (1, 128, _IAM),
    "IAM::Role.Description": (0, 1000, _ANY),
    "IAM::Role.RoleName": (1, 64, _IAM),
    "IAM::ServiceLinkedRole.Description": (0, 1000, _ANY),
    "KMS::Key.Description": (0, 8192, _ANY),
    "Lambda::Function.Description": (0, 256, _ANY),
    "Lambda::Function.FunctionName": (1, 64, r"[A-Za-z0-9_-]+"),
    "Lambda::LayerVersion.Description": (0, 256, _ANY),
    "Lambda::LayerVersion.LayerName": (1, 140, r"[A-Za-z0-9_-]+"),
    "Logs::LogGroup.LogGroupName": (1, 512, _LOG_GROUP),
    "Logs::ResourcePolicy.PolicyName": (1, 255, r"[^:*]+"),
    "OpenSearchService::Domain.DomainName": (3, 28, r"[a-z][a-z0-9-]+"),
    "RDS::DBInstance.DBInstanceIdentifier": (1, 63, r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]*(?<!-)"),
    "RDS::DBParameterGroup.Description": (1, 255, _ANY),
    "RDS::DBSubnetGroup.DBSubnetGroupDescription": (1, 255, _ANY),
    "Route53::HostedZone.Name": (1, 255, rf"({_LABEL}\.)+{_LABEL}"),
    "Route53::RecordSet.Name": (1, 255, rf"({_LABEL}\.)+{_LABEL}"),
    "S3::Bucket.BucketName": (3, 63, _BUCKET),
    "SSM::Parameter.Description": (0, 1024, _ANY),
    # The ARN, of up to 64 characters before the name, counts: Systems Manager API Reference, "PutParameter".
    "SSM::Parameter.Name": (1, 1011 - 64, r"(/[A-Za-z0-9_.-]+){1,15}"),
    "SecretsManager::Secret.Description": (0, 2048, _ANY),
    # Secrets Manager finds such a name by a part of another's ARN.
    "SecretsManager::Secret.Name": (1, 512, r"[A-Za-z0-9/_+=.@-]+(?<!-.{6})"),
}
"""By type and property of a resource, the shortest and longest, and the pattern."""

IDENTIFYING = frozenset(name for name in NAMES if not name.endswith("Description"))
NOT_NAMES = frozenset(
    {
        "AutoScaling::ScalingPolicy.AutoScalingGroupName",
        "CloudFormation::CustomResource.BucketName",
        "CloudWatch::Alarm.MetricName",
        "EC2::VPCEndpoint.ServiceName",
        "IAM::ServiceLinkedRole.AWSServiceName",
        "RDS::DBInstance.CACertificateIdentifier",
        "RDS::DBInstance.DBName",
        "RDS::DBParameterGroup.Family",
    }
)
"""Properties that end like a name, and refer to another resource or to what AWS has."""

ATTACHED_POLICIES = 10
LOG_RESOURCE_POLICIES = 10
POLICY_CHARACTERS: Mapping[str, int] = {
    "IAM::ManagedPolicy.PolicyDocument": 6144,
    "IAM::Role.AssumeRolePolicyDocument": 2048,
    "KMS::Key.KeyPolicy": 32 * 1024,
    "Logs::ResourcePolicy.PolicyDocument": 5120,
    "S3::BucketPolicy.PolicyDocument": 20 * 1024,
}
TASK_DEFINITION_BYTES = 64 * 1024
TEMPLATE_BYTES = 1024 * 1024
INLINE_POLICIES = 10_240
FUNCTION_ENVIRONMENT_BYTES = 4096
ZONE_COMMENT_CHARACTERS = 256
LOG_STREAM_CHARACTERS = 512
TASK_ID_CHARACTERS = 32
USER_DATA_BYTES = 16 * 1024


def properties(template: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each property of each resource: logical id, type and property, value."""
    for logical_id, resource in template["Resources"].items():
        kind = resource["Type"].removeprefix("AWS::")
        for name, value in resource.get("Properties", {}).items():
            yield logical_id, f"{kind}.{name}", value


def unknown_names(template: Mapping[str, Any]) -> list[str]:
    """Properties that look like names or descriptions and have no limit here."""
    endings = ("Name", "Identifier", "Description", "Family")
    return [
        name
        for _, name, value in properties(template)
        if name.endswith(endings) and isinstance(value, str) and name not in NAMES and name not in NOT_NAMES
    ]


def faults(template: Mapping[str, Any]) -> list[str]:
    """What AWS rejects in a template, with its place."""
    found = [*_faults_of_template(template)]
    for logical_id, name, value in properties(template):
        if name in NAMES and isinstance(value, str):
            shortest, longest, pattern = NAMES[name]
            if not shortest <= len(value) <= longest or not re.fullmatch(pattern, value):
                found.append(f"{logical_id} {name}: {value}")
        found += [f"{logical_id} {name}: {fault}" for fault in _faults_of_value(name, value)]
    return found


def _faults_of_template(template: Mapping[str, Any]) -> Iterator[str]:
    size = len(json.dumps(template))
    if size > TEMPLATE_BYTES:
        yield f"{size} bytes"
    for section, most in (("Resources", 500), ("Parameters", 200), ("Outputs", 200), ("Mappings", 200)):
        entries = template.get(section, {})
        if len(entries) > most:
            yield f"{len(entries)} {section}"
        yield from (name for name in entries if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name))
    if len(template.get("Description", "")) > 1024:
        yield "Description"
    log_policies = sum(found["Type"] == "AWS::Logs::ResourcePolicy" for found in template["Resources"].values())
    if log_policies > LOG_RESOURCE_POLICIES:
        yield f"{log_policies} resource policies of CloudWatch Logs, of those that an account has in a Region"
    for name, output in template.get("Outputs", {}).items():
        if len(output.get("Description", "")) > 1024:
            yield f"output {name}"
    for name, parameter in template.get("Parameters", {}).items():
        if len(str(parameter.get("Default", ""))) > 4096:
            yield f"parameter {name}"


def _faults_of_value(name: str, value: Any) -> Iterator[str]:
    if name == "IAM::Role.ManagedPolicyArns" and len(value) > ATTACHED_POLICIES:
        yield f"{len(value)} policies"
    elif name in POLICY_CHARACTERS and _policy_characters(value) > POLICY_CHARACTERS[name]:
        yield f"{_policy_characters(value)} characters"
    elif name == "Lambda::Function.Layers" and len(value) > 5:
        yield f"{len(value)} layers"
    elif name.endswith(".Tags") and isinstance(value, list):
        yield from _faults_of_tags(value)
    elif name in _STRUCTURES:
        yield from _STRUCTURES[name](value)


def _faults_of_inline_policies(policies: list[Any]) -> Iterator[str]:
    total = sum(_policy_characters(policy["PolicyDocument"]) for policy in policies)
    if total > INLINE_POLICIES:
        yield f"{total} characters"
    names = [policy["PolicyName"] for policy in policies]
    yield from (name for name in names if not re.fullmatch(_IAM, name) or len(name) > 128)


def _faults_of_variables(environment: Mapping[str, Any]) -> Iterator[str]:
    size = sum(len(key) + _resolved(text) for key, text in environment["Variables"].items())
    if size > FUNCTION_ENVIRONMENT_BYTES:
        yield f"{size} bytes"


def _faults_of_containers(containers: list[Any]) -> Iterator[str]:
    if _resolved(containers) > TASK_DEFINITION_BYTES:
        yield f"{_resolved(containers)} bytes"
    yield from (one["Name"] for one in containers if not re.fullmatch(_ECS, one["Name"]) or len(one["Name"]) > 255)
    for container in containers:
        options = container.get("LogConfiguration", {}).get("Options", {})
        # The awslogs driver names a stream prefix/container/task (ECS Developer Guide).
        stream = f"{options.get('awslogs-stream-prefix', '')}/{container['Name']}/{'0' * TASK_ID_CHARACTERS}"
        if len(stream) > LOG_STREAM_CHARACTERS:
            yield f"log stream {stream}"


def _faults_of_launch_template(data: Mapping[str, Any]) -> Iterator[str]:
    for specification in data.get("TagSpecifications", ()):
        yield from _faults_of_tags(specification["Tags"])
    text = data.get("UserData", {"Fn::Base64": ""})["Fn::Base64"]
    parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
    # EC2 counts before the text is encoded. A reference counts as the longest ARN that a target group has.
    size = sum(len(part.encode()) if isinstance(part, str) else 128 for part in parts)
    if size > USER_DATA_BYTES:
        yield f"{size} bytes of user data"


def _faults_of_zone(configuration: Mapping[str, Any]) -> Iterator[str]:
    comment = configuration.get("Comment", "")
    if len(comment) > ZONE_COMMENT_CHARACTERS:
        yield f"comment of {len(comment)} characters"


def _faults_of_rules(rules: list[Any]) -> Iterator[str]:
    texts = [rule["Description"] for rule in rules if "Description" in rule]
    yield from (text for text in texts if len(text) > 255 or not re.fullmatch(_GROUP_DESCRIPTION, text))


def _faults_of_tags(tags: list[Any]) -> Iterator[str]:
    if len(tags) > 50:
        yield f"{len(tags)} tags"
    yield from (tag["Key"] for tag in tags if len(tag["Key"]) > 128 or _resolved(tag["Value"]) > 256)


_STRUCTURES: Mapping[str, Callable[[Any], Iterator[str]]] = {
    "EC2::LaunchTemplate.LaunchTemplateData": _faults_of_launch_template,
    "EC2::SecurityGroup.SecurityGroupEgress": _faults_of_rules,
    "EC2::SecurityGroup.SecurityGroupIngress": _faults_of_rules,
    "ECS::TaskDefinition.ContainerDefinitions": _faults_of_containers,
    "IAM::Role.Policies": _faults_of_inline_policies,
    "Lambda::Function.Environment": _faults_of_variables,
    "Route53::HostedZone.HostedZoneConfig": _faults_of_zone,
}
"""By type and property, what AWS rejects in a value with parts."""


def parameter_faults(resource: Mapping[str, Any]) -> list[str]:
    """Why Parameter Store rejects the value of a parameter."""
    most = 8192 if resource.get("Tier") == "Advanced" else 4096
    return [f"{resource['Name']}: value"] if _resolved(resource["Value"]) > most else []


def _policy_characters(document: Any) -> int:
    """Characters without white space, as IAM counts."""
    return _resolved(document) if isinstance(document, str) else len(json.dumps(document, separators=(",", ":")))


def _resolved(value: Any) -> int:
    """Bytes of a value, references as they are written, which are longer than the ids that they become."""
    return len(value.encode()) if isinstance(value, str) else len(json.dumps(value))
