"""AWS calls of product code while tests run, as botocore reports them, and how they differ from the declared ones."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import boto3
from botocore.handlers import BUILTIN_HANDLERS

from permissions.declared_calls import Call, programs

_EVENT = "provide-client-params"
_LIBRARIES = ("boto3", "botocore", "aiobotocore", "asyncio", "concurrent", "contextlib", "permissions", "threading")
_PRODUCT = re.compile(
    r"lisa_lambdas\.custom_resources\.(?P<resource>\w+)|lisa_lambdas\.(?P<function>\w+)\.|(?P<gateway>lisa_gateway)\."
)
_VARIABLE = re.compile(r"\\\$\\\{(\w+)\\\}")


@dataclass(frozen=True, slots=True, order=True)
class Recorded:
    """A call.

    Attributes:
        program: which one called, as aws_calls.yaml names it.
        call: service and operation.
        resource: what the request names, in the form of aws_calls.yaml.
    """

    program: str
    call: str
    resource: str


@dataclass
class Recorder:
    """Records the calls of product code; those of tests are none.

    Attributes:
        calls: what was called.
        variables: values of variables, by name; of those that are not here any value is right.
    """

    calls: set[Recorded] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)

    def record(self, params: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: object) -> None:
        """Botocore's event before a request is made, or signed for someone else to make."""
        if context.get("is_presign_request"):
            return
        # The handler, botocore's emitter and botocore's client come before the caller.
        program = _program(sys._getframe(1))
        if program is None:
            return
        service = model.service_model.signing_name
        call = f"{service}:{model.name}"
        self.calls.update(Recorded(program, call, resource) for resource in _resources(service, model.name, params))

    def undeclared(self) -> list[Recorded]:
        """What was called, and no program declares."""
        return sorted(
            one
            for one in self.calls
            if not any(
                call.call == one.call and any(self._matches(resource, one.resource) for resource in call.on)
                for call in _recorded_calls(one.program)
            )
        )

    def missing(self, program: str) -> list[str]:
        """What a program declares as its own call, and did not call."""
        return [
            f"{call.call} on {resource}"
            for call in _recorded_calls(program)
            for resource in call.on
            if not any(
                one.program == program and one.call == call.call and self._matches(resource, one.resource)
                for one in self.calls
            )
        ]

    def _matches(self, declared: str, resource: str) -> bool:
        pattern = _VARIABLE.sub(
            lambda found: re.escape(self.variables[found[1]]) if found[1] in self.variables else ".+",
            re.escape(declared),
        )
        return re.fullmatch(pattern.replace(r"\*", ".*"), resource) is not None


class _Switch:
    """Where the event goes: to the recorder of the test that runs, if any."""

    recorder: Recorder | None = None

    def __call__(self, **given: Any) -> None:
        if self.recorder is not None:
            self.recorder.record(**given)


_SWITCH = _Switch()
# Each session that begins from now on registers these, as moto's handler is.
BUILTIN_HANDLERS.append((_EVENT, _SWITCH))


def recording() -> Iterator[Recorder]:
    """Record the calls of a test, and fail where one is not declared; the body of a fixture."""
    if boto3.DEFAULT_SESSION is not None:
        boto3.DEFAULT_SESSION.events.register(_EVENT, _SWITCH, unique_id="permissions")
    _SWITCH.recorder = recorder = Recorder()
    yield recorder
    _SWITCH.recorder = None
    assert recorder.undeclared() == [], "declare these calls in the aws_calls.yaml of their program"


def _recorded_calls(program: str) -> Sequence[Call]:
    (found,) = (one for one in programs() if one.name == program)
    return [call for call in found.calls if call.is_recorded]


def _program(frame: FrameType | None) -> str | None:
    """The program whose code called; None where a test did."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if found := _PRODUCT.match(f"{name}."):
            if found["gateway"]:
                return "gateway"
            package = found["resource"] or found["function"]
            # Modules that functions share are directly in lisa_lambdas.
            if any(program.name == package for program in programs()):
                return package
        elif not name.startswith((*_LIBRARIES, "lisa_lambdas")):
            return None
        frame = frame.f_back
    return None


def _tables(params: Mapping[str, Any]) -> list[str]:
    """The tables of a request of DynamoDB."""
    if "TableName" in params:
        return [params["TableName"]]
    if "TransactItems" in params:
        return [action["TableName"] for item in params["TransactItems"] for action in item.values()]
    return list(params["RequestItems"])


def _resources(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """What a request names."""
    match service:
        case "dynamodb":
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            names = _tables(params)
            found = [f"table/{name}{index}" for name in names]
        case "s3":
            keys = [f"/{one['Key']}" for one in params["Delete"]["Objects"]] if "Delete" in params else []
            keys = keys or [f"/{params['Key']}" if "Key" in params else ""]
            found = [f"{params['Bucket']}{key}" for key in keys]
        case "ssm":
            found = [f"parameter{name}" for name in params.get("Names", [params.get("Name", params.get("Path"))])]
        case "kms" if "KeyId" in params:
            found = [params["KeyId"]]
        case "secretsmanager":
            found = [params["SecretId"]]
        case "ecs" if "services" in params:
            found = [arn.rpartition(":")[2] for arn in params["services"]]
        case "logs":
            found = [f"log-group:{params['logGroupName']}:log-stream:{params['logStreamName']}"]
        case "autoscaling" if "AutoScalingGroupName" in params:
            found = [f"autoScalingGroup:id:autoScalingGroupName/{params['AutoScalingGroupName']}"]
        case _:
            found = ["*"]
    return found
