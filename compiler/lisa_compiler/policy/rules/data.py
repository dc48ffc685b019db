"""Rules about data at rest: encryption, removal, public buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lisa_compiler.policy.rules.rule import Facts, PolicyRule, Violation, as_list, statements
from lisa_compiler.policy.templates import Template

_BLOCKS: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_KEEPING: Final = ("Retain", "RetainExceptOnCreate", "Snapshot")


def _public_buckets(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001  # every check's form
    for logical_id, properties in template.of_type("AWS::S3::Bucket"):
        block = properties.get("PublicAccessBlockConfiguration", {})
        missing = [name for name in _BLOCKS if block.get(name) is not True]
        if missing:
            yield Violation(logical_id, f"The bucket does not block public access: {', '.join(missing)} must be true.")
    for logical_id, properties in template.of_type("AWS::S3::BucketPolicy"):
        for statement in statements(properties.get("PolicyDocument")):
            principal = statement.get("Principal")
            everyone = principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS")))
            if everyone and statement.get("Effect") == "Allow":
                yield Violation(logical_id, "The bucket policy allows access for all principals.")


def _has_rules(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration"))


def _has_own_key(properties: Mapping[str, Any]) -> bool:
    encryption = properties.get("SSESpecification", {})
    return encryption.get("SSEEnabled") is True and bool(encryption.get("KMSMasterKeyId"))


def _is_storage_encrypted(properties: Mapping[str, Any]) -> bool:
    return properties.get("StorageEncrypted") is True


def _is_domain_encrypted(properties: Mapping[str, Any]) -> bool:
    return properties.get("EncryptionAtRestOptions", {}).get("Enabled") is True


def _are_volumes_encrypted(properties: Mapping[str, Any]) -> bool:
    mappings = as_list(properties.get("LaunchTemplateData", {}).get("BlockDeviceMappings"))
    volumes = [mapping["Ebs"] for mapping in mappings if "Ebs" in mapping]
    return bool(volumes) and all(volume.get("Encrypted") is True for volume in volumes)


def _has_key(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("KmsKeyId"))


_ENCRYPTED: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "AWS::DynamoDB::Table": _has_own_key,
    "AWS::EC2::LaunchTemplate": _are_volumes_encrypted,
    "AWS::Logs::LogGroup": _has_key,
    "AWS::OpenSearchService::Domain": _is_domain_encrypted,
    "AWS::RDS::DBInstance": _is_storage_encrypted,
    "AWS::S3::Bucket": _has_rules,
    "AWS::SecretsManager::Secret": _has_key,
}


def _clear_data(template: Template, facts: Facts) -> Iterator[Violation]:  # noqa: ARG001
    for kind, is_encrypted in _ENCRYPTED.items():
        for logical_id, properties in template.of_type(kind):
            if not is_encrypted(properties):
                yield Violation(logical_id, "The stored data is not encrypted with a key that the account controls.")


_STATEFUL: Final = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)


def _losable_data(template: Template, facts: Facts) -> Iterator[Violation]:
    if not facts.retains:
        return
    for logical_id, resource in template.resources.items():
        if resource.get("Type") not in _STATEFUL:
            continue
        losing = [name for name in ("DeletionPolicy", "UpdateReplacePolicy") if resource.get(name) not in _KEEPING]
        if losing:
            yield Violation(
                logical_id,
                f"Deleting the stack or replacing the resource deletes its data: set {' and '.join(losing)}.",
            )


RULES: Final = (
    PolicyRule(
        "LISA-P06",
        "block-public-access",
        "Buckets must block public access, and bucket policies must not allow access for all principals.",
        "Buckets hold documents, logs and weights; the chat application is served through API Gateway.",
        "Set all four public access blocks, and list the principals.",
        _public_buckets,
    ),
    PolicyRule(
        "LISA-P07",
        "encrypted-at-rest",
        "Buckets, tables, databases, domains, volumes, logs and secrets must be encrypted.",
        "Data on disks that are replaced, copied or shared must remain unreadable.",
        "Use the key of the deployment, or the encryption of the service.",
        _clear_data,
    ),
    PolicyRule(
        "LISA-P08",
        "retain-data",
        "With removalPolicy retain, resources with data must be retained when they are removed or replaced.",
        "Deleting or renaming a stack by mistake must not delete data.",
        "Apply LisaStack.keep_or_delete to the resource, or set removalPolicy to destroy.",
        _losable_data,
    ),
)
