"""What a rule is: a named function over one template and what the configuration says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.policy.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the configuration says that rules need.

    Attributes:
        account: twelve digits.
        partition: `aws`, `aws-us-gov`, `aws-iso` …
        retains: whether `removalPolicy` is `retain`.
        bounded: whether `permissionsBoundaryAspect` names a boundary.
        internet_facing: whether the REST API's load balancer may have public addresses.
        authenticates: whether the REST API authenticates callers.
        trusted: what the gateway's variables of sign-in are, by name.
    """

    account: str
    partition: str
    retains: bool
    bounded: bool
    internet_facing: bool
    authenticates: bool
    trusted: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule objects to.

    Attributes:
        resource: logical id.
        message: what is wrong with it, a sentence.
    """

    resource: str
    message: str


Check = Callable[[Template, Facts], Iterator[Violation]]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule, as docs/policy.md lists it.

    Attributes:
        id: `LISA-P` and two digits.
        name: its name in kebab case.
        title: what must hold, a sentence.
        reason: why it matters, a sentence.
        fix: what to do when it is broken, a sentence.
        check: the function.
    """

    id: str
    name: str
    title: str
    reason: str
    fix: str
    check: Check = field(repr=False)


def as_list(value: Any) -> list[Any]:
    """Return a value of IAM's language, which may be one or a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def statements(document: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a policy document; one that is not written as JSON data has none to look at."""
    if isinstance(document, dict):
        for statement in as_list(document.get("Statement")):
            if isinstance(statement, dict):
                yield statement


def strings(value: Any) -> Iterator[str]:
    """Yield every text in a value, however deep, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
