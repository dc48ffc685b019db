"""Verification: a deployment that serves passes, and each way in which it does not is reported with its fix."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.verification import services
from lisa_compiler.verification import verify as verify_module
from lisa_compiler.verification.check import Outcome
from lisa_compiler.verification.schedule import scheduled_stop
from lisa_schema.models import CapacitySchedule

from .conftest import MODEL, NOW, TOKEN, System
from .modeled_aws import ServiceError


def test_deployment_that_serves_passes(system: System) -> None:
    checks = system.check()
    assert {check.outcome for check in checks} == {Outcome.PASSED}, checks
    subjects = {(check.component, check.subject) for check in checks}
    services = {"serve", MODEL, "model-embed"}
    assert subjects >= set(itertools.product(services, ("stack", "instances", "tasks", "targets")))
    assert subjects >= {("serve", "address"), (MODEL, "completion"), ("model-embed", "embedding")}
    assert [(path, token, body and body["model"]) for path, token, body in system.gateway.requests] == [
        ("/health", None, None),
        ("/v2/serve/chat/completions", f"Bearer {TOKEN}", "small"),
        ("/v2/serve/embeddings", f"Bearer {TOKEN}", "embed"),
    ]


@pytest.mark.parametrize(
    ("status", "detail", "fix"),
    [
        (None, "is not deployed", "lisa deploy"),
        ("REVIEW_IN_PROGRESS", "is not deployed (REVIEW_IN_PROGRESS)", "lisa deploy"),
        ("ROLLBACK_COMPLETE", "is not deployed (ROLLBACK_COMPLETE)", "lisa deploy"),
        ("UPDATE_IN_PROGRESS", "has an operation in progress", "--wait"),
        ("UPDATE_ROLLBACK_COMPLETE", "last change", "events"),
        ("UPDATE_ROLLBACK_FAILED", "last change", "continues a failed rollback"),
    ],
)
def test_stack_not_at_rest_is_reported(system: System, status: str | None, detail: str, fix: str) -> None:
    del system.statuses["iam"]
    if status:
        system.statuses["iam"] = status
    check = system.failure()
    assert (check.component, check.subject) == ("iam", "stack")
    assert detail in check.detail
    assert fix in check.fix


def test_stack_that_is_not_deployed_is_not_asked_for_its_service(system: System) -> None:
    system.statuses = {}
    checks = system.check()
    assert {check.subject for check in checks} == {"stack", "address"}
    assert all(operation == "DescribeStacks" for _, operation, _ in system.aws.calls)


def _no_group(system: System) -> None:
    system.services[MODEL].group["AutoScalingGroupName"] = "other"


def _not_joined(system: System) -> None:
    system.services[MODEL].joined.pop()


def _disconnected(system: System) -> None:
    system.services[MODEL].joined[0]["agentConnected"] = False


def _quota(system: System) -> None:
    service = system.services[MODEL]
    service.group["Instances"].pop()
    service.activities.append(
        {
            "ActivityId": "a",
            "AutoScalingGroupName": service.cluster,
            "Cause": "capacity",
            "StartTime": NOW,
            "StatusCode": "Failed",
            "StatusMessage": "You have requested more vCPU capacity than your current limit",
        }
    )


def _pending(system: System) -> None:
    system.services[MODEL].group["Instances"][0]["LifecycleState"] = "Pending:Wait"


def _service_change(**values: Any) -> Callable[[System], None]:
    def change(system: System) -> None:
        service = system.services[MODEL].service
        assert service is not None
        service.update(values)

    return change


def _no_service(system: System) -> None:
    system.services[MODEL].service = None


def _crashed(system: System) -> None:
    _service_change(runningCount=1)(system)
    system.services[MODEL].stopped += [
        {
            "createdAt": NOW,
            "stoppedReason": "Essential container in task exited",
            "containers": [{"exitCode": 137, "reason": "OutOfMemoryError"}],
        }
    ]


def _owner_failed(**owner: object) -> Callable[[System], None]:
    def change(system: System) -> None:
        _service_change(runningCount=1)(system)
        system.services[MODEL].stopped += [
            {
                "createdAt": NOW,
                "stoppedReason": "Task failed to start",
                "containers": [{"name": "small"}, {"name": "weights-owner", **owner}],
            }
        ]

    return change


def _target(state: str, reason: str) -> Callable[[System], None]:
    def change(system: System) -> None:
        health = system.services[MODEL].targets[0]["TargetHealth"]
        health.update(State=state, Reason=reason, Description=f"because {reason}")

    return change


def _draining(system: System) -> None:
    for target in system.services[MODEL].targets:
        target["TargetHealth"]["State"] = "draining"


@pytest.mark.parametrize(
    ("fault", "subject", "detail", "fix"),
    [
        (_no_group, "instances", "does not exist", "lisa deploy"),
        (_not_joined, "instances", "has not joined", "get-console-output"),
        (_disconnected, "instances", "has lost its connection", "must reach ECS"),
        (_quota, "instances", "more vCPU capacity", "quota"),
        (_pending, "instances", "1 of 2 instances are in service, 1 Pending:Wait", "--wait"),
        (_no_service, "tasks", "no ECS service", "lisa deploy"),
        (_service_change(status="INACTIVE"), "tasks", "no ECS service", "lisa deploy"),
        (_service_change(desiredCount=0), "tasks", "no task is desired", "describe-services"),
        (_crashed, "tasks", "task exited, OutOfMemoryError, exit code 137", "aws logs tail /lisa/"),
        (
            _owner_failed(reason='CannotStartContainerError: exec: "find": executable file not found in $PATH'),
            "tasks",
            'weights-owner: CannotStartContainerError: exec: "find"',
            "must have `find` and `chown`",
        ),
        (
            _owner_failed(exitCode=1),
            "tasks",
            "Task failed to start, weights-owner: exit code 1",
            "must have `find` and `chown`",
        ),
        (_owner_failed(exitCode=0), "tasks", "Task failed to start", "aws logs tail /lisa/"),
        (
            _service_change(runningCount=0, events=[{"message": "insufficient memory available"}]),
            "tasks",
            "0 of 2 tasks run; insufficient memory",
            "describe-services",
        ),
        (
            _service_change(deployments=[{"rolloutState": "FAILED", "rolloutStateReason": "circuit breaker"}]),
            "tasks",
            "circuit breaker",
            "aws logs tail",
        ),
        (
            _service_change(deployments=[{"rolloutState": "IN_PROGRESS"}, {"rolloutState": "COMPLETED"}]),
            "tasks",
            "in progress",
            "--wait",
        ),
        (_target("unhealthy", "Target.Timeout"), "targets", "because Target.Timeout", "security group"),
        (_target("unhealthy", "Target.ResponseCodeMismatch"), "targets", "1 of 2", "`path`"),
        (_target("unhealthy", "Target.FailedHealthChecks"), "targets", "unhealthy", "log"),
        (_target("initial", "Elb.InitialHealthChecking"), "targets", "initial", "--wait"),
        (_target("unavailable", "Elb.InternalError"), "targets", "unavailable", "healthCheckConfig"),
        (_draining, "targets", "no target", "tasks run"),
    ],
)
def test_service_fault_is_reported(
    system: System, fault: Callable[[System], None], subject: str, detail: str, fix: str
) -> None:
    fault(system)
    check = system.failure()
    assert (check.component, check.subject) == (MODEL, subject)
    assert detail in check.detail
    assert fix in check.fix


def test_stopped_model_is_not_verified_and_not_asked(system: System) -> None:
    system.services[MODEL].group.update(MinSize=0, DesiredCapacity=0, Instances=[])
    checks = system.check()
    assert [(check.component, check.outcome) for check in checks if check.outcome is not Outcome.PASSED] == [
        (MODEL, Outcome.UNKNOWN)
    ]
    assert "/v2/serve/chat/completions" not in {path for path, _, _ in system.gateway.requests}


@pytest.mark.parametrize(
    ("utc", "until"),
    [
        ("2026-11-30T18:59", None),  # 19:59 in Berlin
        ("2026-11-30T19:00", "Tuesday, 2026-12-01 07:00"),
        ("2026-12-01T05:59", "Tuesday, 2026-12-01 07:00"),
        ("2026-12-01T06:00", None),
        ("2026-12-05T12:00", "Monday, 2026-12-07 07:00"),
        ("2026-07-01T18:00", "Thursday, 2026-07-02 07:00"),  # daylight saving time
    ],
)
def test_a_scheduled_stop_is_told_with_its_end(utc: str, until: str | None) -> None:
    schedule = CapacitySchedule.model_validate(
        {
            "timeZone": "Europe/Berlin",
            "windows": [
                {"start": "20:00", "stop": "07:00", "days": ["MON", "TUE", "WED", "THU"], "minCapacity": 0},
                {"start": "0 20 * * FRI", "stop": "0 7 * * MON", "minCapacity": 0},
                {"start": "08:00", "stop": "12:00", "days": ["MON"], "minCapacity": 2},
            ],
        }
    )
    told = scheduled_stop(schedule, datetime.fromisoformat(utc).replace(tzinfo=UTC))
    assert told == (until and f"its schedule has no instances until {until} (Europe/Berlin)")
    assert scheduled_stop(None) is None


def test_a_model_without_instances_by_its_schedule_is_no_fault(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.services[MODEL].group.update(MinSize=0, MaxSize=0, DesiredCapacity=0, Instances=[])
    monkeypatch.setattr(services, "scheduled_stop", lambda _: "its schedule has no instances until 07:00")
    (check,) = [check for check in system.check() if check.outcome is not Outcome.PASSED]
    assert (check.component, check.outcome) == (MODEL, Outcome.UNKNOWN)
    assert "its schedule has no instances until 07:00" in check.detail
    assert "Verify again then" in check.fix


def test_more_instances_than_one_request_describes(system: System) -> None:
    service = system.services[MODEL]
    instance, joined = service.group["Instances"][0], service.joined[0]
    service.group.update(
        DesiredCapacity=101, Instances=[{**instance, "InstanceId": f"i-{number}"} for number in range(101)]
    )
    service.joined = [{**joined, "ec2InstanceId": f"i-{number}"} for number in range(101)]
    assert system.failures() == []
    sizes = [
        len(call["containerInstances"])
        for _, operation, call in system.aws.calls
        if operation == "DescribeContainerInstances" and call["cluster"] == service.cluster
    ]
    assert sizes == [100, 1]


def test_denied_access_is_an_error(system: System) -> None:
    def deny(_call: Any) -> Any:
        raise ServiceError("AccessDenied", "User is not authorized to perform ecs:ListServices")

    answers: Any = system.aws.answers
    answers["ecs", "ListServices"] = deny
    with pytest.raises(DeployError, match="cannot be read: User is not authorized"):
        system.check()


def test_cluster_that_is_missing_is_reported(system: System) -> None:
    def missing(_call: Any) -> Any:
        raise ServiceError("ClusterNotFoundException", "Cluster not found.")

    answers: Any = system.aws.answers
    for operation in ("ListServices", "ListContainerInstances"):
        answers["ecs", operation] = missing
    details = [check.detail for check in system.failures() if check.component == MODEL]
    assert ["has not joined" in details[0], "has no ECS service" in details[1]] == [True, True]


def test_wait_repeats_until_checks_pass(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            system.statuses["iam"] = "UPDATE_COMPLETE"

    monkeypatch.setattr(verify_module.time, "sleep", pause)
    system.statuses["iam"] = "UPDATE_IN_PROGRESS"
    assert system.failures(wait=60) == []
    assert len(waits) == 2


def test_wait_ends_with_its_time(system: System) -> None:
    system.statuses["iam"] = "UPDATE_IN_PROGRESS"
    began = time.monotonic()
    assert system.failure(wait=0.3).component == "iam"
    assert 0.3 <= time.monotonic() - began < 15
