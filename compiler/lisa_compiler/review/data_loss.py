"""Data loss: data deleted with a removed or replaced resource, and retained resources without a stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.formatting import join_list, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange

_KEEPS = frozenset({"Retain", "RetainExceptOnCreate"})

# Content of a resource by its type; with the component of its stack where several are told apart.
_HOLDS = {
    "AWS::DynamoDB::Table": "its items",
    "AWS::KMS::Key": "all data encrypted with it",
    "AWS::Logs::LogGroup": "its logs",
    "AWS::OpenSearchService::Domain": "all ingested documents",
    "AWS::RDS::DBInstance": "all ingested documents and the automated backups",
    "AWS::S3::Bucket": "its objects",
    "AWS::SecretsManager::Secret": "the password in it",
}
_HOLDS_IN = {
    ("serve", "AWS::DynamoDB::Table"): "every API token",
    ("chat", "AWS::DynamoDB::Table"): "every chat session",
    ("models-api", "AWS::DynamoDB::Table"): "every proposal",
    ("rag", "AWS::S3::Bucket"): "every uploaded document",
    ("core", "AWS::S3::Bucket"): "the access logs",
}
_UPLOADED = frozenset({("ui", "AWS::S3::Bucket")})
"""Content that each deployment uploads."""

_BALANCER_PROTECTION = "deletion_protection.enabled"
_PROTECTIONS = ("DeletionProtection", "DeletionProtectionEnabled")

_MINOR = frozenset({"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"})
"""Types that are summarized in one line."""


def holds_data(resource: Resource) -> bool:
    """Return whether a resource holds data that a deployment cannot restore."""
    return resource.type in _HOLDS and (resource.component, resource.type) not in _UPLOADED


def find_data_loss(changes: Iterable[ResourceChange], after: Output) -> Iterator[Impact]:
    """Find data that is deleted, and resources that are retained without a stack."""
    lost: list[tuple[Resource, str]] = []
    orphaned: list[Resource] = []
    for change in changes:
        resource = change.before
        if resource is None or not holds_data(resource):
            continue
        policy = "DeletionPolicy" if change.effect is Effect.REMOVED else "UpdateReplacePolicy"
        if change.effect not in (Effect.REMOVED, Effect.REPLACED, Effect.MAYBE_REPLACED):
            continue
        if all(side.attributes.get(policy) in _KEEPS for side in (resource, change.after or resource)):
            orphaned.append(resource)
            continue
        when = {
            Effect.MAYBE_REPLACED: "may be replaced",
            Effect.REPLACED: "is replaced by an empty one",
            Effect.REMOVED: "is deleted",
        }[change.effect]
        if resource.component not in after.stacks:
            when = "is deleted with its stack"
        lost.append((resource, when))
    yield from _data_loss_impacts(lost)
    if orphaned:
        yield Impact(
            ImpactCategory.ORPHANED,
            "Retained with its data outside CloudFormation and billed until you delete it: "
            f"{join_list(_in_short(orphaned))}.",
        )


def find_retention_changes(before: Output, after: Output) -> Iterator[Impact]:
    """Find resources whose retention on a later removal changes."""
    kept = [key for key in before.resources if key in after.resources and holds_data(before.resources[key])]
    for names, category, words in (
        (
            (_KEEPS, frozenset({"Delete", None})),
            ImpactCategory.DATA_LOSS,
            "Now deleted with its stack, including its data",
        ),
        (
            (frozenset({"Delete", None}), _KEEPS),
            ImpactCategory.REDUCED_RISK,
            "Now retained when its stack is deleted",
        ),
    ):
        found = [
            after.resources[key]
            for key in kept
            if before.resources[key].attributes.get("DeletionPolicy") in names[0]
            and after.resources[key].attributes.get("DeletionPolicy") in names[1]
        ]
        if found:
            yield Impact(category, f"{words}: {join_list(_in_short(found))}.")


def find_deletion_protected(changes: Iterable[ResourceChange]) -> Iterator[Impact]:
    """Find resources that CloudFormation would delete but that have deletion protection."""
    for change in changes:
        resource = change.before
        if resource is None or change.effect not in (Effect.REMOVED, Effect.REPLACED):
            continue
        policy = "DeletionPolicy" if change.effect is Effect.REMOVED else "UpdateReplacePolicy"
        if _is_protected(resource) and resource.attributes.get(policy) not in _KEEPS:
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"The {'old ' if change.after else ''}{resource_reference(resource)} has deletion protection: "
                "CloudFormation cannot delete it and leaves it in place until you disable the protection.",
            )


def _is_protected(resource: Resource) -> bool:
    attributes = resource.properties.get("LoadBalancerAttributes", ())
    if any(one.get("Key") == _BALANCER_PROTECTION and one.get("Value") == "true" for one in attributes):
        return True
    return any(resource.properties.get(name) is True for name in _PROTECTIONS)


def _data_loss_impacts(lost: list[tuple[Resource, str]]) -> Iterator[Impact]:
    major = [(resource, when) for resource, when in lost if resource.type not in _MINOR]
    for resource, when in major:
        held = _HOLDS_IN.get((resource.component, resource.type)) or _HOLDS[resource.type]
        yield Impact(ImpactCategory.DATA_LOSS, f"The {resource_reference(resource)} {when}. Lost: {held}.")
    minor = [resource for resource, _ in lost if resource.type in _MINOR]
    if minor:
        yield Impact(ImpactCategory.DATA_LOSS, f"Deleted with their contents: {join_list(_in_short(minor))}.")


def _in_short(resources: list[Resource]) -> list[str]:
    """Name the first few of each kind."""
    names = [resource_reference(resource) for resource in sorted(resources, key=lambda r: r.type in _MINOR)]
    return names if len(names) <= 6 else [*names[:5], f"{len(names) - 5} more"]
