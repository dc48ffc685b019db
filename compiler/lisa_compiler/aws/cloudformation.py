"""Stacks as CloudFormation has them: what is deployed, whether it is at rest, and what has failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml

from lisa_compiler.aws.account import Account
from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.aws.sdk import ClientError
from lisa_compiler.aws.session import translate_aws_errors

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML without libyaml, which is ten times slower
    from yaml import SafeLoader  # type: ignore[assignment]

_PAUSE = 2.0
"""Seconds between two questions to CloudFormation, which answers few in a second."""

_NEVER_MADE = "REVIEW_IN_PROGRESS"
"""Status of a stack of which a change set was made and none executed."""

_GONE = frozenset({"ChangeSetNotFound", "ValidationError"})
"""Errors for a change set or a stack that does not exist."""

_CREATION_FAILED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
_CONSEQUENCE = ("Resource creation cancelled", "Resource update cancelled", "The following resource(s) failed")


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """A stack in the account.

    Attributes:
        name: its name.
        status: as `UPDATE_COMPLETE`.
        description: that of its template.
        parameters: resolved values of parameters from Parameter Store, by their names there.
        outputs: values by key.
        tags: its tags.
        is_protected: whether its termination protection is on.
    """

    name: str
    status: str
    description: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    is_protected: bool = False

    @property
    def exists(self) -> bool:
        """Whether it has resources that an update would change."""
        return self.status != _NEVER_MADE and not self.creation_failed

    @property
    def is_empty(self) -> bool:
        """Whether a change set was to create it, and was never executed: it has no resources and no description."""
        return self.status == _NEVER_MADE

    @property
    def has_template(self) -> bool:
        """Whether a template was deployed, or was to be."""
        return self.status != _NEVER_MADE

    @property
    def creation_failed(self) -> bool:
        """Whether its creation failed, so that it must be created again."""
        return self.status in _CREATION_FAILED

    @property
    def is_in_progress(self) -> bool:
        """Whether CloudFormation is at work on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != _NEVER_MADE


@dataclass(frozen=True, slots=True)
class CloudFormation:
    """CloudFormation in an account.

    Attributes:
        account: whose.
        reader: role that looks things up; None for the caller's own rights.
        deployer: role that changes things; None likewise.
    """

    account: Account
    reader: str | None
    deployer: str | None

    def stacks(self) -> dict[str, DeployedStack]:
        """Every stack of the region, by name.

        Raises:
            DeployError: AWS refuses or does not answer.
        """
        with translate_aws_errors("CloudFormation cannot list the stacks"):
            pages = self.client().get_paginator("describe_stacks").paginate()
            return {stack["StackName"]: _deployed(stack) for page in pages for stack in page["Stacks"]}

    def template(self, name: str, change_set: str | None = None) -> dict[str, Any]:
        """The template that a stack was deployed with, or that a change set of it has, as it was written."""
        given = {} if change_set is None else {"ChangeSetName": change_set}
        with translate_aws_errors(f"CloudFormation cannot return the template of {name}"):
            body = self.client().get_template(StackName=name, TemplateStage="Original", **given)["TemplateBody"]
        try:
            return dict(_parsed(body) if isinstance(body, str) else body)
        except (TypeError, ValueError, yaml.YAMLError) as error:
            raise DeployError(f"The template of {name} is neither JSON nor YAML: LISA did not deploy it.") from error

    def proposed_description(self, name: str) -> str | None:
        """The description in the template of a stack's change set, executed or not; None without a change set.

        It is empty if stack or change set are gone meanwhile: another command works on them.
        """
        try:
            with translate_aws_errors(f"CloudFormation cannot list the change sets of {name}"):
                found = self.client().list_change_sets(StackName=name)["Summaries"]
            return str(self.template(name, found[0]["ChangeSetId"]).get("Description", "")) if found else None
        except RequestError as error:
            if error.code in _GONE:
                return ""
            raise

    def values(self, names: Iterable[str]) -> dict[str, str]:
        """What Parameter Store has now, by name; a parameter that is gone is left out."""
        ssm, found = self.account.client("ssm", self.reader), {}
        wanted = sorted(set(names))
        with translate_aws_errors("Parameter Store does not respond"):
            for start in range(0, len(wanted), 10):
                answer = ssm.get_parameters(Names=wanted[start : start + 10])
                found.update({each["Name"]: str(each["Value"]) for each in answer["Parameters"]})
        return found

    def wait_until_stable(self, names: Iterable[str], tell: Callable[[str], None]) -> dict[str, DeployedStack]:
        """Wait until CloudFormation is at work on none of these stacks; returns every stack there is.

        Args:
            names: stacks to wait for.
            tell: is told, once for each, what is waited for.
        """
        waiting, told = set(names), set[str]()
        while True:
            found = self.stacks()
            busy = [stack for name, stack in found.items() if name in waiting and stack.is_in_progress]
            if not busy:
                return found
            for stack in busy:
                if stack.name not in told:
                    tell(f"waiting for {stack.name}: an operation is in progress ({stack.status})")
                    told.add(stack.name)
            time.sleep(_PAUSE)

    def failures(self, name: str, since: datetime) -> list[str]:
        """What failed in a stack since a time, the first first: logical id, type and CloudFormation's reason."""
        events: list[Mapping[str, Any]] = []
        try:
            for page in self.client().get_paginator("describe_stack_events").paginate(StackName=name):
                events += page["StackEvents"]
                if events and events[-1]["Timestamp"] < since:
                    break
        except ClientError:
            return []
        return [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
            for event in reversed(events)
            if event["Timestamp"] >= since
            and event["ResourceStatus"].endswith("_FAILED")
            and not str(event.get("ResourceStatusReason", "")).startswith(_CONSEQUENCE)
        ]

    def client(self) -> Any:
        """A client that looks things up."""
        return self.account.client("cloudformation", self.reader)


class _TextLoader(SafeLoader):
    """Reads YAML as CloudFormation does: a date is text, such as the version of a policy."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=128)
def _parsed(body: str) -> Any:
    """A template as it was submitted: JSON, or YAML, as the `cdk` CLI sends it for the legacy synthesizer."""
    # PyYAML needs a tenth of a second for a large template that JSON reads in a millisecond.
    return json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, Loader=_TextLoader)  # noqa: S506


def _deployed(stack: Mapping[str, Any]) -> DeployedStack:
    return DeployedStack(
        name=stack["StackName"],
        status=stack["StackStatus"],
        description=stack.get("Description", ""),
        parameters={
            each["ParameterValue"]: each["ResolvedValue"]
            for each in stack.get("Parameters", ())
            if each.get("ResolvedValue")
        },
        outputs={each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())},
        tags={each["Key"]: each["Value"] for each in stack.get("Tags", ())},
        is_protected=stack.get("EnableTerminationProtection", False),
    )
