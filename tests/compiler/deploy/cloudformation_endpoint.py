"""boto3's clients, answered by the model of CloudFormation in this process: botocore checks each request and no answer.

Calls can be made to fail as AWS's do, by their number: throttled, with expired credentials, or as the last thing that
this process does (`Killed`), after or before they had their effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from .cloudformation_model import CloudFormationModel
from .cloudformation_stacks import IMPORTABLE, ChangeSet, InvalidError, StackModel
from .cloudformation_templates import read

_OK = type("Response", (), {"status_code": 200})()
_FAILED = type("Response", (), {"status_code": 400})()


class Killed(BaseException):
    """The process that called is killed: nothing of it runs any more."""


@cache
def _client(service: str) -> tuple[Any, dict[str, Any]]:
    """A client of a service, made once, since that takes a quarter of a second; and what answers its calls."""
    client = boto3.Session("AKIDEXAMPLE", "local", region_name="us-east-1").client(service)
    answering: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        answering["given"] = dict(params)

    def answer(model: Any, **_: Any) -> Any:
        return answering["answer"](model.name, answering["given"])

    client.meta.events.register_last("before-parameter-build", remember)
    client.meta.events.register_first("before-call", answer)
    return client, answering


@dataclass
class Endpoint:
    """AWS, as clients see it.

    Attributes:
        model: CloudFormation and the account's resources.
        failures: by the number of a call, `Throttling`, `ExpiredToken`, or `kill before` and `kill after` it.
        calls: operations that were called.
        roles: with which CloudFormation was to work; empty for the caller's permissions.
    """

    model: CloudFormationModel = field(default_factory=CloudFormationModel)
    failures: dict[int, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)
    number: str = "123456789012"
    region: str = "us-east-1"

    def client(self, service: str, _role: str | None = None) -> Any:
        client, answering = _client(service)
        answering["answer"] = self._answer
        return client

    def _answer(self, operation: str, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.calls.append(operation)
        failure = self.failures.pop(len(self.calls), "")
        if failure == "kill before":
            raise Killed
        if failure in ("Throttling", "ExpiredToken"):
            return _FAILED, {"Error": {"Code": failure, "Message": failure}, "ResponseMetadata": {}}
        try:
            found = getattr(self, f"_on_{operation}")(given)
        except InvalidError as error:
            return _FAILED, {"Error": {"Code": error.code, "Message": str(error)}, "ResponseMetadata": {}}
        if failure == "kill after":
            raise Killed
        return _OK, {**(found or {}), "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _on_DescribeStacks(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        named = given.get("StackName")
        found = [self.model.find(named)] if named else list(self.model.stacks.values())
        return {"Stacks": [_described(stack) for stack in found]}

    def _on_ListStacks(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        wanted = given.get("StackStatusFilter")
        every = [*reversed(self.model.deleted), *self.model.stacks.values()]
        found = [each for each in every if not wanted or each.status in wanted]
        return {"StackSummaries": [_described(stack) for stack in found]}

    def _on_DescribeStackEvents(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"StackEvents": list(reversed(self.model.find(given["StackName"]).events))}

    def _on_ListStackResources(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.model.find(given["StackName"])
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": logical,
                    "PhysicalResourceId": record.identity,
                    "ResourceType": record.kind,
                    "ResourceStatus": "DELETE_FAILED" if logical in stack.failed else "CREATE_COMPLETE",
                }
                for logical, record in stack.records.items()
            ]
        }

    def _on_GetTemplate(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if "ChangeSetName" in given:
            return {"TemplateBody": self._change_set(given).body}
        return {"TemplateBody": self.model.find(given["StackName"]).body}

    def _on_ListChangeSets(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self.model.find(given["StackName"])
        found = [each for each in self.model.change_sets.values() if each.stack is stack]
        return {"Summaries": [{"ChangeSetName": each.name, "ChangeSetId": each.identity} for each in found]}

    def _on_GetTemplateSummary(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        by_type: dict[str, list[str]] = {}
        for logical, entry in read(given["TemplateBody"])["Resources"].items():
            by_type.setdefault(entry["Type"], []).append(logical)
        return {
            "ResourceIdentifierSummaries": [
                {"ResourceType": kind, "LogicalResourceIds": names, "ResourceIdentifiers": [IMPORTABLE[kind]]}
                for kind, names in by_type.items()
                if kind in IMPORTABLE
            ]
        }

    def _on_CreateChangeSet(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        imports = {each["LogicalResourceId"]: each["ResourceIdentifier"] for each in given.get("ResourcesToImport", ())}
        self.roles.add(str(given.get("RoleARN", "")))
        stack = self.model.stacks.get(given["StackName"])
        known = stack.given if stack else {}
        values = {
            each["ParameterKey"]: known[each["ParameterKey"]]
            if each.get("UsePreviousValue")
            else each["ParameterValue"]
            for each in given.get("Parameters", ())
            if not each.get("UsePreviousValue") or each["ParameterKey"] in known
        }
        found = self.model.prepare(
            given["StackName"],
            given["ChangeSetName"],
            given.get("ChangeSetType", "UPDATE"),
            body=given["TemplateBody"],
            given=values,
            tags={each["Key"]: each["Value"] for each in given["Tags"]}
            if "Tags" in given
            else stack.tags
            if stack
            else {},
            imports={logical: next(iter(identity.values())) for logical, identity in imports.items()},
        )
        return {"Id": found.identity, "StackId": found.stack.identity}

    def _on_DescribeChangeSet(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = self._change_set(given)
        return {
            "ChangeSetName": found.name,
            "Status": found.status,
            "ExecutionStatus": found.execution,
            "StatusReason": found.reason,
        }

    def _on_DeleteChangeSet(self, given: dict[str, Any]) -> None:  # noqa: N802
        del self.model.change_sets[self._change_set(given).identity]

    def _on_ExecuteChangeSet(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.model.execute(self._change_set(given))

    def _on_DeleteStack(self, given: dict[str, Any]) -> None:  # noqa: N802
        stack = self.model.stacks.get(given["StackName"])
        if stack:
            self.model.delete(stack, given.get("RetainResources", ()))

    def _on_ContinueUpdateRollback(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.model.continue_rollback(self.model.find(given["StackName"]), given.get("ResourcesToSkip", ()))

    def _on_RollbackStack(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.model.roll_back(self.model.find(given["StackName"]))

    def _on_UpdateTerminationProtection(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.model.find(given["StackName"]).protected = given["EnableTerminationProtection"]

    def _on_GetParameters(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        found = {name: self.model.stored(name) for name in given["Names"]}
        return {"Parameters": [{"Name": name, "Value": value} for name, value in found.items() if value is not None]}

    def _on_ModifyLoadBalancerAttributes(self, given: dict[str, Any]) -> None:  # noqa: N802
        thing = self.model.rules.find("AWS::ElasticLoadBalancingV2::LoadBalancer", given["LoadBalancerArn"])
        changed = {each["Key"]: each["Value"] for each in given["Attributes"]}
        attributes = {each["Key"]: each["Value"] for each in thing.properties["LoadBalancerAttributes"]} | changed
        listed = [{"Key": key, "Value": value} for key, value in attributes.items()]
        thing.properties = {**thing.properties, "LoadBalancerAttributes": listed}

    def _on_ListObjectVersions(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        contents = self.model.rules.find("AWS::S3::Bucket", given["Bucket"]).contents
        return {"Versions": [{"Key": str(number), "VersionId": "1"} for number in range(contents)]}

    def _on_DeleteObjects(self, given: dict[str, Any]) -> None:  # noqa: N802
        self.model.rules.find("AWS::S3::Bucket", given["Bucket"]).contents -= len(given["Delete"]["Objects"])

    def _change_set(self, given: dict[str, Any]) -> ChangeSet:
        name = given["ChangeSetName"]
        for found in self.model.change_sets.values():
            if name == found.identity or (name == found.name and given.get("StackName") == found.stack.name):
                return found
        raise InvalidError(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound")


def _described(stack: StackModel) -> dict[str, Any]:
    """A stack; the progress of its last operation is shown once."""
    status = stack.shown.pop() if stack.shown else stack.status
    template = stack.template
    return {
        "StackName": stack.name,
        "StackId": stack.identity,
        "StackStatus": status,
        "Description": template.get("Description", ""),
        "TemplateDescription": template.get("Description", ""),
        "EnableTerminationProtection": stack.protected,
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": name, "ResolvedValue": value}
            for name, value in stack.resolved.items()
        ],
    }
