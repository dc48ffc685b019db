"""Plans: what becomes of each stack, and which stacks no longer belong to the deployment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from lisa_compiler.artifacts.assembly import Stack
from lisa_compiler.aws.cloudformation import CloudFormation, DeployedStack
from lisa_compiler.aws.errors import DeployError
from lisa_compiler.deploy.orphans import History
from lisa_compiler.deploy.plan import Action, StackChange, find_orphaned_stacks, plan_stacks
from lisa_compiler.deploy.states import Recovery
from lisa_compiler.plan.names import Names

NAMES = Names(
    deployment="demo",
    app="lisa",
    stage="dev",
    account="123456789012",
    region="us-east-1",
    role_prefix="",
    policy_prefix="",
    instance_profile_prefix="",
    prefix="/dev/demo/lisa",
)
TEMPLATE: Mapping[str, Any] = {"Resources": {"A": {"Type": "AWS::X::Y", "Properties": {"P": 1}}}}


def found(name: str, description: str = "LISA demo (dev): x", **changes: Any) -> DeployedStack:
    values: dict[str, Any] = {"status": "CREATE_COMPLETE", "parameters": {}, "outputs": {}, "tags": {}}
    return DeployedStack(name=name, description=description, **(values | changes))


@dataclass
class Account:
    """Stands in for CloudFormation."""

    template_of_all: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def template(self, _name: str) -> Mapping[str, Any]:
        return self.template_of_all

    def values(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.parameters[name] for name in names if name in self.parameters}


class NoOrphans:
    """Stands in for the history of an account without orphans."""

    def orphans(self, *_: object) -> tuple[()]:
        return ()


def plan(
    folder: Path,
    deployed: DeployedStack | None,
    account: Account | None = None,
    compiled: Mapping[str, Any] = TEMPLATE,
) -> StackChange:
    path = folder / "template.json"
    path.write_text(json.dumps(compiled))
    stack = Stack(
        component="iam", name="demo-lisa-iam-dev", template=path, tags={}, depends_on=(), reader=None, deployer=None
    )
    deployed_stacks = {stack.name: deployed} if deployed else {}
    cloudformation = cast(CloudFormation, account or Account(TEMPLATE))
    (step,) = plan_stacks([stack], deployed_stacks, cloudformation, cast(History, NoOrphans()))
    return step


def test_a_stack_that_is_not_there_is_created(tmp_path: Path) -> None:
    step = plan(tmp_path, None)
    assert (step.action, len(step.changes), step.reason) == (Action.CREATE, 1, "")


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"])
def test_a_failed_creation_is_made_anew(tmp_path: Path, status: str) -> None:
    step = plan(tmp_path, found("demo-lisa-iam-dev", status=status))
    assert (step.action, step.reason) == (Action.CREATE, "previous creation failed")


def test_a_change_set_that_nobody_executed_is_no_stack(tmp_path: Path) -> None:
    assert plan(tmp_path, found("demo-lisa-iam-dev", status="REVIEW_IN_PROGRESS")).action is Action.CREATE


@pytest.mark.parametrize(
    ("description", "owner"),
    [("LISA demo-lisa (dev): x", "demo-lisa (stage dev)"), ("LISA demo (test): x", "demo (stage test)")],
)
def test_a_stack_of_another_deployment_is_an_error(tmp_path: Path, description: str, owner: str) -> None:
    own = {**TEMPLATE, "Description": "LISA demo (dev): x"}
    with pytest.raises(DeployError, match=rf"belongs to the deployment {re.escape(owner)}, not to demo \(stage dev\)"):
        plan(tmp_path, found("demo-lisa-iam-dev", description), compiled=own)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "CREATE_COMPLETE"])
def test_a_stack_of_this_deployment_or_of_none_is_planned(tmp_path: Path, status: str) -> None:
    own = {**TEMPLATE, "Description": "LISA demo (dev): x"}
    for description in ("LISA demo (dev): before", "made by something else"):
        assert plan(tmp_path, found("demo-lisa-iam-dev", description, status=status), compiled=own)


def test_the_same_template_and_tags_are_no_change(tmp_path: Path) -> None:
    assert plan(tmp_path, found("demo-lisa-iam-dev")).action is Action.NONE


def test_what_differs_is_an_update(tmp_path: Path) -> None:
    other = {"Resources": {"A": {"Type": "AWS::X::Y", "Properties": {"P": 2}}}}
    step = plan(tmp_path, found("demo-lisa-iam-dev"), Account(other))
    assert (step.action, len(step.changes)) == (Action.UPDATE, 1)
    outputs = plan(tmp_path, found("demo-lisa-iam-dev"), Account({**TEMPLATE, "Outputs": {}}))
    assert (outputs.action, outputs.reason) == (Action.UPDATE, "parameters, outputs or description")
    tags = plan(tmp_path, found("demo-lisa-iam-dev", tags={"version": "0"}))
    assert (tags.action, tags.reason) == (Action.UPDATE, "tags")


def test_a_new_value_of_a_parameter_is_an_update(tmp_path: Path) -> None:
    deployed = found("demo-lisa-iam-dev", parameters={"/aws/image": "ami-1", "/gone": "x"})
    assert plan(tmp_path, deployed, Account(TEMPLATE, {"/aws/image": "ami-1"})).action is Action.NONE
    step = plan(tmp_path, deployed, Account(TEMPLATE, {"/aws/image": "ami-2"}))
    assert (step.action, step.reason) == (Action.UPDATE, "new value of /aws/image")


def test_a_failed_rollback_is_continued_although_the_template_is_the_same(tmp_path: Path) -> None:
    step = plan(tmp_path, found("demo-lisa-iam-dev", status="UPDATE_ROLLBACK_FAILED"))
    assert (step.action, step.recovery, step.reason) == (
        Action.UPDATE,
        Recovery.CONTINUE,
        "continue the failed rollback",
    )


def test_a_stack_whose_deletion_failed_is_created_again_although_the_template_is_the_same(tmp_path: Path) -> None:
    step = plan(tmp_path, found("demo-lisa-iam-dev", status="DELETE_FAILED"))
    assert (step.action, step.recovery, step.reason) == (
        Action.CREATE,
        Recovery.FINISH_DELETION,
        "finish the failed deletion",
    )


def test_a_stack_that_only_a_person_gets_moving_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"demo-lisa-iam-dev cannot be changed \(IMPORT_ROLLBACK_FAILED\)"):
        plan(tmp_path, found("demo-lisa-iam-dev", status="IMPORT_ROLLBACK_FAILED"))


def test_only_stacks_of_this_deployment_are_left_over() -> None:
    deployed = {
        stack.name: stack
        for stack in (
            found("demo-lisa-iam-dev"),
            found("demo-lisa-model-old-dev", "LISA demo (dev): model old"),
            found("demo-lisa-chat-dev", "LISA demo (dev): chat sessions"),
            found("demo-lisa-ui-dev", "LISA demo (dev): chat application"),
            found("demo-lisa-model-old-prod", "LISA demo (prod): model old"),
            found("demo-lisa-extra-iam-dev", "LISA demo-lisa (dev): roles"),
            found("demo-lisa-pipeline-dev", "Somebody's pipeline"),
            found("demo-other-iam-dev", "LISA demo (dev): roles"),
        )
    }
    steps = find_orphaned_stacks(NAMES, ["demo-lisa-iam-dev"], deployed, lambda _: None)
    assert [(step.component, step.action) for step in steps] == [
        ("ui", Action.DESTROY),
        ("chat", Action.DESTROY),
        ("model-old", Action.DESTROY),
    ]


@pytest.mark.parametrize(
    ("name", "proposed", "is_own"),
    [
        ("demo-lisa-model-old-dev", "LISA demo (dev): model old", True),
        # Of a deployment whose names begin alike, which creates it at this moment.
        ("demo-lisa-model-old-dev", "LISA demo-lisa (dev): model old", False),
        ("demo-lisa-model-old-dev", "Somebody's stack", False),
        # Nothing can become of an empty stack without a change set.
        ("demo-lisa-model-old-dev", None, True),
        ("demo-lisa-pipeline-dev", None, False),
        ("demo-lisa-model-old-prod", None, False),
        ("other-lisa-model-old-dev", "LISA demo (dev): model old", False),
    ],
)
def test_a_stack_whose_creation_never_began_is_told_by_its_change_set(
    name: str, proposed: str | None, *, is_own: bool
) -> None:
    empty = found(name, "", status="REVIEW_IN_PROGRESS")
    steps = find_orphaned_stacks(NAMES, ["demo-lisa-iam-dev"], {name: empty}, lambda _: proposed)
    assert [(step.name, step.action, step.reason) for step in steps] == (
        [(name, Action.DESTROY, "never created")] if is_own else []
    )
    # Once it is created, its own description counts.
    made = found(name, "", status="CREATE_COMPLETE")
    assert find_orphaned_stacks(NAMES, [], {name: made}, lambda _: proposed) == ()
