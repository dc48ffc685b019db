"""What CloudFormation does with a stack on request: delete, roll back, import; each waits for its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lisa_compiler.aws.sdk import ClientError
from lisa_compiler.aws.session import translate_aws_errors

if TYPE_CHECKING:
    from lisa_compiler.aws.cloudformation import CloudFormation

_PAUSE = 2.0
"""Seconds between two questions to CloudFormation, which answers few in a second."""

_ENDS = frozenset({"CREATE_FAILED", "DELETE_SKIPPED", "DELETE_FAILED", "DELETE_COMPLETE"})
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


@dataclass(frozen=True, slots=True)
class StackResource:
    """A resource of a stack, or one that was a stack's.

    Attributes:
        logical_id: its name in the template.
        resource_type: as `AWS::S3::Bucket`.
        identity: its physical id; empty when it was never created.
        status: CloudFormation's status of it.
    """

    logical_id: str
    resource_type: str
    identity: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an operation on a stack ended.

    Attributes:
        status: the stack's status; `DELETE_COMPLETE` for one that is gone.
        failed: resources that did not do as they were told.
        reasons: CloudFormation's reasons, the first first.
    """

    status: str
    failed: tuple[StackResource, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StackOperations:
    """Operations on the stacks of an account.

    Attributes:
        cloudformation: CloudFormation in the account.
    """

    cloudformation: CloudFormation

    def delete(self, name: str, retained: Sequence[str] = ()) -> Ending:
        """Have a stack deleted.

        Args:
            name: its name.
            retained: logical ids that are left behind; CloudFormation accepts them after a failed deletion.

        Raises:
            RequestError: AWS rejects the request.
        """
        began = datetime.now().astimezone()
        with translate_aws_errors(f"{name} cannot be deleted"):
            identity = self.identity(name)
            if identity is None:
                return Ending("DELETE_COMPLETE", (), ())
            options = {"RetainResources": list(retained)} if retained else {}
            self._client.delete_stack(StackName=name, **options)
            return self._wait(identity, began)

    def permit_deletion(self, name: str) -> None:
        """Turn the termination protection of a stack off."""
        with translate_aws_errors(f"The termination protection of {name} cannot be turned off"):
            self._client.update_termination_protection(StackName=name, EnableTerminationProtection=False)

    def continue_rollback(self, name: str, skipped: Sequence[str] = ()) -> Ending:
        """Continue a failed rollback of an update, without the resources that are skipped."""
        began = datetime.now().astimezone()
        with translate_aws_errors(f"The rollback of {name} cannot be continued"):
            options = {"ResourcesToSkip": list(skipped)} if skipped else {}
            self._client.continue_update_rollback(StackName=name, **options)
            return self._wait(name, began)

    def roll_back(self, name: str) -> Ending:
        """Roll back an update that was stopped at its failure."""
        began = datetime.now().astimezone()
        with translate_aws_errors(f"{name} cannot be rolled back"):
            self._client.rollback_stack(StackName=name)
            return self._wait(name, began)

    def resources(self, name: str) -> tuple[StackResource, ...]:
        """The resources of a stack."""
        with translate_aws_errors(f"CloudFormation cannot list the resources of {name}"):
            pages = self.cloudformation.client().get_paginator("list_stack_resources").paginate(StackName=name)
            return tuple(
                _resource(each, "ResourceStatus")
                for page in pages
                for each in page["StackResourceSummaries"]
                if each["ResourceStatus"] != "DELETE_COMPLETE"
            )

    def endings(self, identity: str) -> tuple[StackResource, ...]:
        """Events of failed creations and of deletions in a stack, the last first; by the stack's name or ARN."""
        with translate_aws_errors(f"CloudFormation cannot list the events of {identity}"):
            pages = self.cloudformation.client().get_paginator("describe_stack_events").paginate(StackName=identity)
            return tuple(
                _resource(event, "ResourceStatus")
                for page in pages
                for event in page["StackEvents"]
                if event["ResourceStatus"] in _ENDS
                and event.get("PhysicalResourceId")
                and event["ResourceType"] != "AWS::CloudFormation::Stack"
            )

    def deleted_stacks(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """ARNs and descriptions of deleted stacks by name, the last first; CloudFormation lists them for 90 days."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        with translate_aws_errors("CloudFormation cannot list the deleted stacks"):
            pages = self.cloudformation.client().get_paginator("list_stacks")
            for page in pages.paginate(StackStatusFilter=["DELETE_COMPLETE"]):
                for each in page["StackSummaries"]:
                    deleted = str(each.get("DeletionTime", "")), each["StackId"], each.get("TemplateDescription", "")
                    found.setdefault(each["StackName"], []).append(deleted)
        newest = {name: sorted(stacks, key=lambda stack: stack[0], reverse=True) for name, stacks in found.items()}
        return {name: tuple(stack[1:] for stack in stacks) for name, stacks in newest.items()}

    def identifiers(self, template: str) -> dict[str, tuple[str, ...]]:
        """By logical id, the properties that identify a resource for an import; one that cannot be is left out."""
        with translate_aws_errors("CloudFormation cannot summarize a template"):
            summary = self.cloudformation.client().get_template_summary(TemplateBody=template)
        return {
            logical_id: tuple(each["ResourceIdentifiers"])
            for each in summary.get("ResourceIdentifierSummaries", ())
            for logical_id in each["LogicalResourceIds"]
        }

    def create_import(
        self, name: str, change_set: str, template: str, values: Mapping[str, str | None], **given: Any
    ) -> str:
        """Create a change set that imports resources, without tags, which an import must not change; returns its ARN.

        Args:
            name: the stack, which need not exist.
            change_set: name of the change set.
            template: text of the template.
            values: values of parameters; None for that of the deployed stack.
            given: `imports`, with type and identifiers by logical id; `role`, the ARN of the role with which
                CloudFormation works, or None for the caller's permissions.
        """
        with translate_aws_errors(f"Resources cannot be imported into {name}"):
            made = self._client.create_change_set(
                StackName=name,
                ChangeSetName=change_set,
                ChangeSetType="IMPORT",
                TemplateBody=template,
                Capabilities=list(_CAPABILITIES),
                ResourcesToImport=[
                    {"LogicalResourceId": logical_id, "ResourceType": kind, "ResourceIdentifier": dict(identifier)}
                    for logical_id, (kind, identifier) in given["imports"].items()
                ],
                Parameters=[
                    {"ParameterKey": key, "UsePreviousValue": True}
                    if value is None
                    else {"ParameterKey": key, "ParameterValue": value}
                    for key, value in values.items()
                ],
                **({"RoleARN": given["role"]} if given["role"] else {}),
            )
        return str(made["Id"])

    def change_set(self, name: str, change_set: str) -> tuple[str, str, str]:
        """Status, execution status and reason of a change set."""
        with translate_aws_errors(f"The change set {change_set} cannot be read"):
            found = self.cloudformation.client().describe_change_set(StackName=name, ChangeSetName=change_set)
        return found["Status"], found["ExecutionStatus"], found.get("StatusReason", "")

    def discard(self, name: str, change_set: str) -> None:
        """Delete a change set."""
        with translate_aws_errors(f"The change set {change_set} cannot be deleted"):
            self._client.delete_change_set(StackName=name, ChangeSetName=change_set)

    def execute(self, name: str, change_set: str) -> Ending:
        """Execute a change set."""
        began = datetime.now().astimezone()
        with translate_aws_errors(f"The change set {change_set} cannot be executed"):
            self._client.execute_change_set(StackName=name, ChangeSetName=change_set)
            return self._wait(name, began)

    def identity(self, name: str) -> str | None:
        """ARN of a stack, by which it is found after it is gone; None for none."""
        try:
            return str(self.cloudformation.client().describe_stacks(StackName=name)["Stacks"][0]["StackId"])
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _wait(self, identity: str, began: datetime) -> Ending:
        while True:
            found = self.cloudformation.client().describe_stacks(StackName=identity)["Stacks"][0]
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(_PAUSE)
        status = found["StackStatus"]
        if not status.endswith("_FAILED"):
            return Ending(status, (), tuple(self.cloudformation.failures(identity, began)))
        failed = tuple(each for each in self.resources(identity) if each.status.endswith("_FAILED"))
        return Ending(status, failed, tuple(self.cloudformation.failures(identity, began)))

    @property
    def _client(self) -> Any:
        cloudformation = self.cloudformation
        return cloudformation.account.client("cloudformation", cloudformation.deployer)


def _resource(found: Mapping[str, Any], status: str) -> StackResource:
    return StackResource(
        found["LogicalResourceId"], found["ResourceType"], found.get("PhysicalResourceId", ""), found[status]
    )
