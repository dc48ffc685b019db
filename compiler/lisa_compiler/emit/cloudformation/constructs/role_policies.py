"""A role's permissions within IAM's limits: inline policies, and customer managed policies for what exceeds them.

Lists of the configuration become resources of statements: secrets, image repositories, external models. Inline is where
a statement is first: it exists exactly as long as its role. See decision 0038.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.policies import document
from lisa_compiler.plan.provenance import without_marks
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lisa_compiler.emit.cloudformation.constructs.policies import Document, Statement

# IAM User Guide, "IAM and AWS STS quotas", less a margin for references, which are shorter than the ARNs that they
# become. White space does not count.
_INLINE_CHARACTERS = 10_240 - 240
_MANAGED_CHARACTERS = 6_144 - 144
_MANAGED_POLICIES = 10


class RolePolicyError(LisaError):
    """A role needs more permissions than IAM lets it have."""


def divide(
    policies: Mapping[str, Document], *, purpose: str, attached: int = 0
) -> tuple[dict[str, Document], list[Document]]:
    """Divide policies into those that fit into a role, and the managed ones that have the rest.

    Args:
        policies: inline policies by name.
        purpose: what the role is for, named in the error.
        attached: managed policies that the role has already.

    Returns:
        The inline policies, the largest ones cut to fit; and further policies to attach.

    Raises:
        RolePolicyError: more managed policies would be needed than a role can have.
    """
    inline = dict(policies)
    rest: list[Statement] = []
    for name in sorted(inline, key=lambda name: (-_characters(inline[name]), name)):
        excess = sum(map(_characters, inline.values())) - _INLINE_CHARACTERS
        if excess <= 0:
            break
        kept, moved = _cut(inline[name]["Statement"], _characters(inline[name]) - excess - _characters(document()))
        rest += moved
        inline[name] = document(*kept)
        if not kept:
            del inline[name]
    managed = [document(*statements) for statements in _packed(rest)]
    if attached + len(managed) > _MANAGED_POLICIES:
        raise RolePolicyError(
            f"The role {purpose} needs {attached + len(managed)} managed policies, and IAM allows {_MANAGED_POLICIES}. "
            "Reduce the number of different secrets, image repositories or external models, or deploy some of the "
            "models or repositories under another deploymentName."
        )
    return inline, managed


def _packed(statements: Sequence[Statement]) -> Iterator[list[Statement]]:
    room = _MANAGED_CHARACTERS - _characters(document())
    rest = list(statements)
    while rest:
        packed, rest = _cut(rest, room)
        # What does not fit alone is IAM's to reject.
        yield packed or [rest.pop(0)]


def _cut(statements: Sequence[Statement], room: int) -> tuple[list[Statement], list[Statement]]:
    """The first statements that fit, and the others; the one in between is cut between its resources."""
    kept: list[Statement] = []
    for position, statement in enumerate(statements):
        size = _characters(statement) + 1
        if size <= room:
            kept.append(statement)
            room -= size
            continue
        first, second = _cut_resources(statement, room)
        return [*kept, *first], [*second, *statements[position + 1 :]]
    return kept, []


def _cut_resources(statement: Statement, room: int) -> tuple[list[Statement], list[Statement]]:
    resources = statement["Resource"]
    if isinstance(resources, str):
        return [], [statement]
    room -= _characters(statement | {"Resource": []}) + 1
    count = 0
    while count < len(resources) and (room := room - _characters(resources[count]) - 1) >= 0:
        count += 1
    parts = [statement | {"Resource": part} if part else None for part in (resources[:count], resources[count:])]
    first, second = ([part] if part else [] for part in parts)
    return first, second


def _characters(value: object) -> int:
    return len(without_marks(json.dumps(value, separators=(",", ":"))))
