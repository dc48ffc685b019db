"""Drift: missing, orphaned and failed stacks, templates to deploy, and modifications outside CloudFormation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.aws.session import translate_aws_errors
from lisa_compiler.deploy.plan import find_orphaned_stacks
from lisa_compiler.deploy.scheduled_sizes import GROUP, SIZES, scheduled_sizes
from lisa_compiler.deploy.template_diff import ChangeType, compare
from lisa_compiler.provenance.index import Index, Place
from lisa_compiler.review.differences import path_at, shown_path

if TYPE_CHECKING:
    from lisa_compiler.artifacts.assembly import Assembly, Stack
    from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
    from lisa_compiler.plan import Deployment

_PAUSE = 2.0
_AT_REST = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"})
"""Statuses in which CloudFormation detects drift."""

_IMPORTED = frozenset({"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})
_CHANGED = ("MODIFIED", "DELETED")


class DriftReason(StrEnum):
    """How what is deployed comes to differ.

    OUT_OF_BAND is what CloudFormation's drift detection finds; MISSING and PENDING are what deploying would change.
    """

    MISSING = "stack not deployed"
    ORPHANED = "no longer configured"
    PENDING = "change not deployed"
    OUT_OF_BAND = "modified outside CloudFormation"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """A stack, resource or property that differs.

    Attributes:
        component: component of the stack.
        stack: CloudFormation's name of it.
        cause: why it differs.
        key: key of the configuration that it follows from; empty when none does.
        resource: logical id and type; empty for a whole stack.
        path: path of the property; empty for a whole resource.
        deployed: what is in the account.
        compiled: what the configuration means.
    """

    component: str
    stack: str
    cause: DriftReason
    key: str
    resource: str = ""
    path: str = ""
    deployed: Any = None
    compiled: Any = None


def find(
    assembly: Assembly, deployment: Deployment, cloudformation: CloudFormation, index: Index
) -> tuple[DriftItem, ...]:
    """Compare what is deployed with what is compiled.

    Args:
        assembly: what is compiled.
        deployment: the plan.
        cloudformation: the account.
        index: where the compiled output comes from.

    Raises:
        DeployError: AWS refuses, or drift detection fails.
    """
    deployed = cloudformation.stacks()
    detections = _detect(assembly.stacks, deployed, cloudformation)
    found: list[DriftItem] = []
    for stack in assembly.stacks:
        found += _stack_items(stack, deployed.get(stack.name), index, cloudformation)
        if stack.name in detections:
            found += _modified_outside(stack, index, cloudformation)
    kept = [stack.name for stack in assembly.stacks]
    for step in find_orphaned_stacks(deployment.names, kept, deployed, cloudformation.proposed_description):
        found.append(DriftItem(component=step.component, stack=step.name, cause=DriftReason.ORPHANED, key=""))
    return tuple(found)


def _stack_items(
    stack: Stack, found: DeployedStack | None, index: Index, cloudformation: CloudFormation
) -> Iterator[DriftItem]:
    key = index.shown(index.stacks.get(stack.component, ()))
    if found is None or not found.exists:
        yield DriftItem(component=stack.component, stack=stack.name, cause=DriftReason.MISSING, key=key)
        return
    if found.status not in _AT_REST | _IMPORTED:
        yield DriftItem(
            component=stack.component, stack=stack.name, cause=DriftReason.FAILED, key=key, deployed=found.status
        )
    compiled = json.loads(stack.template.read_bytes())
    template = cloudformation.template(stack.name)
    if template == compiled:
        return
    changes = compare(template, compiled)
    if not changes:
        yield DriftItem(component=stack.component, stack=stack.name, cause=DriftReason.PENDING, key=key)
    for change in changes:
        whole = change.difference is not ChangeType.CHANGED
        properties = (
            [("", None, None)] if whole else [(each.path, each.before, each.after) for each in change.properties]
        )
        for path, before, after in properties:
            yield DriftItem(
                component=stack.component,
                stack=stack.name,
                cause=DriftReason.PENDING,
                key=_key(index, stack, compiled, change.logical_id, path),
                resource=f"{change.logical_id} ({change.resource_type})",
                path=path,
                deployed={ChangeType.ADDED: "absent", ChangeType.REMOVED: "present"}.get(change.difference, before),
                compiled={ChangeType.ADDED: "present", ChangeType.REMOVED: "absent"}.get(change.difference, after),
            )


def _key(index: Index, stack: Stack, compiled: Mapping[str, Any], logical_id: str, path: str) -> str:
    """The keys of a property, by its path as CloudFormation writes it; of a complete resource without a path."""
    resource = compiled["Resources"].get(logical_id, {})
    steps = path_at(resource.get("Properties", {}), path.split("/")) if path else ()
    return index.explanation(Place(stack.component, logical_id, shown_path(steps)))


def _detect(
    stacks: Iterable[Stack], deployed: Mapping[str, DeployedStack], cloudformation: CloudFormation
) -> dict[str, str]:
    """Have CloudFormation look for drift in all stacks at once, and wait; id of the detection by stack."""
    client = cloudformation.client()
    started = {}
    with translate_aws_errors("CloudFormation cannot detect drift"):
        for stack in stacks:
            if stack.name in deployed and deployed[stack.name].status in _AT_REST:
                started[stack.name] = client.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]
        for name, detection in started.items():
            while True:
                status = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
                if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                    break
                time.sleep(_PAUSE)
            if status["DetectionStatus"] == "DETECTION_FAILED":
                reason = status.get("DetectionStatusReason", "no reason given")
                raise DeployError(f"Drift of {name} could not be detected: {reason}")
    return started


def _modified_outside(stack: Stack, index: Index, cloudformation: CloudFormation) -> Iterator[DriftItem]:
    compiled = json.loads(stack.template.read_bytes())
    for drift in _drifts(cloudformation.client(), stack.name):
        logical_id, resource_type = drift["LogicalResourceId"], drift["ResourceType"]
        resource = f"{logical_id} ({resource_type})"
        if drift["StackResourceDriftStatus"] == "DELETED":
            yield DriftItem(
                component=stack.component,
                stack=stack.name,
                cause=DriftReason.OUT_OF_BAND,
                key=_key(index, stack, compiled, logical_id, ""),
                resource=resource,
                deployed="deleted",
                compiled="present",
            )
        expected = scheduled_sizes(compiled, logical_id) if resource_type == GROUP else []
        for difference in drift.get("PropertyDifferences", ()):
            path = difference["PropertyPath"].strip("/")
            if path in SIZES and any(sizes.get(path) == str(difference["ActualValue"]) for sizes in expected):
                continue
            yield DriftItem(
                component=stack.component,
                stack=stack.name,
                cause=DriftReason.OUT_OF_BAND,
                key=_key(index, stack, compiled, logical_id, path),
                resource=resource,
                path=path,
                deployed=None if difference["DifferenceType"] == "REMOVE" else difference["ActualValue"],
                compiled=None if difference["DifferenceType"] == "ADD" else difference["ExpectedValue"],
            )


def _drifts(client: Any, name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    token: dict[str, str] = {}
    with translate_aws_errors(f"CloudFormation cannot detect the drift of {name}"):
        while True:
            answer = client.describe_stack_resource_drifts(
                StackName=name, StackResourceDriftStatusFilters=list(_CHANGED), **token
            )
            found += answer["StackResourceDrifts"]
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}
