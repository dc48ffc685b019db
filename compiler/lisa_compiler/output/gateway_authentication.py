"""Whether the gateway authenticates callers, read from its compiled task definition.

SUMMARY.md, `lisa policy` and `lisa diff` state what a task definition contains, not what the configuration intends:
someone may have edited the template, or an older LISA may have compiled it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from lisa_schema.settable_variables import GATEWAY
from lisa_schema.variable_ownership import owned_variable

COMPONENT: Final = "serve"
"""Component of the stack that has the gateway."""

TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
TRUSTED: Final = ("ADMIN_GROUP", "AUTHORITY", "CLIENT_ID", "JWT_GROUPS_PROP", "LEGACY_TOKENS", "TOKEN_TABLE_NAME")
"""Variables that say whom the gateway trusts."""

_SWITCH: Final = "USE_AUTH"
_REQUIRED: Final = ("AUTHORITY", "CLIENT_ID", "TOKEN_TABLE_NAME")
_OFF: Final = frozenset({"0", "off", "f", "false", "n", "no"})
"""What pydantic reads as false."""


class Access(StrEnum):
    """Who may use the gateway."""

    AUTHENTICATED = "authenticated"
    ANYONE = "anyone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a task definition authenticates callers.

    Attributes:
        access: who may use the gateway.
        problems: why it is not certain that callers are authenticated; empty when it is.
        trusted: the variables of `TRUSTED` that have a plain value.
    """

    access: Access
    problems: tuple[str, ...]
    trusted: Mapping[str, str]


def read_authentication(task: Mapping[str, Any]) -> Authentication:
    """Read the properties of a gateway's task definition."""
    containers = [one for one in _list(task.get("ContainerDefinitions")) if isinstance(one, Mapping)]
    gateway = next((one for one in containers if one.get("Name") == GATEWAY), None)
    if gateway is None:
        return Authentication(Access.UNKNOWN, (f"The container `{GATEWAY}` is missing.",), MappingProxyType({}))
    plain = _plain(gateway)
    secrets = [str(one.get("Name", "")) for one in _list(gateway.get("Secrets")) if isinstance(one, Mapping)]
    values = {name: found[0] for name, found in plain.items() if len(found) == 1 and isinstance(found[0], str)}
    problems = [
        *_replaced(gateway, containers),
        *(f"`{name}` has several values." for name, found in plain.items() if len(found) > 1 and _matters(name)),
        *(
            f"`{name}` is not a plain string."
            for name, found in plain.items()
            if len(found) == 1 and name not in values and _matters(name)
        ),
        *(f"`{name}` comes from a secret." for name in secrets if _matters(name.upper())),
        *_reserved([*values.items(), *((name, "") for name in secrets)]),
    ]
    switch = values.get(_SWITCH)
    if switch is not None and switch.strip().lower() in _OFF:
        off = f"`{_SWITCH}` is `{switch}`."
        return Authentication(Access.ANYONE, (off, *problems), MappingProxyType(_trusted(values)))
    if switch is None and _SWITCH not in plain:
        problems.append(f"`{_SWITCH}` is not set.")
    elif switch is not None and switch != "true":
        problems.append(f"`{_SWITCH}` is `{switch}`, not `true`.")
    problems += [f"`{name}` is not set." for name in _REQUIRED if name not in plain or values.get(name) == ""]
    access = Access.UNKNOWN if problems else Access.AUTHENTICATED
    return Authentication(access, tuple(problems), MappingProxyType(_trusted(values)))


def gateway_tasks(resources: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield logical id and properties of the task definitions among the resources of the gateway's stack."""
    for logical_id, resource in resources.items():
        if resource.get("Type") == TASK_DEFINITION:
            yield logical_id, resource.get("Properties", {})


def _matters(name: str) -> bool:
    return name == _SWITCH or name in TRUSTED


def _trusted(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in TRUSTED}


def _plain(container: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Values by name in capitals, as the gateway's settings read them."""
    found: dict[str, list[Any]] = {}
    for entry in _list(container.get("Environment")):
        if isinstance(entry, Mapping):
            found.setdefault(str(entry.get("Name", "")).upper(), []).append(entry.get("Value"))
    return found


def _replaced(gateway: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for key in ("Command", "EntryPoint"):
        if gateway.get(key):
            yield f"{key} replaces what the image runs."
    if gateway.get("EnvironmentFiles"):
        yield "EnvironmentFiles set variables that are not in the template."
    for other in containers:
        if other is not gateway and other.get("PortMappings"):
            yield f"Another container, `{other.get('Name')}`, accepts requests."


def _reserved(variables: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, value in variables:
        owned = owned_variable(GATEWAY, name)
        if owned is not None and not owned.in_task and value not in owned.accepts:
            yield f"`{name}` controls {owned.controls}."


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
