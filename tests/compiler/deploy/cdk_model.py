"""The `cdk` CLI, version 2, as far as `lisa` uses it, for the model of CloudFormation in this process.

It deploys as the CLI's source does (aws-cdk-cli, deploy-stack.ts): a stack whose creation failed is deleted first, one
that is in review is created, any other one is updated, by a change set; nothing is deployed after a stack that failed.
What the real CLI does is tested by `test_deployment`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import ClientError

from lisa_compiler.artifacts.assembly import Assembly, Stack

from .cloudformation_templates import read

_FAILED_CREATIONS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


@dataclass
class CdkModel:
    """Runs the CLI's commands on an assembly.

    Attributes:
        assembly: what it deploys.
        client: of CloudFormation.
        tell: receives the errors that the CLI prints.
        as_yaml: whether templates are sent as YAML, as the CLI does with the legacy synthesizer.
    """

    assembly: Assembly
    client: Any
    tell: Callable[[str], None]
    as_yaml: bool = False

    def run(self, _project: Path, arguments: Sequence[str], **_options: object) -> int:
        chosen = [stack for stack in self.assembly.stacks if stack.component in arguments[1:]]
        step = self._deploy if arguments[0] == "deploy" else self._destroy
        try:
            return 0 if all(step(stack) for stack in (chosen if arguments[0] == "deploy" else reversed(chosen))) else 1
        except ClientError as error:
            self.tell(str(error))
            return 1

    def _deploy(self, stack: Stack) -> bool:
        status = self._status(stack.name)
        if status in _FAILED_CREATIONS:
            self.client.delete_stack(StackName=stack.name)
            status = self._status(stack.name)
        template = json.loads(stack.template.read_bytes())
        made = self.client.create_change_set(
            StackName=stack.name,
            ChangeSetName="cdk-deploy-change-set",
            ChangeSetType="CREATE" if status in ("", "REVIEW_IN_PROGRESS") else "UPDATE",
            TemplateBody=_yaml(stack.template) if self.as_yaml else json.dumps(template, indent=1),
            Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        )
        found = self.client.describe_change_set(ChangeSetName=made["Id"], StackName=stack.name)
        if found["Status"] == "FAILED":
            self.client.delete_change_set(ChangeSetName=made["Id"], StackName=stack.name)
            return "didn't contain changes" in found["StatusReason"]
        self.client.execute_change_set(ChangeSetName=made["Id"], StackName=stack.name)
        return self._status(stack.name) in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    def _destroy(self, stack: Stack) -> bool:
        self.client.delete_stack(StackName=stack.name)
        return self._status(stack.name) == ""

    def _status(self, name: str) -> str:
        """Where a stack comes to rest; empty for none."""
        try:
            while (status := self.client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]).endswith(
                "_IN_PROGRESS"
            ) and status != "REVIEW_IN_PROGRESS":
                pass
        except ClientError as error:
            if "does not exist" in str(error):
                return ""
            raise
        return str(status)


@cache
def _yaml(path: Path) -> str:
    template = json.loads(path.read_bytes())
    text = yaml.safe_dump(template, sort_keys=False)
    assert read(text) == template
    return text
