"""Lost data: what a removed or replaced resource takes with it, and what it leaves behind unattended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.formatting import join_list, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange

_KEEPS = frozenset({"Retain", "RetainExceptOnCreate"})

# What is in a resource, by its type; the component of its stack tells more where there are several.
_HOLDS = {
    "AWS::DynamoDB::Table": "its items",
    "AWS::KMS::Key": "everything that is encrypted with it",
    "AWS::Logs::LogGroup": "its logs",
    "AWS::OpenSearchService::Domain": "every document that was ingested into it",
    "AWS::RDS::DBInstance": "every document that was ingested into it, and the automated backups",
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
"""What a deployment fills again."""

_BALANCER_PROTECTION = "deletion_protection.enabled"
_PROTECTIONS = ("DeletionProtection", "DeletionProtectionEnabled")

_MINOR = frozenset({"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"})
"""Types that are summed up in a line when several go."""


def holds_data(resource: Resource) -> bool:
    """Tell whether there are data in a resource that no deployment brings back."""
    return resource.type in _HOLDS and (resource.component, resource.type) not in _UPLOADED


def find_data_loss(changes: Iterable[ResourceChange], after: Output) -> Iterator[Impact]:
    """Find what is lost, what is orphaned, and what is no longer kept from now on."""
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
            "Kept with its data, outside of any stack from then on, and paid for until someone deletes it: "
            f"{join_list(_in_short(orphaned))}.",
        )


def find_retention_changes(before: Output, after: Output) -> Iterator[Impact]:
    """Find the resources whose data a later removal would keep until now, and will delete from now on."""
    kept = [key for key in before.resources if key in after.resources and holds_data(before.resources[key])]
    for names, category, words in (
        (
            (_KEEPS, frozenset({"Delete", None})),
            ImpactCategory.DATA_LOSS,
            "From now on deleted, data included, with its stack",
        ),
        (
            (frozenset({"Delete", None}), _KEEPS),
            ImpactCategory.REDUCED_RISK,
            "From now on kept when its stack is deleted",
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
    """Find what CloudFormation would delete and cannot, because it is protected from that."""
    for change in changes:
        resource = change.before
        if resource is None or change.effect not in (Effect.REMOVED, Effect.REPLACED):
            continue
        policy = "DeletionPolicy" if change.effect is Effect.REMOVED else "UpdateReplacePolicy"
        if _is_protected(resource) and resource.attributes.get(policy) not in _KEEPS:
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"The {'old ' if change.after else ''}{resource_reference(resource)} is protected from deletion: CloudFormation "
                "cannot delete it, and leaves it behind, until someone takes the protection off.",
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
        yield Impact(ImpactCategory.DATA_LOSS, f"Deleted with what is in them: {join_list(_in_short(minor))}.")


def _in_short(resources: list[Resource]) -> list[str]:
    """Name the first few of each kind."""
    names = [resource_reference(resource) for resource in sorted(resources, key=lambda r: r.type in _MINOR)]
    return names if len(names) <= 6 else [*names[:5], f"{len(names) - 5} more"]
