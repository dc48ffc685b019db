"""Verification: a deployment that serves passes, and each way in which it does not is reported with its fix."""

from __future__ import annotations

import itertools
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.starter.certificates import make_certificate
from lisa_compiler.verification import endpoint as endpoint_module
from lisa_compiler.verification import verify as verify_module
from lisa_compiler.verification.check import Outcome
from lisa_schema.errors import LisaError

from .conftest import NOW, TOKEN, Gateway, System, serve
from .modeled_aws import ServiceError

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

MODEL = "model-small"


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
        ("UPDATE_ROLLBACK_FAILED", "last change", "continue-update-rollback"),
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


@pytest.mark.parametrize(
    ("status", "body", "detail", "fix"),
    [
        (401, {"error": "expired"}, "answers 401", "valid token"),
        (403, {"error": "group"}, "answers 403", "with permission for this model"),
        (404, {"error": "no model"}, "answers 404", "lisa deploy"),
        (503, "upstream", "answers 503: upstream", "checks of the model"),
        (504, "late", "answers 504", "--timeout"),
        (500, {"error": "x" * 900}, "…", "logs"),
        (302, "", "answers 302", "logs"),
        (200, "<html>", "not JSON", "logs"),
        (200, {"choices": []}, "without the result", "logs"),
        (200, {"choices": [{"message": {"content": ""}}]}, "without the result", "logs"),
        (200, [], "without the result", "logs"),
    ],
)
def test_completion_fault_is_reported(system: System, status: int, body: Any, detail: str, fix: str) -> None:
    system.gateway.answers["/v2/serve/chat/completions"] = (status, body)
    check = system.failure()
    assert (check.component, check.subject) == (MODEL, "completion")
    assert detail in check.detail
    assert fix in check.fix
    assert "/elsewhere" not in {path for path, _, _ in system.gateway.requests}


@pytest.mark.parametrize("body", [{"data": []}, {"data": [{"embedding": []}]}, '{"data": [{"embedding": [NaN]}]}'])
def test_embedding_fault_is_reported(system: System, body: Any) -> None:
    system.gateway.answers["/v2/serve/embeddings"] = (200, body)
    assert (system.failure().component, system.failure().subject) == ("model-embed", "embedding")


def test_requests_without_token_are_not_verified(system: System) -> None:
    checks = system.check(token=None)
    (unverified,) = [check for check in checks if check.outcome is not Outcome.PASSED]
    assert (unverified.outcome, unverified.subject) == (Outcome.UNKNOWN, "requests")
    assert "LISA_API_TOKEN" in unverified.fix
    assert [path for path, _, _ in system.gateway.requests] == ["/health"]


def test_wrong_token_is_reported_and_not_shown(system: System) -> None:
    checks = system.failures(token="secret-of-another")
    assert {check.subject for check in checks} == {"completion", "embedding"}
    assert "secret-of-another" not in str(checks)
    assert "secret-of-another" not in repr(
        endpoint_module.Endpoint("http://x", "secret-of-another", None, 1, is_internal=False)
    )


def test_gateway_that_is_not_healthy_is_reported_once(system: System) -> None:
    system.gateway.answers["/health"] = (503, {"status": "starting"})
    check = system.failure()
    assert (check.component, check.subject) == ("serve", "address")
    assert "answers 503" in check.detail


def test_address_that_does_not_resolve_is_reported(system: System) -> None:
    check = system.failure(url="https://gateway.invalid")
    assert "cannot be resolved" in check.detail
    assert "DNS record" in check.fix


def test_address_that_rejects_connections_is_reported(system: System) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    check = system.failure(url=f"http://127.0.0.1:{port}")
    assert "rejects the connection" in check.detail
    assert "security group" in check.fix


def test_address_that_does_not_answer_is_reported(system: System) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        check = system.failure(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
    assert "in time" in check.detail
    assert "in the VPC" in check.fix


def test_internal_address_out_of_reach_is_not_verified(planned: Callable[..., Deployment], gateway: Gateway) -> None:
    from tests.compiler.conftest import MINIMAL

    internal = System(planned(restApiConfig={**MINIMAL["restApiConfig"], "internetFacing": False}), gateway)
    checks = internal.check(url="https://gateway.invalid")
    (check,) = [check for check in checks if check.outcome is not Outcome.PASSED]
    assert (check.outcome, check.subject) == (Outcome.UNKNOWN, "address")
    gateway.answers["/health"] = (503, "")
    assert internal.failure().subject == "address"


@pytest.fixture
def secure(planned: Callable[..., Deployment], tmp_path: Path) -> Callable[..., tuple[System, Path]]:
    """A gateway with TLS, whose certificate has these names and days, and the file to trust it by."""

    def start(name: str, days: int) -> tuple[System, Path]:
        pair = make_certificate([name], days=days)
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        certificate.write_bytes(pair.certificate)
        key.write_bytes(pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        gateway = Gateway()
        serve(gateway, lambda plain: context.wrap_socket(plain, server_side=True))
        return System(planned(), gateway), certificate

    return start


def test_certificate_is_trusted_by_its_bundle(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("localhost", 90)
    assert system.failures(ca_bundle=certificate) == []
    check = system.failure()
    assert "not trusted" in check.detail
    assert "--ca-bundle" in check.fix


def test_certificate_for_another_name_is_reported(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("lisa.example.com", 90)
    check = system.failure(ca_bundle=certificate)
    assert "does not match localhost" in check.detail
    assert "domainName" in check.fix


def test_certificate_that_expires_soon_is_reported(secure: Callable[..., tuple[System, Path]]) -> None:
    system, certificate = secure("localhost", 20)
    check = system.failure(ca_bundle=certificate)
    assert (check.subject, check.detail) == ("certificate", "valid for 19 more days")
    assert "Renew" in check.fix


def test_bundle_that_is_no_pem_is_an_error(system: System, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.write_text("no certificate")
    with pytest.raises(LisaError, match="--ca-bundle"):
        system.check(ca_bundle=bundle)


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
