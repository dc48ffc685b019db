"""Change sets: what CloudFormation itself says that an update does, made before anyone agrees to it.

The `cdk` CLI makes and executes them, with the roles of the bootstrap; they are read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.session import translate_aws_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_compiler.aws.cloudformation import CloudFormation

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
"""Reasons of CloudFormation for a change set that has failed because it would change nothing."""

_MISSING = "ChangeSetNotFound"
"""Beginning of the code of the error for a change set that does not exist."""

_REPLACEMENT = {"True": ", replaced", "Conditional": ", perhaps replaced"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """A change set of a stack.

    Attributes:
        arn: its ARN.
        ready: whether it can be executed.
        reason: CloudFormation's reason when it cannot.
        actions: what it does with each resource, in words that two change sets can be compared by.
        template: its template.
    """

    arn: str
    ready: bool
    reason: str
    actions: tuple[str, ...]
    template: Mapping[str, Any]

    @property
    def changes_nothing(self) -> bool:
        """Whether CloudFormation has nothing to do."""
        return not self.ready and any(text in self.reason for text in _NO_CHANGES)


def read_change_set(cloudformation: CloudFormation, stack: str, name: str) -> ChangeSet | None:
    """Read a change set by its name or ARN; None when there is none.

    Raises:
        DeployError: AWS rejects a request.
    """
    client = cloudformation.client()
    changes: list[Mapping[str, Any]] = []
    try:
        with translate_aws_errors(f"The change set {name} of {stack} cannot be read"):
            answer = client.describe_change_set(StackName=stack, ChangeSetName=name)
            changes += answer.get("Changes", ())
            following = answer
            while token := following.get("NextToken"):
                following = client.describe_change_set(StackName=stack, ChangeSetName=name, NextToken=token)
                changes += following.get("Changes", ())
    except RequestError as error:
        if error.code.startswith(_MISSING):
            return None
        raise
    return ChangeSet(
        arn=answer["ChangeSetId"],
        ready=answer["Status"] == "CREATE_COMPLETE" and answer.get("ExecutionStatus") == "AVAILABLE",
        reason=str(answer.get("StatusReason", "")) or f"{answer['Status']}, {answer.get('ExecutionStatus', '')}",
        actions=tuple(sorted(filter(None, map(_action, changes)))),
        template=cloudformation.template(stack, name),
    )


def _action(change: Mapping[str, Any]) -> str | None:
    resource = change.get("ResourceChange")
    if resource is None:
        return None
    what = f"{resource['Action']} {resource['LogicalResourceId']} ({resource['ResourceType']})"
    scope = ", ".join(sorted(resource.get("Scope", ())))
    return f"{what}{f': {scope}' if scope else ''}{_REPLACEMENT.get(resource.get('Replacement', ''), '')}"
