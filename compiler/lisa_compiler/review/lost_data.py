"""Lost data: what a removed or replaced resource takes with it, and what it leaves behind unattended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.finding import Danger, Finding
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange
from lisa_compiler.review.wording import listed, subject

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


def lost_data(changes: Iterable[ResourceChange], after: Output) -> Iterator[Finding]:
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
    yield from _told(lost)
    if orphaned:
        yield Finding(
            Danger.LEAVES,
            "Kept with its data, outside of any stack from then on, and paid for until someone deletes it: "
            f"{listed(_in_short(orphaned))}.",
        )


def no_longer_kept(before: Output, after: Output) -> Iterator[Finding]:
    """Find the resources whose data a later removal would keep until now, and will delete from now on."""
    kept = [key for key in before.resources if key in after.resources and holds_data(before.resources[key])]
    for names, danger, words in (
        ((_KEEPS, frozenset({"Delete", None})), Danger.LOSES, "From now on deleted, data included, with its stack"),
        ((frozenset({"Delete", None}), _KEEPS), Danger.CLOSES, "From now on kept when its stack is deleted"),
    ):
        found = [
            after.resources[key]
            for key in kept
            if before.resources[key].attributes.get("DeletionPolicy") in names[0]
            and after.resources[key].attributes.get("DeletionPolicy") in names[1]
        ]
        if found:
            yield Finding(danger, f"{words}: {listed(_in_short(found))}.")


def protected(changes: Iterable[ResourceChange]) -> Iterator[Finding]:
    """Find what CloudFormation would delete and cannot, because it is protected from that."""
    for change in changes:
        resource = change.before
        if resource is None or change.effect not in (Effect.REMOVED, Effect.REPLACED):
            continue
        policy = "DeletionPolicy" if change.effect is Effect.REMOVED else "UpdateReplacePolicy"
        if _is_protected(resource) and resource.attributes.get(policy) not in _KEEPS:
            yield Finding(
                Danger.HAND,
                f"The {'old ' if change.after else ''}{subject(resource)} is protected from deletion: CloudFormation "
                "cannot delete it, and leaves it behind, until someone takes the protection off.",
            )


def _is_protected(resource: Resource) -> bool:
    attributes = resource.properties.get("LoadBalancerAttributes", ())
    if any(one.get("Key") == _BALANCER_PROTECTION and one.get("Value") == "true" for one in attributes):
        return True
    return any(resource.properties.get(name) is True for name in _PROTECTIONS)


def _told(lost: list[tuple[Resource, str]]) -> Iterator[Finding]:
    major = [(resource, when) for resource, when in lost if resource.type not in _MINOR]
    for resource, when in major:
        held = _HOLDS_IN.get((resource.component, resource.type)) or _HOLDS[resource.type]
        yield Finding(Danger.LOSES, f"The {subject(resource)} {when}. Lost: {held}.")
    minor = [resource for resource, _ in lost if resource.type in _MINOR]
    if minor:
        yield Finding(Danger.LOSES, f"Deleted with what is in them: {listed(_in_short(minor))}.")


def _in_short(resources: list[Resource]) -> list[str]:
    """Name the first few of each kind."""
    names = [subject(resource) for resource in sorted(resources, key=lambda r: r.type in _MINOR)]
    return names if len(names) <= 6 else [*names[:5], f"{len(names) - 5} more"]
