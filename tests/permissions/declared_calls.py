"""The AWS calls that programs declare beside their code, in aws_calls.yaml, as requests of a deployment."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from permissions.deployed import Deployed
from permissions.evaluation import as_list
from permissions.role import Role
from permissions.users import Variables, users

ROOT = Path(__file__).parents[2]
FILES = (
    "compiler/aws_calls.yaml",
    "runtime/gateway/aws_calls.yaml",
    "runtime/lambdas/aws_calls.yaml",
    "templates/containers/aws_calls.yaml",
    "templates/instance/aws_calls.yaml",
)

GATEWAY = "serve/RestApiTaskRole"

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_KEYS = frozenset({"call", "actions", "service", "resource", "granted", "except", "when", "via", "because", "source"})
_PROGRAM_KEYS = frozenset({"name", "role", "principal", "uses", "calls", "managed"})


class DeclarationError(Exception):
    """A file of calls is not of the form that CONTRIBUTING.md has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it is declared; CONTRIBUTING.md, "Add an AWS call", has the meaning of each key."""

    call: str
    actions: Sequence[str]
    service: str
    on: Sequence[str]
    granted: str | None
    excepted: str | None
    when: Mapping[str, str]
    via: str | None
    because: str | None
    source: str | None

    @property
    def is_recorded(self) -> bool:
        """Whether tests record it: LISA's own code makes it with botocore."""
        return self.source is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program, or a service of AWS, with the role that it calls with.

    Attributes:
        name: what it is.
        roles: component and logical id, or patterns.
        principal: service that assumes the role.
        calls: what it calls.
        managed: reasons of AWS's managed policies, by the end of their ARNs.
    """

    name: str
    roles: Sequence[str]
    principal: str
    calls: Sequence[Call]
    managed: Mapping[str, str]

    def has(self, role: Role) -> bool:
        """Whether the program's role is this one."""
        return any(fnmatchcase(role.place, pattern) for pattern in self.roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a role must allow.

    Attributes:
        action: IAM's action.
        on: ARN, with wildcards for any object, stream or id.
        grants: resources of the role's statement; wider than `on` only for the reason that is declared.
        excepted: what a statement denies of them.
        context: condition keys, whose values may have wildcards.
        siblings: resources with other names, accounts or Regions.
    """

    action: str
    on: str
    grants: frozenset[str]
    excepted: frozenset[str]
    context: Mapping[str, str]
    siblings: Sequence[str]

    def covers(self, action: str, arn: str, context: Mapping[str, str]) -> bool:
        """Whether a request is one that the role may allow."""
        return (
            action == self.action
            and any(fnmatchcase(arn, pattern) for pattern in self.grants)
            and not any(fnmatchcase(arn, pattern) for pattern in self.excepted)
            and all(fnmatchcase(context.get(key, ""), value) for key, value in self.context.items())
        )


@cache
def programs() -> tuple[Program, ...]:
    """Every program."""
    return tuple(
        program for name in FILES for program in read_programs(yaml.safe_load((ROOT / name).read_text("utf-8")))
    )


def read_programs(content: Mapping[str, Any]) -> Iterator[Program]:
    """The programs of a file.

    Raises:
        DeclarationError: a key is missing or not known.
    """
    shared = content.get("shared", {})
    for found in content["programs"]:
        if unknown := found.keys() - _PROGRAM_KEYS:
            raise DeclarationError(f"{found.get('name')}: unknown keys {sorted(unknown)}")
        listed = [*itertools.chain(*(shared[name] for name in found.get("uses", []))), *found.get("calls", [])]
        yield Program(
            name=found["name"],
            roles=as_list(found["role"]),
            principal=found["principal"],
            calls=[_read_call(one) for one in listed],
            managed=found.get("managed", {}),
        )


def _read_call(found: Mapping[str, Any]) -> Call:
    call = str(found.get("call"))
    if unknown := found.keys() - _KEYS:
        raise DeclarationError(f"{call}: unknown keys {sorted(unknown)}")
    is_wide = "granted" in found or "*" in as_list(found["resource"])
    if is_wide and "because" not in found:
        raise DeclarationError(f"{call}: say in `because` why the role allows more than the call needs")
    return Call(
        call=call,
        actions=found.get("actions", [call]),
        service=found.get("service", call.partition(":")[0]),
        on=as_list(found["resource"]),
        granted=found.get("granted"),
        excepted=found.get("except"),
        when=found.get("when", {}),
        via=found.get("via"),
        because=found.get("because"),
        source=found.get("source"),
    )


def needs_of(deployed: Deployed, role: Role) -> list[Need]:
    """What a role of a deployment must allow, for everything that has it."""
    found = {
        repr(need): need
        for program in programs()
        if program.has(role)
        for variables in users(deployed, role)
        for call in program.calls
        for need in _needs(deployed, call, variables)
    }
    return [*found.values(), *(_external(deployed) if role.place == GATEWAY else [])]


def _external(deployed: Deployed) -> Iterator[Need]:
    """What LiteLLM calls in the gateway's container, as it is planned for external models and its own services."""
    for grant in deployed.external:
        for action, resource in itertools.product(grant.actions, grant.resources):
            yield Need(
                action=action,
                on=resource,
                grants=frozenset({resource}),
                excepted=frozenset(),
                context=dict([grant.condition] if grant.condition else []),
                siblings=[] if resource == "*" else [f"{resource}-2", *deployed.elsewhere(resource)],
            )


def _needs(deployed: Deployed, call: Call, variables: Variables) -> Iterator[Need]:
    for template in call.on:
        for chosen in _choices([template, *call.when.values()], variables):
            on = _arn(deployed, call.service, _filled(template, chosen))
            context = {key: _value(deployed, key, _filled(value, chosen)) for key, value in call.when.items()}
            if call.via:
                context["kms:ViaService"] = f"{call.via}.{_region(deployed, on)}.{deployed.suffix}"
            grants = frozenset(_arns(deployed, call, call.granted, variables)) or frozenset({on})
            for action in call.actions:
                yield Need(
                    action=action,
                    on=on,
                    grants=grants,
                    excepted=frozenset(_arns(deployed, call, call.excepted, variables)),
                    context=context,
                    siblings=[*_siblings(deployed, call.service, template, chosen), *deployed.elsewhere(on)],
                )


def _arns(deployed: Deployed, call: Call, template: str | None, variables: Variables) -> Iterator[str]:
    for chosen in _choices([template], variables) if template else ():
        yield _arn(deployed, call.service, _filled(template or "", chosen))


def _choices(templates: Sequence[str], variables: Variables) -> Iterator[Mapping[str, str]]:
    """Each value of each variable of some texts."""
    names = sorted({name for template in templates for name in _VARIABLE.findall(template)})
    if unknown := [name for name in names if name not in variables]:
        raise DeclarationError(f"{', '.join(templates)}: unknown variables {', '.join(unknown)}")
    for values in itertools.product(*(variables[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def _filled(template: str, chosen: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: chosen[found[1]], template)


def _arn(deployed: Deployed, service: str, resource: str) -> str:
    return resource if resource == "*" or resource.startswith("arn:") else deployed.arn(service, resource)


def _region(deployed: Deployed, arn: str) -> str:
    """The Region of a key, whose service uses it there."""
    return arn.split(":")[3] if arn.startswith("arn:") else deployed.region


def _value(deployed: Deployed, key: str, value: str) -> str:
    return deployed.arn("ecs", value) if key == "ecs:cluster" else value


def _siblings(deployed: Deployed, service: str, template: str, chosen: Mapping[str, str]) -> Iterator[str]:
    """The resource of each name that begins or ends as the right one does."""
    for name in set(_VARIABLE.findall(template)) & chosen.keys():
        value = chosen[name]
        if value == "*":
            continue
        before = "" if value.startswith("arn:") else ("/2" if value.startswith("/") else "2-")
        for other in {f"{value}-2", *([f"{before}{value}"] if before else [])}:
            yield _arn(deployed, service, _filled(template, {**chosen, name: other}))
