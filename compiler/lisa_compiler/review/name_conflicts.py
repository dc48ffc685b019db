"""Names that are taken: what CloudFormation cannot make because something of that name is still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lisa_compiler.review.formatting import join_list, pluralize, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.resources import Effect, ResourceChange
from lisa_compiler.review.update_behavior import name_property

_SHOWN = 6

# Types whose property is the name of another resource, and types whose names need not differ.
_NOT_NAMED = frozenset({"AWS::S3::BucketPolicy"})


def name_conflicts(changes: Iterable[ResourceChange], before: Output, after: Output) -> Iterator[Impact]:
    """Find replacements under the same name, and names that go from one resource to another."""
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
                f"CloudFormation refuses to replace the {resource_reference(change.resource)}: the new one would have the same "
                "name while the old one is still there. Give it another name, or remove it first.",
            )
    taken = [resource for resource in added if name(resource) and _identity(resource, after) in removed]
    if taken:
        yield _name_conflict(taken, "another resource has the name until it is deleted")


def find_name_collisions(before: Output, after: Output) -> Iterator[Impact]:
    """Find the names that a deployment which comes to stand beside the old one would need too."""
    old = {_identity(resource, before) for resource in before.resources.values() if name(resource)}
    both = [resource for resource in after.resources.values() if name(resource) and _identity(resource, after) in old]
    if both:
        yield _name_conflict(both, "the old deployment has the same")


def name(resource: Resource) -> str | None:
    """The name that the template gives a resource, where no two may have the same."""
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
    return Impact(
        ImpactCategory.MANUAL_STEPS, f"{what} taken, because {why}, and the deployment fails: {join_list(names)}."
    )


def _identity(resource: Resource, output: Output) -> tuple[str, ...]:
    """A resource's name within what it has to be unique in: all of AWS, an account, or a region of one."""
    stack = output.stacks[resource.component]
    scope: tuple[str, ...] = (stack.account, stack.region)
    if resource.type == "AWS::S3::Bucket":
        scope = ()
    elif resource.type.startswith("AWS::IAM::"):
        scope = (stack.account,)
    return (resource.type, name(resource) or "", *scope)
