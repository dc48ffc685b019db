"""The comparison notices each change of each statement: what is removed, what is widened and what is added."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from permissions.evaluation import Document, as_list
from permissions.role import Role, statements
from permissions.role_check import Universe, decisions, wording

Statement = dict[str, Any]
Mutant = tuple[str, list[Statement]]


def _without(statement: Statement, name: str) -> Iterator[Mutant]:
    """The statement without each of its actions or resources."""
    for value in as_list(statement[name]):
        rest = [one for one in as_list(statement[name]) if one != value]
        yield f"without {value}", [{**statement, name: rest}] if rest else []


def _unconditional(statement: Statement) -> Iterator[Mutant]:
    """The statement without each of its conditions, and without each of a condition's values."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            changed = copy.deepcopy(statement)
            del changed["Condition"][operator][key]
            yield f"without the condition {key}", [changed]
            for value in as_list(values)[1:]:
                changed = copy.deepcopy(statement)
                changed["Condition"][operator][key] = [one for one in as_list(values) if one != value]
                yield f"without {key} {value}", [changed]


def _widened(statement: Statement) -> Iterator[Mutant]:
    """The statement on more resources."""
    resources = as_list(statement["Resource"])
    if resources != ["*"]:
        yield "on all resources", [{**statement, "Resource": "*"}]
    for resource in resources:
        if not resource.endswith("*"):
            others = [one for one in resources if one != resource]
            yield f"on {resource}*", [{**statement, "Resource": [*others, f"{resource}*"]}]


def mutants(statement: Mapping[str, Any]) -> Iterator[Mutant]:
    """Changes of a statement that a request can notice."""
    one = dict(statement)
    if one["Effect"] == "Deny":
        yield "without the denial", []
    yield from _without(one, "Action")
    yield from _without(one, "Resource")
    if one["Effect"] == "Allow":
        yield from _unconditional(one)
        yield from _widened(one)


def places(role: Role) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Index of the document, index of the statement, and the statement."""
    for number, document in enumerate(role.documents):
        for index, statement in enumerate(statements(document)):
            yield number, index, statement


def changed(role: Role, number: int, index: int, instead: Sequence[Statement]) -> Role:
    """A role with other statements in place of one."""
    documents: list[Document] = list(role.documents)
    found: list[Any] = list(statements(documents[number]))
    found[index : index + 1] = instead
    documents[number] = {**documents[number], "Statement": found}
    return role.with_documents([document for document in documents if document["Statement"]])


def test_each_change_of_a_statement_changes_a_decision(universe: Universe) -> None:
    unnoticed, count = [], 0
    for role in universe.deployed.roles:
        for number, index, statement in places(role):
            actions = frozenset(as_list(statement["Action"]))
            for what, instead in mutants(statement):
                mutant = changed(role, number, index, instead)
                count += 1
                if next(decisions(universe, mutant, actions=actions), None) is None:
                    unnoticed.append(f"{role.place}: {', '.join(sorted(actions))} {what}")
    assert unnoticed == []
    assert count > 100


def test_each_added_action_is_noticed(universe: Universe) -> None:
    for role in universe.deployed.roles:
        for number, index, statement in places(role):
            service = as_list(statement["Action"])[0].partition(":")[0]
            for action in (f"{service}:*", f"{service}:Tag*", "sts:AssumeRole"):
                wider = [{**statement, "Action": [*as_list(statement["Action"]), action]}]
                found = list(wording(changed(role, number, index, wider), universe.needs[role.place]))
                assert any(action in difference for difference in found), (role.place, action)
