"""Resources: the effect of a change on each one, direct or through a resource that it refers to.

A template is unchanged when the launch template of an Auto Scaling group has a new version, or when a security group
that another stack publishes is replaced. Both change the value of a property, so references are traced from a replaced
resource, or one with a changed attribute, to every property that refers to it, also through Parameter Store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from lisa_compiler.review.differences import Difference, Path, differences
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.references import PARAMETER, REF, publishers, read_names, references
from lisa_compiler.review.update_behavior import UpdateBehavior, name_property, update_behavior

Key = tuple[str, str]


class Effect(IntEnum):
    """Effect on a resource, in the order of risk."""

    UPDATED = 0
    ADDED = 1
    INTERRUPTED = 2
    MAYBE_REPLACED = 3
    REPLACED = 4
    REMOVED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """The change of a resource.

    Attributes:
        effect: what CloudFormation does to it.
        before: as it was; None when it is added.
        after: as it will be; None when it is removed.
        differences: changed properties, when it exists before and after.
        caused_by: by path in the properties, the changed resource or template parameter that is referred to there:
            (component, logical id or name).
        settings: changed settings that its differences come from, where they were looked up.
    """

    effect: Effect
    before: Resource | None
    after: Resource | None
    differences: tuple[Difference, ...] = ()
    caused_by: Mapping[Path, Key] = field(default_factory=dict)
    settings: tuple[str, ...] = ()

    @property
    def resource(self) -> Resource:
        """The resource as it will be, or as it was when it is removed."""
        if (found := self.after or self.before) is None:
            raise ValueError("a change is of something")
        return found


# Attributes that an update changes without a replacement: (attribute, the property that it depends on).
_MOVING_ATTRIBUTES: dict[str, tuple[str, str]] = {
    "AWS::EC2::LaunchTemplate": ("LatestVersionNumber", "LaunchTemplateData"),
    PARAMETER: ("Value", "Value"),
}

_VERSIONED = frozenset({"AWS::ApiGateway::Deployment"})
"""Types of which a stack has one, created again at every change with another logical id."""

_EFFECTS = {
    UpdateBehavior.IN_PLACE: Effect.UPDATED,
    UpdateBehavior.UNKNOWN: Effect.UPDATED,
    UpdateBehavior.INTERRUPTS: Effect.INTERRUPTED,
    UpdateBehavior.MAY_REPLACE: Effect.MAYBE_REPLACED,
    UpdateBehavior.REPLACES: Effect.REPLACED,
}


def compare_resources(before: Output, after: Output) -> tuple[ResourceChange, ...]:
    """Return the change of every changed resource, by stack and logical id."""
    kept = [key for key in after.resources if key in before.resources]
    changed_types = {key for key in kept if before.resources[key].type != after.resources[key].type}
    found = _recreated(before, after)
    for key in before.resources:
        if (key not in after.resources or key in changed_types) and not _is_version(before.resources[key]):
            found[key] = ResourceChange(effect=Effect.REMOVED, before=before.resources[key], after=None)
    for key in after.resources:
        if key not in before.resources and key not in found:
            found[key] = ResourceChange(effect=Effect.ADDED, before=None, after=after.resources[key])
    own = {
        key: tuple(differences(before.resources[key].properties, after.resources[key].properties))
        for key in kept
        if key not in changed_types
    }
    for key, caused_by in _followed(before, after, own).items():
        if own[key] or caused_by:
            found[key] = _change(before.resources[key], after.resources[key], own[key], caused_by)
    order = {component: place for place, component in enumerate({**after.stacks, **before.stacks})}
    return tuple(sorted(found.values(), key=lambda change: (order[change.resource.component], change.resource.key)))


def _is_version(resource: Resource) -> bool:
    return resource.type in _VERSIONED


def _recreated(before: Output, after: Output) -> dict[Key, ResourceChange]:
    """Resources whose logical id is a digest: the new one replaces the old one."""
    old = {(one.component, one.type): one for one in before.resources.values() if _is_version(one)}
    return {
        new.key: ResourceChange(effect=Effect.REPLACED, before=old[new.component, new.type], after=new)
        for new in after.resources.values()
        if (new.component, new.type) in old and old[new.component, new.type].key != new.key
    }


def _change(
    before: Resource, after: Resource, own: tuple[Difference, ...], caused_by: Mapping[Path, Key]
) -> ResourceChange:
    paths = [difference.path for difference in own] + list(caused_by)
    effect = max((_EFFECTS[update_behavior(after.type, path)] for path in paths), default=Effect.UPDATED)
    if effect < Effect.INTERRUPTED and any(_restarts(after, str(path[0])) for path in paths):
        effect = Effect.INTERRUPTED
    return ResourceChange(effect=effect, before=before, after=after, differences=own, caused_by=dict(caused_by))


def _restarts(resource: Resource, name: str) -> bool:
    """Return whether a changed property stops tasks or instances before their replacements run."""
    if resource.type == "AWS::ECS::Service" and name in {"TaskDefinition", "LoadBalancers"}:
        return bool(resource.properties.get("DeploymentConfiguration", {}).get("MinimumHealthyPercent") == 0)
    if resource.type == "AWS::AutoScaling::AutoScalingGroup" and name == "LaunchTemplate":
        return "AutoScalingRollingUpdate" in resource.attributes.get("UpdatePolicy", {})
    return False


def _followed(before: Output, after: Output, own: Mapping[Key, tuple[Difference, ...]]) -> dict[Key, dict[Path, Key]]:
    """By resource, the paths whose value changes because of the resource that they refer to."""
    redirected = _redirected(before, after)
    published = publishers(after)
    caused_by: dict[Key, dict[Path, Key]] = {key: {} for key in own}
    users: dict[Key, list[tuple[Key, Path, str]]] = defaultdict(list)
    for key in own:
        resource = after.resources[key]
        names = read_names(after, resource.component)
        for path, target, attribute in references(resource.properties):
            here = (resource.component, target)
            if here in redirected:
                caused_by[key][path] = here
            elif here in after.resources:
                users[here].append((key, path, attribute))
            elif names.get(target) in published:
                users[published[names[target]].key].append((key, path, "Value"))
    pending = [key for key in own if own[key] or caused_by[key]]
    done: dict[Key, _ChangedReferences] = {}
    while pending:
        key = pending.pop()
        moved = _changed_references(before.resources[key], after.resources[key], own[key], caused_by[key])
        if moved == done.get(key):
            continue
        done[key] = moved
        for user, path, attribute in users[key]:
            if moved.moves(attribute) and path not in caused_by[user]:
                caused_by[user][path] = key
                pending.append(user)
    return caused_by


def _redirected(before: Output, after: Output) -> set[Key]:
    """Template parameters with a changed value: (component, name)."""
    old, new = publishers(before), publishers(after)
    found = set()
    for component, stack in after.stacks.items():
        earlier = before.stacks[component].parameters if component in before.stacks else {}
        for name in stack.parameters.keys() & earlier.keys():
            defaults = str(earlier[name].get("Default")), str(stack.parameters[name].get("Default"))
            sources = old.get(defaults[0]), new.get(defaults[1])
            same_source = None not in sources and sources[0].key == sources[1].key  # type: ignore[union-attr]
            if defaults[0] != defaults[1] and not same_source:
                found.add((component, name))
    return found


@dataclass(frozen=True, slots=True)
class _ChangedReferences:
    """Values of a resource that other resources refer to and that change with it.

    Attributes:
        all_attributes: whether every attribute does.
        attributes: those that do.
        reference: whether what `Ref` gives does.
    """

    all_attributes: bool = False
    attributes: frozenset[str] = frozenset()
    reference: bool = False

    def moves(self, attribute: str) -> bool:
        return self.reference if attribute == REF else self.all_attributes or attribute in self.attributes


def _changed_references(
    before: Resource, after: Resource, own: tuple[Difference, ...], caused_by: Mapping[Path, Key]
) -> _ChangedReferences:
    change = _change(before, after, own, caused_by)
    if change.effect in (Effect.REPLACED, Effect.MAYBE_REPLACED) and after.type != PARAMETER:
        name = name_property(after.type)
        keeps_name = name is not None and name in after.properties and not _touches(change, name)
        return _ChangedReferences(all_attributes=True, reference=not keeps_name)
    attribute, its_property = _MOVING_ATTRIBUTES.get(after.type, ("", ""))
    return _ChangedReferences(attributes=frozenset({attribute} if _touches(change, its_property) else ()))


def _touches(change: ResourceChange, name: str) -> bool:
    return any(path[0] == name for path in (*change.caused_by, *(difference.path for difference in change.differences)))
