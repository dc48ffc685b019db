"""Whether a role allows exactly what its users call: no more, no less, and under the same conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from permissions.declared_calls import Need, needs_of
from permissions.deployed import Deployed
from permissions.evaluation import Document, Policies, Request, as_list, is_allowed
from permissions.role import Role, statements

ALLOW_ALL: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""A permissions boundary that limits nothing: the account's own is not in the templates."""

_EVERY_REQUEST = ("aws:RequestedRegion", "aws:SecureTransport")
"""Condition keys that no request lacks."""

_BOTH_SIDES = ("es:",)
"""Services whose resource policy alone is enough within an account: the role is evaluated without it."""


@dataclass(frozen=True, repr=False)
class Universe:
    """What all programs of a deployment call.

    Attributes:
        deployed: the deployment.
        needs: what each role must allow, by component and logical id.
    """

    deployed: Deployed
    needs: Mapping[str, Sequence[Need]]

    @classmethod
    def of(cls, deployed: Deployed) -> Universe:
        """What the roles of a deployment must allow."""
        return cls(deployed, {role.place: needs_of(deployed, role) for role in deployed.roles})

    @property
    def services(self) -> set[str]:
        """Services that keys are used through, and one more."""
        others = f"other.{self.deployed.region}.{self.deployed.suffix}"
        return {need.context["kms:ViaService"] for need in self._all() if "kms:ViaService" in need.context} | {others}

    def requests(self, place: str) -> list[tuple[str, str, Mapping[str, str]]]:
        """Action, resource and context of everything that some role must allow, and of what one role nearly may."""
        return [
            (need.action, sample(arn), {key: sample(value) for key, value in need.context.items()})
            for other, needs in self.needs.items()
            for need in needs
            for arn in (need.on, *((*need.excepted, *need.siblings) if other == place else ()))
        ]

    def _all(self) -> Iterable[Need]:
        return (need for needs in self.needs.values() for need in needs)


def sample(pattern: str) -> str:
    """One of the names that a pattern stands for."""
    found = re.sub(r"(:log-group:[^:]*):\*$", r"\1:log-stream:one", pattern)
    found = found.replace("autoScalingGroup:*:", "autoScalingGroup:0f3a1b2c-1111-4222-8333-444455556666:")
    return found.replace("??????", "AbCdEf").replace("*", "one") if found != "*" else found


def granted(role: Role, effect: str) -> set[tuple[str, str, frozenset[str]]]:
    """Each action on each resource with the keys of its conditions, as the role's statements have them."""
    return {
        (action, resource, frozenset(key for keys in one.get("Condition", {}).values() for key in keys))
        for document in role.documents
        for one in statements(document)
        if one["Effect"] == effect
        for action in as_list(one["Action"])
        for resource in as_list(one["Resource"])
    }


def wording(role: Role, needs: Sequence[Need]) -> Iterator[str]:
    """How the statements of a role differ from what is declared."""
    has, wanted = granted(role, "Allow"), {(n.action, arn, frozenset(n.context)) for n in needs for arn in n.grants}
    for action, resource, _ in sorted(has - wanted, key=str):
        yield f"{role.place} allows {action} on {resource}, which no declared call needs"
    for action, resource, _ in sorted(wanted - has, key=str):
        yield f"{role.place} does not allow {action} on {resource}, which a declared call needs"
    denied = {(action, resource) for action, resource, _ in granted(role, "Deny")}
    for action, resource in sorted(denied ^ {(n.action, arn) for n in needs for arn in n.excepted}):
        yield f"{role.place}: a denial of {action} on {resource} is not declared, or is missing"


def decisions(universe: Universe, role: Role, *, actions: frozenset[str] | None = None) -> Iterator[str]:
    """How the evaluation of a role differs from what is declared.

    Args:
        universe: the deployment.
        role: with the policies to evaluate.
        actions: the only ones to ask for; None for all.
    """
    needs = [need for need in universe.needs[role.place] if actions is None or need.action in actions]
    for need in needs:
        context = {key: sample(value) for key, value in need.context.items()}
        if not ask(universe.deployed, role, (need.action, sample(need.on)), context=context):
            yield f"{role.place} does not allow {need.action} on {need.on}"
    for action, arn, context in _near_misses(universe, role, needs, actions):
        if ask(universe.deployed, role, (action, arn), context=context):
            yield f"{role.place} allows {action} on {arn} with {dict(context)}"


def _near_misses(
    universe: Universe, role: Role, needs: Sequence[Need], actions: frozenset[str] | None
) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    patterns = {action for action, *_ in granted(role, "Allow")}
    seen = set()
    wrong_contexts = (
        (need.action, sample(need.on), context) for need in needs for context in _wrong_contexts(universe, need)
    )
    for action, arn, context in (*universe.requests(role.place), *wrong_contexts):
        key = (action, arn, tuple(sorted(context.items())))
        if (
            key in seen
            or (actions is not None and action not in actions)
            or not any(fnmatchcase(action, pattern) for pattern in patterns)
            or any(need.covers(action, arn, context) for need in universe.needs[role.place])
        ):
            continue
        seen.add(key)
        yield action, arn, context


def _wrong_contexts(universe: Universe, need: Need) -> Iterator[Mapping[str, str]]:
    context = {key: sample(value) for key, value in need.context.items()}
    for key, value in context.items():
        if key not in _EVERY_REQUEST:
            yield {name: one for name, one in context.items() if name != key}
        if key.startswith("dynamodb:"):
            yield {**context, key: f"other-{value}"}
        for other in universe.services if key == "kms:ViaService" else universe.deployed.elsewhere(value):
            yield {**context, key: other}


def ask(
    deployed: Deployed,
    role: Role,
    request: tuple[str, str],
    *,
    context: Mapping[str, str] | None = None,
    boundary: Document = ALLOW_ALL,
) -> bool:
    """Whether a role may make a request (action, ARN), by its policies, its boundary and the policy of the resource.

    Resources of other accounts count as the deployment's: what their accounts allow is not in the templates.
    """
    action, arn = request
    policies = Policies(
        identity=role.documents,
        boundary=boundary if role.boundary else None,
        resource=None if action.startswith(_BOTH_SIDES) else _resource_policy(deployed, arn),
    )
    asked = Request(
        principal=role.arn,
        action=action,
        on=arn,
        account=deployed.account,
        context={"aws:SecureTransport": "true", "aws:RequestedRegion": deployed.region, **(context or {})},
    )
    return is_allowed(policies, asked)


def _resource_policy(deployed: Deployed, arn: str) -> Document | None:
    """The policy of a bucket or a key; other keys have the policy of the deployment's."""
    policies = deployed.resource_policies
    if ":kms:" in arn:
        return next(policy for key, policy in policies.items() if ":kms:" in key)
    return policies.get(arn.partition("/")[0])
