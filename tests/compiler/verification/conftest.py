"""A deployment that serves: an account and a gateway, each part of which a test can break."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lisa_compiler.artifacts.assembly import Stack
from lisa_compiler.aws.cloudformation import CloudFormation
from lisa_compiler.verification.check import Check, Outcome
from lisa_compiler.verification.verify import VerificationOptions, verify

from .modeled_aws import ModeledAws

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
TOKEN = "valid-token"
MODEL = "model-small"
EMBEDDING: Mapping[str, Any] = {
    "modelName": "org/small-embedding",
    "modelId": "embed",
    "modelType": "embedding",
    "instanceType": "g5.xlarge",
    "inferenceContainer": "tei",
    "containerConfig": {"image": {"baseImage": "tei:1", "path": "lib/serve/ecs-model/embedding/tei"}},
    "autoScalingConfig": {"metricConfig": {"AlbMetricName": "RequestCountPerTarget", "targetValue": 30}},
    "loadBalancerConfig": {"healthCheckConfig": {"path": "/health"}},
}


@dataclass
class Service:
    """A container service with two instances and two tasks, as the services describe it."""

    cluster: str
    group: dict[str, Any] = field(init=False)
    joined: list[dict[str, Any]] = field(init=False)
    service: dict[str, Any] | None = field(init=False)
    stopped: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        names = [f"i-{self.cluster[-4:]}{number}" for number in range(2)]
        self.group = {
            "AutoScalingGroupName": self.cluster,
            "MinSize": 2,
            "MaxSize": 4,
            "DesiredCapacity": 2,
            "DefaultCooldown": 60,
            "AvailabilityZones": ["us-east-1a"],
            "HealthCheckType": "EC2",
            "CreatedTime": NOW,
            "Instances": [
                {
                    "InstanceId": name,
                    "AvailabilityZone": "us-east-1a",
                    "LifecycleState": "InService",
                    "HealthStatus": "Healthy",
                    "ProtectedFromScaleIn": False,
                }
                for name in names
            ],
        }
        self.joined = [{"ec2InstanceId": name, "agentConnected": True, "status": "ACTIVE"} for name in names]
        self.service = {
            "serviceName": f"{self.cluster}-service",
            "status": "ACTIVE",
            "desiredCount": 2,
            "runningCount": 2,
            "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}],
            "events": [],
            "loadBalancers": [{"targetGroupArn": f"arn:aws:elasticloadbalancing:::targetgroup/{self.cluster}/1"}],
        }
        self.targets = [{"Target": {"Id": name, "Port": 32768}, "TargetHealth": {"State": "healthy"}} for name in names]


@dataclass
class Gateway:
    """What the gateway answers, by path: status and body; `requests` are (path, token, body)."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str | None, Any]] = field(default_factory=list)
    url: str = ""


@dataclass
class System:
    """A deployment in its account.

    Attributes:
        statuses: status of each stack by component; a component that is left out is not deployed.
        services: by component.
    """

    deployment: Deployment
    gateway: Gateway
    statuses: dict[str, str] = field(init=False)
    services: dict[str, Service] = field(init=False)
    aws: ModeledAws = field(init=False)

    def __post_init__(self) -> None:
        self.statuses = {stack.component: "CREATE_COMPLETE" for stack in self.deployment.stacks}
        plans = {"serve": self.deployment.rest_api, **{each.component: each.service for each in self.deployment.models}}
        self.services = {component: Service(plan.cluster) for component, plan in plans.items()}
        self.aws = ModeledAws(self._answers())

    def check(self, **options: Any) -> tuple[Check, ...]:
        stacks = [
            Stack(
                component=stack.component,
                name=stack.name,
                template=Path(),
                tags={},
                depends_on=(),
                reader=None,
                deployer=None,
            )
            for stack in self.deployment.stacks
        ]
        cloudformation = CloudFormation(self.aws.account(), None, None)
        given = VerificationOptions(**{"token": TOKEN, "timeout": 5, **options})
        return verify(self.deployment, stacks, cloudformation, given, lambda _: None)

    def failures(self, **options: Any) -> list[Check]:
        return [check for check in self.check(**options) if check.outcome is Outcome.FAILED]

    def failure(self, **options: Any) -> Check:
        (check,) = self.failures(**options)
        return check

    def _service(self, cluster: str) -> Service:
        return next(each for each in self.services.values() if each.cluster == cluster)

    def _by_target_group(self, arn: str) -> Service:
        return self._service(arn.split("/")[1])

    def _answers(self) -> dict[tuple[str, str], Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
        def instances(call: Mapping[str, Any]) -> Mapping[str, Any]:
            joined = self._service(call["cluster"]).joined
            return {"containerInstanceArns": [f"arn:{each['ec2InstanceId']}" for each in joined]}

        def groups(call: Mapping[str, Any]) -> Mapping[str, Any]:
            known = [each.group for each in self.services.values()]
            return {
                "AutoScalingGroups": [
                    g for g in known if g.get("AutoScalingGroupName") in call["AutoScalingGroupNames"]
                ]
            }

        def listed(call: Mapping[str, Any]) -> Mapping[str, Any]:
            service = self._service(call["cluster"]).service
            return {"serviceArns": [f"arn:{service['serviceName']}"] if service else []}

        return {
            ("cloudformation", "DescribeStacks"): lambda _: {"Stacks": self._stacks()},
            ("autoscaling", "DescribeAutoScalingGroups"): groups,
            ("autoscaling", "DescribeScalingActivities"): lambda call: {
                "Activities": self._service(call["AutoScalingGroupName"]).activities
            },
            ("ecs", "ListContainerInstances"): instances,
            ("ecs", "DescribeContainerInstances"): lambda call: {
                "containerInstances": self._service(call["cluster"]).joined
            },
            ("ecs", "ListServices"): listed,
            ("ecs", "DescribeServices"): lambda call: {"services": [self._service(call["cluster"]).service]},
            ("ecs", "ListTasks"): lambda call: {
                "taskArns": [f"arn:{n}" for n, _ in enumerate(self._service(call["cluster"]).stopped)]
            },
            ("ecs", "DescribeTasks"): lambda call: {"tasks": self._service(call["cluster"]).stopped},
            ("elbv2", "DescribeTargetHealth"): lambda call: {
                "TargetHealthDescriptions": self._by_target_group(call["TargetGroupArn"]).targets
            },
        }

    def _stacks(self) -> list[dict[str, Any]]:
        return [
            {
                "StackName": self.deployment.stack(component).name,
                "StackStatus": status,
                "CreationTime": NOW,
                "Outputs": [{"OutputKey": "RestApiUrl", "OutputValue": self.gateway.url}]
                if component == "serve"
                else [],
            }
            for component, status in self.statuses.items()
        ]


def serve(gateway: Gateway, wrap: Callable[[Any], Any] | None = None) -> ThreadingHTTPServer:
    """Start a gateway on a free port; `wrap` wraps its socket."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = self.headers.get("Authorization")
            gateway.requests.append((self.path, token, json.loads(body) if body else None))
            status, answer = gateway.answers.get(self.path, (404, {"error": "no route"}))
            if self.path != "/health" and token != f"Bearer {TOKEN}":
                status, answer = 401, {"error": {"message": "The token is not valid."}}
            encoded = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        do_GET = do_POST = _answer  # noqa: N815  # the names that http.server calls

        def log_message(self, *_arguments: object) -> None:
            pass

    gateway.answers.update(
        {
            "/health": (200, {"status": "OK"}),
            "/v2/serve/chat/completions": (200, {"choices": [{"message": {"role": "assistant", "content": "Blue"}}]}),
            "/v2/serve/embeddings": (200, {"data": [{"embedding": [0.25, -1.0]}]}),
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if wrap:
        server.socket = wrap(server.socket)
    gateway.url = f"{'https' if wrap else 'http'}://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    started = Gateway()
    server = serve(started)
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture
def system(planned: Callable[..., Deployment], gateway: Gateway) -> System:
    from tests.compiler.conftest import TGI

    return System(planned(ecsModels=[dict(TGI), dict(EMBEDDING)]), gateway)
