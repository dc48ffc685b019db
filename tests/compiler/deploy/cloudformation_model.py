"""A model of CloudFormation in this process: stacks and change sets as the User Guide describes them.

It is what `docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide` says about stack statuses, change sets, importing,
deletion policies and rolling back, with the rules of `account_rules` for what services refuse. It is not an emulator:
resources have no behavior, properties are not validated, an operation is complete when its call returns (its progress
is only shown), stacks are not nested, and there are no stack policies, drift, hooks, exports or macros. What the guide
does not say is chosen to be hard for a deployer: what cannot be deleted in a cleanup is left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from .account_rules import NAMES, RefusedError, Rules
from .cloudformation_stacks import (
    KEEPS,
    UPDATABLE,
    ChangeSet,
    InvalidError,
    Record,
    StackModel,
    import_problem,
    order_of,
    replaces,
)
from .cloudformation_templates import Values, active, order, parameters, read

_NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class CloudFormationModel:
    """An account's CloudFormation.

    Attributes:
        rules: the account's resources.
        faults: how often an operation on a logical id still fails: `create`, `update`, `delete`, `revert`.
        stacks: by name, those that are not deleted.
        deleted: deleted stacks, the last one last.
    """

    rules: Rules = field(default_factory=Rules)
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    stacks: dict[str, StackModel] = field(default_factory=dict)
    deleted: list[StackModel] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    _count: int = 0

    def next(self) -> int:
        self._count += 1
        return self._count

    def find(self, name: str) -> StackModel:
        """A stack by its name, or a deleted one by its ARN."""
        for stack in (*self.stacks.values(), *self.deleted):
            if name == stack.identity or (name == stack.name and stack.status != "DELETE_COMPLETE"):
                return stack
        raise InvalidError(f"Stack with id {name} does not exist")

    def prepare(self, name: str, change_set: str, kind: str, **given: Any) -> ChangeSet:
        """Create a change set."""
        existing = self.stacks.get(name)
        status = existing.status if existing else "REVIEW_IN_PROGRESS"
        if kind == "CREATE" and status != "REVIEW_IN_PROGRESS":
            raise InvalidError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        if kind == "UPDATE" and existing is None:
            raise InvalidError(f"Stack [{name}] does not exist")
        if status not in UPDATABLE and (kind == "UPDATE" or status != "REVIEW_IN_PROGRESS"):
            raise InvalidError(f"Stack:{name} is in {status} state and can not be updated.")
        template = read(given["body"])
        _, _, missing = parameters(template, given["given"], self.stored)
        if missing:
            raise InvalidError(f"Unable to fetch parameters {missing} from parameter store for this account.")
        stack = existing or StackModel(
            name, f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/{self.next()}"
        )
        self.stacks[name] = stack
        found = ChangeSet(change_set, f"arn:aws:cloudformation:changeSet/{self.next()}", stack, kind, **given)
        problem = (
            import_problem(found, template, self.stacks.values(), self.rules)
            if kind == "IMPORT"
            else self._no_change(found, template)
        )
        if problem:
            found.status, found.execution, found.reason = "FAILED", "UNAVAILABLE", problem
        self.change_sets[found.identity] = found
        return found

    def execute(self, found: ChangeSet) -> None:
        """Execute a change set; whatever becomes of the stack."""
        if (found.status, found.execution) != ("CREATE_COMPLETE", "AVAILABLE"):
            raise InvalidError(f"ChangeSet [{found.identity}] cannot be executed", "InvalidChangeSetStatus")
        stack = found.stack
        if stack.status not in UPDATABLE | {"REVIEW_IN_PROGRESS"}:
            raise InvalidError(f"Stack:{stack.name} is in {stack.status} state and can not be updated.")
        for other in [each for each in self.change_sets.values() if each.stack is stack]:
            del self.change_sets[other.identity]
        if found.kind == "IMPORT":
            self._import(found)
            return
        began = "CREATE" if found.kind == "CREATE" else "UPDATE"
        before, template = dict(stack.records), read(found.body)
        values, resolved, _ = parameters(template, found.given, self.stored)
        stack.undo, stack.added, stack.failed = [], [], set()
        try:
            self._apply(stack, template, values)
        except RefusedError:
            if began == "CREATE":
                stack.body = found.body
                self._roll_creation_back(stack, template)
            else:
                self._roll_back(stack, ())
            return
        stack.body, stack.given, stack.resolved, stack.tags = found.body, found.given, resolved, found.tags
        for logical in reversed(list(before)):
            old, new = before[logical], stack.records.get(logical)
            if logical not in active(template, values):
                del stack.records[logical]
                self._clean(stack, logical, old, old.policy)
            elif new is not None and new.identity != old.identity:
                self._clean(stack, logical, old, old.replace_policy)
        stack.undo, stack.added = [], []
        self._end(stack, f"{began}_COMPLETE", f"{began}_IN_PROGRESS")

    def delete(self, stack: StackModel, retained: Iterable[str] = ()) -> None:
        """Delete a stack, but not the resources that its template or the caller retains."""
        if stack.protected:
            raise InvalidError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if retained and stack.status != "DELETE_FAILED":
            raise InvalidError(f"Invalid operation on stack [{stack.identity}]: retain only after a failed deletion")
        stack.failed = set()
        for logical in reversed(order_of(stack)):
            record = stack.records[logical]
            kept = record.policy in KEEPS or logical in retained
            if self._remove(stack, logical, record, kept=kept):
                del stack.records[logical]
        if stack.failed:
            self._end(stack, "DELETE_FAILED", "DELETE_IN_PROGRESS")
            return
        self._end(stack, "DELETE_COMPLETE", "DELETE_IN_PROGRESS")
        del self.stacks[stack.name]
        self.deleted.append(stack)

    def continue_rollback(self, stack: StackModel, skipped: Iterable[str]) -> None:
        """Continue a failed rollback."""
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise InvalidError(f"Stack:{stack.name} is in {stack.status} state and can not be rolled back.")
        if unknown := set(skipped) - stack.failed:
            raise InvalidError(f"Resources {unknown} did not fail and cannot be skipped")
        self._roll_back(stack, skipped)

    def roll_back(self, stack: StackModel) -> None:
        """Roll back what was stopped at its failure."""
        if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            raise InvalidError(f"Stack:{stack.name} is in {stack.status} state and can not be rolled back.")
        if stack.status == "CREATE_FAILED":
            self._roll_creation_back(stack, stack.template)
        else:
            self._roll_back(stack, ())

    def stored(self, name: str) -> str | None:
        """A value of Parameter Store."""
        thing = self.rules.things.get(("AWS::SSM::Parameter", name))
        return None if thing is None else str(thing.properties["Value"])

    def _apply(self, stack: StackModel, template: Mapping[str, Any], values: Mapping[str, str]) -> None:
        resources = active(template, values)
        known = {logical: record.identity for logical, record in stack.records.items()}
        for logical in order(template, set(resources)):
            entry, old = resources[logical], stack.records.get(logical)
            resolver = Values(values, known, {}, stack.name)
            new = Record(
                entry["Type"],
                old.identity if old else "",
                resolver.resolve(entry.get("Properties", {})),
                entry.get("DeletionPolicy", "Delete"),
                entry.get("UpdateReplacePolicy", "Delete"),
            )
            if old is None or old.kind != new.kind or replaces(new.kind, old.properties, new.properties):
                stack.records[logical] = self._create(stack, logical, new)
                if old is not None:
                    stack.undo.append((logical, old))
                stack.added.append((logical, stack.records[logical]))
            elif old != new:
                if old.properties != new.properties:
                    self._change(stack, logical, new)
                stack.undo.append((logical, old))
                stack.records[logical] = new
            known[logical] = stack.records[logical].identity

    def _create(self, stack: StackModel, logical: str, new: Record) -> Record:
        identity = str(new.properties.get((NAMES.get(new.kind) or ("",))[-1]) or f"{logical}-{self.next()}")
        if new.kind in ("AWS::EC2::SecurityGroup", "AWS::Route53::RecordSet"):
            identity = f"{logical}-{self.next()}"
        made = Record(new.kind, identity, new.properties, new.policy, new.replace_policy)
        self._event(stack, logical, made, "CREATE_IN_PROGRESS")
        try:
            self._fault("create", logical)
            self.rules.create(new.kind, identity, new.properties)
        except RefusedError as error:
            self._event(stack, logical, made, "CREATE_FAILED", str(error))
            raise
        self._event(stack, logical, made, "CREATE_COMPLETE")
        return made

    def _change(self, stack: StackModel, logical: str, new: Record, kind: str = "update") -> None:
        try:
            self._fault(kind, logical)
            self.rules.change(new.kind, new.identity, new.properties)
        except RefusedError as error:
            self._event(stack, logical, new, "UPDATE_FAILED", str(error))
            raise
        self._event(stack, logical, new, "UPDATE_COMPLETE")

    def _roll_back(self, stack: StackModel, skipped: Iterable[str]) -> None:
        stack.failed = set()
        for logical, old in list(reversed(stack.undo)):
            current = stack.records[logical]
            try:
                if logical not in skipped and current.identity == old.identity and current.properties != old.properties:
                    self._change(stack, logical, old, "revert")
            except RefusedError:
                stack.failed.add(logical)
                continue
            stack.records[logical] = old
            stack.undo.remove((logical, old))
        if stack.failed:
            self._end(stack, "UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS")
            return
        for logical, made in reversed(stack.added):
            self._clean(stack, logical, made, "Retain" if made.policy == "Retain" else "Delete")
            if stack.records.get(logical) is made:
                del stack.records[logical]
        stack.added = []
        self._end(stack, "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")

    def _roll_creation_back(self, stack: StackModel, template: Mapping[str, Any]) -> None:
        stack.failed = set()
        for logical in reversed(order(template, set(stack.records))):
            record = stack.records[logical]
            if self._remove(stack, logical, record, kept=record.policy == "Retain"):
                del stack.records[logical]
        self._end(stack, "ROLLBACK_FAILED" if stack.failed else "ROLLBACK_COMPLETE", "ROLLBACK_IN_PROGRESS")

    def _remove(self, stack: StackModel, logical: str, record: Record, *, kept: bool) -> bool:
        """Delete a resource of a stack, or leave it; whether the stack is rid of it."""
        if kept:
            self._event(stack, logical, record, "DELETE_SKIPPED")
            return True
        try:
            self._fault("delete", logical)
            self.rules.delete(record.kind, record.identity)
        except RefusedError as error:
            stack.failed.add(logical)
            self._event(stack, logical, record, "DELETE_FAILED", str(error))
            return False
        self._event(stack, logical, record, "DELETE_COMPLETE")
        return True

    def _clean(self, stack: StackModel, logical: str, record: Record, policy: str) -> None:
        """Delete what an update has left over; what cannot be deleted is left behind."""
        failed = set(stack.failed)
        self._remove(stack, logical, record, kept=policy in KEEPS)
        stack.failed = failed

    def _no_change(self, found: ChangeSet, template: Mapping[str, Any]) -> str:
        stack = found.stack
        _, resolved, _ = parameters(template, found.given, self.stored)
        same = (stack.template, dict(stack.resolved), dict(stack.tags)) == (template, resolved, dict(found.tags))
        return _NO_CHANGES if found.kind == "UPDATE" and same else ""

    def _import(self, found: ChangeSet) -> None:
        stack, template = found.stack, read(found.body)
        values, resolved, _ = parameters(template, found.given, self.stored)
        known = {logical: record.identity for logical, record in stack.records.items()} | dict(found.imports)
        for logical, identity in found.imports.items():
            entry = template["Resources"][logical]
            wanted = Values(values, known, {}, stack.name).resolve(entry.get("Properties", {}))
            policy = entry["DeletionPolicy"], entry.get("UpdateReplacePolicy", "Delete")
            stack.records[logical] = Record(entry["Type"], identity, wanted, *policy)
            self._event(stack, logical, stack.records[logical], "IMPORT_COMPLETE")
        stack.body, stack.given, stack.resolved, stack.tags = found.body, found.given, resolved, found.tags
        self._end(stack, "IMPORT_COMPLETE", "IMPORT_IN_PROGRESS")

    def _fault(self, operation: str, logical: str) -> None:
        left = self.faults.get((operation, logical), 0)
        if left:
            self.faults[operation, logical] = left - 1
            raise RefusedError("InternalFailure", f"injected failure to {operation} {logical}")

    def _event(self, stack: StackModel, logical: str, record: Record, status: str, reason: str = "") -> None:
        entry = {
            "StackId": stack.identity,
            "StackName": stack.name,
            "EventId": str(self.next()),
            "LogicalResourceId": logical,
            "PhysicalResourceId": record.identity,
            "ResourceType": record.kind,
            "ResourceStatus": status,
            "Timestamp": datetime.now(UTC) + timedelta(seconds=1),
        }
        stack.events.append({**entry, "ResourceStatusReason": reason} if reason else entry)

    def _end(self, stack: StackModel, status: str, shown: str) -> None:
        stack.status, stack.shown = status, [shown]
        reason = f"The following resource(s) failed: {sorted(stack.failed)}" if status.endswith("_FAILED") else ""
        self._event(stack, stack.name, Record("AWS::CloudFormation::Stack", stack.identity, {}, ""), status, reason)
