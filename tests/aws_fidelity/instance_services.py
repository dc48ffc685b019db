"""What an instance reaches: its metadata, the ECS agent, and AWS APIs that are as strict as their service models.

It takes the place of the program's `send`. A request to an API must have the endpoint, version, parameters and
signature that botocore expects, and be allowed by the instance's role.
"""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.client import IncompleteRead
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.validate import validate_parameters

INSTANCE = "i-0123456789abcdef0"
KEYS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret/key+x", "Token": "token=="}
_SESSION = botocore.session.Session()
_SERVICES = {
    "autoscaling": "autoscaling",
    "cloudformation": "cloudformation",
    "ecs": "ecs",
    "elasticloadbalancing": "elbv2",
}


class CutBody(io.BytesIO):
    """The body of an answer whose connection ends before its length is read."""

    def read(self, *_: object) -> bytes:
        raise IncompleteRead(b"<Error>", 300)


def http_error(url: str, status: int, body: str | None = "") -> urllib.error.HTTPError:
    """An answer with an error status; the connection is interrupted where `body` is None."""
    content = CutBody() if body is None else io.BytesIO(body.encode())
    return urllib.error.HTTPError(url, status, "", Message(), content)


@dataclass
class InstanceServices:
    """The services; a test sets what they report.

    Attributes:
        region: Region of the APIs.
        is_allowed: whether the instance's role allows an action with parameters.
        lifecycle: `autoscaling/target-lifecycle-state` for each question, the last one repeated; None is 404.
        joined: whether the agent has joined, likewise.
        targets: state of the instance's target for each question, likewise; None where it has no target.
        tasks: known status of the instance's tasks for each question, likewise.
        refusals: by action, what the API answers first: status and body, None where the connection is interrupted.
        cut_answers: how many answers to DescribeTargetHealth are cut first.
        calls: (action, parameters) that an API accepted, in order.
        outages: requests to the metadata service that fail first.
    """

    region: str
    is_allowed: Callable[[str, Mapping[str, Any]], bool]
    cluster: str
    lifecycle: list[str | None] = field(default_factory=lambda: ["InService"])
    joined: list[bool] = field(default_factory=lambda: [True])
    targets: list[str | None] = field(default_factory=lambda: ["healthy"])
    tasks: list[list[str]] = field(default_factory=lambda: [[]])
    refusals: dict[str, list[tuple[int, str | None]]] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    outages: int = 0
    cut_answers: int = 0

    @property
    def actions(self) -> list[tuple[str, str]]:
        """What was changed, in order: (action, result or status)."""
        return [
            (action, str(given.get("LifecycleActionResult") or given.get("Status") or given.get("status")))
            for action, given in self.calls
            if action != "DescribeTargetHealth"
        ]

    def send(
        self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str | None = None
    ) -> bytes:
        if url.startswith("http://169.254.169.254"):
            return self._metadata(url, headers or {}, method).encode()
        if url.startswith("http://127.0.0.1:51678"):
            return json.dumps(self._agent(url)).encode()
        assert body is not None
        return self._api(url, body, dict(headers or {}))

    def _metadata(self, url: str, headers: Mapping[str, str], method: str | None) -> str:
        if self.outages:
            self.outages -= 1
            raise urllib.error.URLError(OSError("Network is unreachable"))
        path = url.partition("/latest/")[2]
        if path == "api/token":
            assert method == "PUT"
            assert headers["X-aws-ec2-metadata-token-ttl-seconds"]
            return "session"
        assert headers["X-aws-ec2-metadata-token"] == "session"
        found: Mapping[str, Callable[[], str | None]] = {
            "meta-data/instance-id": lambda: INSTANCE,
            "meta-data/iam/security-credentials/": lambda: "instance-role",
            "meta-data/iam/security-credentials/instance-role": lambda: json.dumps(KEYS),
            "meta-data/autoscaling/target-lifecycle-state": lambda: _next(self.lifecycle),
        }
        value = found[path]()
        if value is None:
            raise http_error(url, 404)
        return value

    def _agent(self, url: str) -> Mapping[str, Any]:
        if url.endswith("/v1/metadata"):
            if not _next(self.joined):
                raise urllib.error.URLError(ConnectionRefusedError())
            arn = f"arn:aws:ecs:{self.region}:123456789012:container-instance/{self.cluster}/abc"
            return {"Cluster": self.cluster, "ContainerInstanceArn": arn, "Version": "Amazon ECS Agent"}
        assert url.endswith("/v1/tasks")
        return {"Tasks": [{"KnownStatus": status} for status in _next(self.tasks)]}

    def _api(self, url: str, body: bytes, headers: dict[str, str]) -> bytes:
        host = urllib.parse.urlsplit(url).hostname or ""
        service = host.partition(".")[0]
        model = _SESSION.get_service_model(_SERVICES[service])
        client = _SESSION.create_client(
            _SERVICES[service], region_name=self.region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        assert url == f"{client.meta.endpoint_url}/"
        _require_signature(url, body, headers, self.region, service)
        if service == "ecs":
            target, _, action = headers["X-Amz-Target"].partition(".")
            assert target == model.metadata["targetPrefix"]
            assert headers["Content-Type"] == f"application/x-amz-json-{model.metadata['jsonVersion']}"
            given = json.loads(body)
        else:
            given = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            action = given.pop("Action")
            assert given.pop("Version") == model.api_version
        shape = model.operation_model(action).input_shape
        validate_parameters(given, shape)
        for name, value in given.items():
            assert not shape.members[name].metadata.get("enum") or value in shape.members[name].metadata["enum"]
        assert self.is_allowed(f"{service}:{action}", given), (action, given)
        if self.refusals.get(action):
            raise http_error(url, *self.refusals[action].pop(0))
        self.calls.append((action, given))
        return self._health().encode() if action == "DescribeTargetHealth" else b"{}"

    def _health(self) -> str:
        if self.cut_answers:
            self.cut_answers -= 1
            return '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing'
        others = [("i-another", "healthy")]
        state = _next(self.targets)
        members = "".join(
            f"<member><Target><Port>80</Port><Id>{name}</Id></Target><TargetHealth><State>{each}</State></TargetHealth>"
            "<HealthCheckPort>80</HealthCheckPort></member>"
            for name, each in (*others, *([(INSTANCE, state)] if state else []))
        )
        return (
            '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
            f"<DescribeTargetHealthResult><TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
            "</DescribeTargetHealthResult></DescribeTargetHealthResponse>"
        )


def _next(values: list[Any]) -> Any:
    return values.pop(0) if len(values) > 1 else values[0]


def _require_signature(url: str, body: bytes, headers: Mapping[str, str], region: str, service: str) -> None:
    """Compute the signature as botocore does, and require that it is the same."""
    signer = SigV4Auth(Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"]), service, region)
    unsigned = {name: value for name, value in headers.items() if name != "Authorization"}
    request = AWSRequest("POST", url, headers=unsigned, data=body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signature = signer.signature(text, request)
    assert headers["Authorization"].endswith(f"Signature={signature}")
    assert f"Credential={signer.scope(request)}" in headers["Authorization"]
    assert f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}," in headers["Authorization"]


def allows(statements: Sequence[Mapping[str, Any]], action: str, resource: str) -> bool:
    """Whether statements of a role allow an action on a resource; none may have a condition."""
    from fnmatch import fnmatchcase

    def listed(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value]

    assert all("Condition" not in each for each in statements)
    effects = {
        statement["Effect"]
        for statement in statements
        if any(fnmatchcase(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in listed(statement["Resource"]))
    }
    return effects == {"Allow"}
