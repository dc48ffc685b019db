"""Name conflicts: resources that CloudFormation cannot create because the name is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.formatting import join_list, pluralize, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange
from lisa_compiler.review.update_behavior import name_property

_SHOWN = 6

# Types whose name property is the name of another resource.
_NOT_NAMED = frozenset({"AWS::S3::BucketPolicy"})


def name_conflicts(changes: Iterable[ResourceChange], before: Output, after: Output) -> Iterator[Impact]:
    """Find replacements with the same name, and names that move from one resource to another."""
    removed: dict[tuple[str, ...], Resource] = {}
    added: list[Resource] = []
    for change in changes:
        if change.effect is Effect.REMOVED and change.before is not None:
            removed[_identity(change.before, before)] = change.before
        if change.effect is Effect.ADDED and change.after is not None:
            added.append(change.after)
        if _keeps_name(change, before, after):
            yield Impact(
                ImpactCategory.MANUAL_STEPS,
                f"CloudFormation cannot replace the {resource_reference(change.resource)}: the replacement has the "
                "same name. Rename it, or delete the existing resource first.",
            )
    taken = [resource for resource in added if name(resource) and _identity(resource, after) in removed]
    if taken:
        yield _name_conflict(taken, "another resource uses it until it is deleted")


def find_name_collisions(before: Output, after: Output) -> Iterator[Impact]:
    """Find names that a new deployment shares with the existing one."""
    old = {_identity(resource, before) for resource in before.resources.values() if name(resource)}
    both = [resource for resource in after.resources.values() if name(resource) and _identity(resource, after) in old]
    if both:
        yield _name_conflict(both, "the existing deployment uses it")


def name(resource: Resource) -> str | None:
    """Return the name in the template of a resource whose name must be unique."""
    its_property = None if resource.type in _NOT_NAMED else name_property(resource.type)
    given = resource.properties.get(its_property) if its_property else None
    return given if isinstance(given, str) else None


def _keeps_name(change: ResourceChange, before: Output, after: Output) -> bool:
    if change.effect is not Effect.REPLACED or change.before is None or change.after is None:
        return False
    return bool(name(change.after)) and _identity(change.after, after) == _identity(change.before, before)


def _name_conflict(resources: list[Resource], why: str) -> Impact:
    names = [resource_reference(resource) for resource in resources[:_SHOWN]]
    if len(resources) > _SHOWN:
        names.append(f"{len(resources) - _SHOWN} more")
    what = pluralize(len(resources), "name is", "names are")
    return Impact(ImpactCategory.MANUAL_STEPS, f"{what} in use: {why}. The deployment fails for {join_list(names)}.")


def _identity(resource: Resource, output: Output) -> tuple[str, ...]:
    """Return a resource's name with its scope: global, an account, or an account and Region."""
    stack = output.stacks[resource.component]
    scope: tuple[str, ...] = (stack.account, stack.region)
    if resource.type == "AWS::S3::Bucket":
        scope = ()
    elif resource.type.startswith("AWS::IAM::"):
        scope = (stack.account,)
    return (resource.type, name(resource) or "", *scope)
