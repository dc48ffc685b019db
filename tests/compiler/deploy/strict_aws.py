"""A stand-in for AWS over HTTP that is as strict as botocore's service models, and answers in each service's format.

A request that the model of its operation does not allow is refused and noted in `problems`: a value that is not one of
an enumeration, a list or number out of its range, a missing member. An answer that the model does not allow fails too.
What has no answer is refused as AWS refuses what a policy does not allow, so that a test names all that it permits.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import unquote

from botocore.validate import ParamValidator
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

Answer = Mapping[str, Any] | Exception
Answers = Mapping[str, Answer | Callable[[dict[str, Any]], Answer]]
"""By `service:Operation`: what is answered, or what answers a request's parameters."""

_SIGNED = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_NAMES = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "es": "opensearch",
}
"""botocore's names of services whose signatures have another one."""


class Refusal(ServiceException):
    """An error that a service answers: its code, and its message."""


DENIED = Refusal("AccessDenied", "User is not authorized to perform this action.")
"""What a policy does not allow; the code is that of the service."""

_DENIAL_CODES = {"ec2": "UnauthorizedOperation", "json": "AccessDeniedException", "rest-json": "AccessDeniedException"}


class NotModeledError(Exception):
    """A request that no operation of the service takes."""


@dataclass
class StrictAws:
    """A server whose answers a test sets.

    Attributes:
        answers: what is answered.
        requests: `service:Operation` and parameters of each request, in order.
        problems: what the service models do not allow.
    """

    answers: Answers
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._respond, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs so that it asks this server alone."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Parameters of the requests for `service:Operation`."""
        return [parameters for name, parameters in self.requests if name == operation]

    def _respond(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        request = Request(environ)
        try:
            name, operation, parameters = _parsed(request)
        except NotModeledError as error:
            self.problems.append(str(error))
            return Response(str(error), status=500)(environ, start_response)
        self.requests.append((name, parameters))
        answer = self._answer(name, operation, parameters)
        protocol = operation.service_model.protocol
        answered = get_serializer_class(operation.service_model.service_name, protocol)(operation).serialize(answer)
        status = answered["status_code"]
        if request.method == "HEAD" and isinstance(answer, Refusal):
            # An answer without a body says what it is by its status alone.
            status = int(answer.code) if answer.code.isdecimal() else HTTPStatus.FORBIDDEN
        response = Response(answered["body"], status=status, headers=dict(answered["headers"]))
        return response(environ, start_response)

    def _answer(self, name: str, operation: OperationModel, parameters: dict[str, Any]) -> Any:
        found = list(_violations(operation.input_shape, parameters))
        if operation.input_shape is not None:
            report = ParamValidator().validate(parameters, operation.input_shape)
            found += [report.generate_report()] if report.has_errors() else []
        if found:
            self.problems.append(f"{name}: {'; '.join(found)}")
            return Refusal("ValidationException", "; ".join(found))
        answer = self.answers.get(name, DENIED)
        given = answer(parameters) if callable(answer) else answer
        if given is DENIED:
            return Refusal(_DENIAL_CODES.get(operation.service_model.protocol, "AccessDenied"), str(DENIED))
        if isinstance(given, Exception):
            return given
        if operation.output_shape is not None:
            report = ParamValidator().validate(dict(given), operation.output_shape)
            if report.has_errors():
                self.problems.append(f"answer of {name}: {report.generate_report()}")
        return dict(given)


def _parsed(request: Request) -> tuple[str, OperationModel, dict[str, Any]]:
    signed = _SIGNED.search(request.headers.get("Authorization", ""))
    if signed is None:
        raise NotModeledError(f"unsigned: {request.method} {request.path}")
    service = _NAMES.get(signed["service"], signed["service"])
    model = get_service_model(service)
    operation, in_path = _operation(model, request)
    body = request.get_data()
    parser = PROTOCOL_PARSERS[model.protocol](operation)
    parameters = parser.parse(
        {
            "body": body,
            "headers": request.headers,
            "method": request.method,
            "url_params": in_path,
            "url_path": request.path,
            "values": request.values,
        }
    )
    return f"{service}:{operation.name}", operation, {key: one for key, one in parameters.items() if one is not None}


def _operation(model: Any, request: Request) -> tuple[OperationModel, dict[str, str]]:
    if model.protocol == "json":
        return model.operation_model(request.headers["X-Amz-Target"].rpartition(".")[2]), {}
    if model.protocol in ("ec2", "query"):
        return model.operation_model(request.values["Action"]), {}
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        # S3's model has the bucket in the path, in newer versions beside it.
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}", lambda part: f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})", re.escape(path)
        )
        match = re.fullmatch(pattern.rstrip("/") + "/?", request.path)
        marks = {part.partition("=")[0] for part in query.split("&") if part}
        if match and operation.http["method"] == request.method and marks <= set(request.args):
            found.append((len(marks), operation, {key: unquote(value) for key, value in match.groupdict().items()}))
    if not found:
        raise NotModeledError(f"{model.service_name}: no operation for {request.method} {request.path}")
    _, operation, in_path = max(found, key=lambda one: one[0])
    return operation, in_path


def _violations(shape: Any, value: Any, path: str = "") -> list[str]:
    """What botocore's client does not look at itself: enumerations, lengths, ranges and patterns."""
    if shape is None or value is None:
        return []
    found = []
    limits = shape.metadata
    size = len(value) if isinstance(value, str | list) else value if isinstance(value, int | float) else None
    if size is not None and not limits.get("min", size) <= size <= limits.get("max", size):
        found.append(f"{path}: {value!r} is outside {limits.get('min', '')}..{limits.get('max', '')}")
    if (choices := getattr(shape, "enum", None)) and value not in choices:
        found.append(f"{path}: {value!r} is not one of {choices}")
    if shape.type_name == "structure":
        for name, one in value.items():
            found += _violations(shape.members[name], one, f"{path}.{name}")
    elif shape.type_name == "list":
        for index, one in enumerate(value):
            found += _violations(shape.member, one, f"{path}[{index}]")
    return found
