"""Adopt retained resources: a new stack continues with the data that its predecessor left in the account.

A resource that CloudFormation retains, in a deletion or in the rollback of the operation that created it, belongs to no
stack any more, and its name is taken. An IMPORT change set makes it part of the stack again, before the stack is
deployed as usual. CloudFormation itself says what it can import (GetTemplateSummary), and whether a resource exists and
is free: a change set that cannot be created changes nothing.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.deploy.states import ChangeSetState, change_set_state
from lisa_compiler.review.update_behavior import UpdateBehavior, update_behavior

if TYPE_CHECKING:
    from lisa_compiler.aws.stack_operations import StackOperations, StackResource

_PAUSE = 2.0
_LARGEST_TEMPLATE = 51_200
"""Bytes of a template that CloudFormation accepts in a request ("CloudFormation quotas")."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """Adoption of resources into one stack.

    Attributes:
        operations: CloudFormation.
        name: the stack.
        compiled: its compiled template.
        deployed: its deployed template; empty for a new stack.
        role: ARN of the role with which CloudFormation works; None for the caller's permissions.
        tell: receives what is being done.
    """

    operations: StackOperations
    name: str
    compiled: Mapping[str, Any]
    deployed: Mapping[str, Any]
    role: str | None
    tell: Callable[[str], None]

    def adopt(self, orphans: Sequence[StackResource]) -> tuple[StackResource, ...]:
        """Import resources; returns those that were imported.

        What CloudFormation cannot import is reported and skipped: it is gone, belongs to another stack, or its type
        cannot be imported. Whether its name stops the deployment is then CloudFormation's to say.

        Raises:
            DeployError: the import fails, or AWS rejects a request.
        """
        possible = self._importable(orphans)
        change_set = self._prepare(possible) if possible else None
        if change_set is None and possible:
            # One that is gone, or another stack's, makes CloudFormation refuse them all.
            possible = [each for each in possible if self._is_accepted([each])]
            possible = self._importable(possible)
            change_set = self._prepare(possible) if possible else None
        if left := [each.logical_id for each in orphans if each not in possible]:
            self.tell(f"{self.name}: cannot adopt {', '.join(left)}")
        if change_set is None:
            return ()
        self.tell(f"{self.name}: adopting {', '.join(each.logical_id for each in possible)}")
        ending = self.operations.execute(self.name, change_set)
        if ending.status != "IMPORT_COMPLETE":
            reasons = "".join(f"\n  {line}" for line in ending.reasons)
            raise DeployError(
                f"{self.name}: retained resources could not be adopted ({ending.status}). Fix these errors and rerun "
                f"the command.{reasons}"
            )
        return tuple(possible)

    def _importable(self, orphans: Sequence[StackResource]) -> list[StackResource]:
        """Those of a type that can be imported, and whose references are in the stack or can be set afterwards."""
        found = list(orphans)
        while found:
            template = self._template(found)
            known = self.operations.identifiers(json.dumps(template)) if template["Resources"] else {}
            kept = [
                each
                for each in found
                if each.logical_id in template["Resources"] and len(known.get(each.logical_id, ())) == 1
            ]
            if kept == found:
                return found
            found = kept
        return []

    def _template(self, orphans: Sequence[StackResource]) -> dict[str, Any]:
        """The deployed template with these resources; of a new stack, with nothing but them."""
        resources = dict(self.deployed.get("Resources", {}))
        parameters = dict(self.deployed.get("Parameters", {}))
        usable = {**self._values(), **dict.fromkeys(parameters, "")}
        known = {*resources, *(each.logical_id for each in orphans)}
        for orphan in orphans:
            entry = self.compiled["Resources"][orphan.logical_id]
            adopted = _reduced(entry, {*known, *usable})
            if adopted is not None and entry["Type"] == orphan.resource_type:
                resources[orphan.logical_id] = adopted
                parameters |= {
                    name: definition
                    for name, definition in self.compiled.get("Parameters", {}).items()
                    if name in set(_references(adopted)) and name not in parameters
                }
        parts = {key: value for key, value in self.deployed.items() if key not in ("Resources", "Parameters")}
        parts.setdefault("Description", self.compiled.get("Description", ""))
        return {**parts, **({"Parameters": parameters} if parameters else {}), "Resources": resources}

    def _values(self) -> dict[str, str]:
        """Default values of the compiled parameters that can be resolved now, by name of the parameter."""
        defaults = {
            name: str(definition.get("Default", "")) for name, definition in self.compiled.get("Parameters", {}).items()
        }
        stored = {
            name: value
            for name, value in defaults.items()
            if self.compiled["Parameters"][name]["Type"].startswith("AWS::SSM::Parameter::Value<")
        }
        present = self.operations.cloudformation.values(stored.values()) if stored else {}
        return {name: value for name, value in defaults.items() if name not in stored or value in present}

    def _prepare(self, orphans: Sequence[StackResource]) -> str | None:
        """A change set that can be executed; None when CloudFormation refuses it."""
        template = self._template(orphans)
        text = json.dumps(template)
        if len(text.encode()) > _LARGEST_TEMPLATE:
            text = json.dumps(template, separators=(",", ":"))
        if len(text.encode()) > _LARGEST_TEMPLATE:
            names = ", ".join(each.logical_id for each in orphans)
            raise DeployError(
                f"{self.name}: {names} cannot be adopted, because the template exceeds {_LARGEST_TEMPLATE} bytes. "
                "Import these resources in the CloudFormation console, and rerun the command."
            )
        identifiers = self.operations.identifiers(text)
        imports = {
            each.logical_id: (each.resource_type, {identifiers[each.logical_id][0]: each.identity}) for each in orphans
        }
        deployed = self.deployed.get("Parameters", {})
        values = {name: None for name in template.get("Parameters", {}) if name in deployed}
        change_set = f"lisa-adopt-{secrets.token_hex(8)}"
        try:
            identity = self.operations.create_import(
                self.name, change_set, text, values, imports=imports, role=self.role
            )
        except RequestError as error:
            if error.code != "ValidationError":
                raise
            self.tell(str(error))
            return None
        while True:
            status, execution, reason = self.operations.change_set(self.name, identity)
            state = change_set_state(change_set, status, execution)
            if state is not ChangeSetState.WAIT:
                break
            time.sleep(_PAUSE)
        if state is ChangeSetState.EXECUTABLE:
            return identity
        self.tell(f"{self.name}: {reason}")
        self.operations.discard(self.name, identity)
        return None

    def _is_accepted(self, orphans: Sequence[StackResource]) -> bool:
        if not self._importable(orphans):
            # It refers to others: together with them it is tried again.
            return True
        change_set = self._prepare(orphans)
        if change_set is None:
            return False
        self.operations.discard(self.name, change_set)
        return True


def _reduced(entry: Mapping[str, Any], known: set[str]) -> dict[str, Any] | None:
    """A resource without the properties that refer to what is not known; None if it would be replaced to set them."""
    properties = {}
    for name, value in entry.get("Properties", {}).items():
        if set(_references(value)) <= known:
            properties[name] = value
        elif update_behavior(entry["Type"], [name]) is not UpdateBehavior.IN_PLACE:
            return None
    kept = {key: entry[key] for key in ("Type", "UpdateReplacePolicy") if key in entry}
    # An import requires a policy, and what is adopted is worth keeping should the deployment fail.
    return {**kept, "DeletionPolicy": "Retain", "Properties": properties}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref" and not str(each).startswith("AWS::"):
                yield each
            elif key == "Fn::GetAtt":
                yield each.partition(".")[0] if isinstance(each, str) else each[0]
            elif key == "Fn::Sub":
                yield from _substituted(each)
            elif key in ("Fn::If", "Fn::FindInMap"):
                # An import of a new stack takes no conditions and mappings along.
                yield key
            else:
                yield from _references(each)


def _substituted(argument: Any) -> Iterator[str]:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    for part in text.split("${")[1:]:
        name = part.partition("}")[0].partition(".")[0]
        if not name.startswith(("AWS::", "!")) and name not in own:
            yield name
    yield from _references(own)
