"""IAM changes: permissions by principal, action and resource, regardless of how policies group them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lisa_compiler.review.differences import shown
from lisa_compiler.review.formatting import join_list, pluralize, resource_reference
from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_compiler.review.output import Output, Resource
from lisa_compiler.review.references import references

# Properties that hold a policy: of a resource, or of who may use it.
_DOCUMENTS = ("AssumeRolePolicyDocument", "PolicyDocument", "KeyPolicy", "AccessPolicies", "Policy", "ResourcePolicy")
_ASSUME = "sts:AssumeRole"
_MANAGED = "all permissions of the managed policy"
_GUARDED = ("Bucket", "Queues", "Topics", "SecretId", "KeyId")
"""Properties that say what a policy is of."""

_HOLDERS = 6
_WIDE = 4
"""Actions or resources that a line names; further ones are counted."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One action that one statement allows or denies on one resource.

    Attributes:
        effect: Allow or Deny.
        principal: who, as JSON; empty in a policy of the one who acts.
        action: `s3:GetObject`; `NotAction …` when the statement is about all others.
        resource: an ARN, references written as `${…}`; empty in a trust policy.
        condition: under which condition, as JSON; empty without one.
    """

    effect: str
    principal: str
    action: str
    resource: str
    condition: str


def compare_permissions(before: Output, after: Output) -> Iterator[Impact]:
    """Find added and removed permissions, one impact for each resource with policies."""
    old, new = _by_resource(before), _by_resource(after)
    gone = [
        before.resources[key]
        for key in old
        if key not in after.resources and not _belongs_to_kept_resource(key, before, after)
    ]
    for key in dict.fromkeys([*new, *old]):
        was, will = old.get(key, frozenset()), new.get(key, frozenset())
        holder = after.resources.get(key) or before.resources[key]
        if was != will and holder not in gone:
            yield from _impacts(holder, was, will, is_new=key not in before.resources)
    yield from _boundaries(before, after)
    if gone:
        names = [resource_reference(holder) for holder in gone]
        shorter = names if len(names) <= _HOLDERS else [*names[: _HOLDERS - 1], f"{len(names) - _HOLDERS + 1} more"]
        yield Impact(ImpactCategory.REDUCED_RISK, f"Removed with all their permissions: {join_list(shorter)}.")


def _boundaries(before: Output, after: Output) -> Iterator[Impact]:
    """Find roles whose permissions boundary changes."""
    changed: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for key, role in after.resources.items():
        if key in before.resources and role.type == "AWS::IAM::Role":
            sides = (before.resources[key], role)
            old, new = (shown(side.properties.get("PermissionsBoundary", ""), 200) for side in sides)
            if old != new:
                changed[old, new].append(role)
    for (old, new), roles in changed.items():
        what = pluralize(len(roles), "role has", "roles have")
        if new:
            instead = f" instead of `{old}`" if old else ""
            yield Impact(
                ImpactCategory.BROADER_ACCESS if old else ImpactCategory.REDUCED_RISK,
                f"{what} the permissions boundary `{new}`{instead}.",
            )
        else:
            yield Impact(ImpactCategory.BROADER_ACCESS, f"{what} no permissions boundary (previously `{old}`).")


def _belongs_to_kept_resource(key: tuple[str, str], before: Output, after: Output) -> bool:
    """Return whether a removed policy belonged to a resource that is kept."""
    policy = before.resources[key]
    targets = {target for _, target, _ in references([policy.properties.get(name) for name in _GUARDED])}
    return any((policy.component, target) in after.resources for target in targets)


def grants(resource: Resource) -> frozenset[Permission]:
    """Return all permissions that the policies of a resource allow or deny."""
    found: set[Permission] = set()
    for document in _documents(resource):
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            found.update(_grants(statement))
    if resource.type == "AWS::Lambda::Permission":
        properties = resource.properties
        condition = {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}} if "SourceArn" in properties else None
        statement = {"Principal": properties.get("Principal"), "Action": properties.get("Action")}
        target = {"Resource": properties.get("FunctionName"), **({"Condition": condition} if condition else {})}
        found.update(_grants({**statement, **target}))
    for policy in resource.properties.get("ManagedPolicyArns", ()):
        found.add(_managed(policy))
    return frozenset(found)


def _by_resource(output: Output) -> dict[tuple[str, str], frozenset[Permission]]:
    """Return what each resource allows or denies.

    Managed policies of its stack are part of a role: they contain what exceeds IAM's quota of inline policies (decision
    0038).
    """
    found = {key: grants(resource) for key, resource in output.resources.items()}
    attached: set[tuple[str, str]] = set()
    for key, resource in output.resources.items():
        own = _attached(resource, output)
        attached |= own.keys()
        found[key] = (found[key] - set(own.values())).union(*(found[policy] for policy in own))
    return {key: granted for key, granted in found.items() if granted and key not in attached}


def _attached(role: Resource, output: Output) -> dict[tuple[str, str], Permission]:
    """Return the managed policies of its stack that a role has, each with the permission that names it."""
    arns = role.properties.get("ManagedPolicyArns", ())
    named = {(role.component, str(arn["Ref"])): arn for arn in arns if isinstance(arn, Mapping) and "Ref" in arn}
    return {
        key: _managed(arn)
        for key, arn in named.items()
        if key in output.resources and output.resources[key].type == "AWS::IAM::ManagedPolicy"
    }


def _managed(arn: Any) -> Permission:
    return Permission("Allow", "", _MANAGED, shown(arn, 200), "")


def _documents(resource: Resource) -> Iterator[Mapping[str, Any]]:
    values = [resource.properties.get(name) for name in _DOCUMENTS]
    inline = resource.properties.get("Policies", ())
    values += [policy.get("PolicyDocument") for policy in inline if isinstance(policy, Mapping)]
    for value in values:
        document = _parsed(value)
        if isinstance(document, Mapping) and "Statement" in document:
            yield document


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _grants(statement: Mapping[str, Any]) -> Iterator[Permission]:
    principal = _canonical(statement["Principal"]) if "Principal" in statement else ""
    condition = _canonical(statement["Condition"]) if "Condition" in statement else ""
    for action in _each(statement, "Action"):
        for resource in _each(statement, "Resource"):
            yield Permission(str(statement.get("Effect", "Allow")), principal, action, resource, condition)


def _each(statement: Mapping[str, Any], key: str) -> list[str]:
    for name, lead in ((key, ""), (f"Not{key}", "all except ")):
        if name in statement:
            value = statement[name]
            return [f"{lead}{shown(item, 300)}" for item in (value if isinstance(value, list) else [value])]
    return [""]


def _impacts(
    holder: Resource, was: frozenset[Permission], will: frozenset[Permission], *, is_new: bool
) -> Iterator[Impact]:
    more = {grant for grant in will - was if grant.effect == "Allow"} | {g for g in was - will if g.effect != "Allow"}
    less = (was ^ will) - more
    lead = "A new " if is_new else "The "
    if more:
        category = (
            ImpactCategory.EXPOSURE
            if any(_is_anyone(grant.principal) for grant in more)
            else ImpactCategory.BROADER_ACCESS
        )
        yield Impact(
            category, f"{lead}{resource_reference(holder)} allows{'' if is_new else ' more'}:", tuple(_lines(more))
        )
    if less and not is_new:
        yield Impact(ImpactCategory.REDUCED_RISK, f"The {resource_reference(holder)} allows less:", tuple(_lines(less)))


def _is_anyone(principal: str) -> bool:
    value = _parsed(principal)
    return value == "*" or (isinstance(value, Mapping) and value.get("AWS") == "*")


def _lines(granted: Iterable[Permission]) -> Iterator[str]:
    """A line for each set of actions on a set of resources."""
    by_resource: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for grant in sorted(granted, key=lambda g: (g.resource, g.action)):
        by_resource[grant.effect, grant.principal, grant.condition, grant.resource].append(grant.action)
    by_actions: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (effect, principal, condition, resource), names in by_resource.items():
        by_actions[effect, principal, condition, tuple(names)].append(resource)
    for (effect, principal, condition, actions), resources in by_actions.items():
        text = "" if effect == "Allow" else "denial of "
        if actions == (_ASSUME,) and principal:
            text += f"role assumption by {_who(principal)}"
        elif actions == (_MANAGED,):
            text += f"{_MANAGED} {_names(resources)}"
        else:
            text += _names(actions)
            text += f" on {_names(resources)}" if any(resources) else ""
            text += f" by {_who(principal)}" if principal else ""
        if condition:
            text += f" if {_condition(condition)}"
        yield text


def _names(names: Iterable[str]) -> str:
    items = [f"`{name}`" for name in names]
    return join_list(items if len(items) <= _WIDE else [*items[: _WIDE - 1], f"{len(items) - _WIDE + 1} more"])


def _who(principal: str) -> str:
    if _is_anyone(principal):
        return "**anyone**"
    value = _parsed(principal)
    named = value.values() if isinstance(value, Mapping) else [value]
    return join_list(f"`{shown(item)}`" for who in named for item in (who if isinstance(who, list) else [who]))


def _condition(condition: str) -> str:
    value = _parsed(condition)
    parts = []
    for operator, tests in value.items() if isinstance(value, Mapping) else ():
        if isinstance(tests, Mapping) and not any(key.startswith("Fn::") or key == "Ref" for key in tests):
            parts += [f"`{key}` {operator} `{shown(wanted, 60)}`" for key, wanted in tests.items()]
        else:
            parts.append(f"`{operator}` is `{shown(tests, 60)}`")
    return join_list(parts)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
