"""AWS as its service models describe it: real boto3 clients whose requests and answers botocore validates.

A request that the service model does not allow fails in botocore before it would be sent; an answer that it does not
describe fails here. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

from lisa_compiler.aws.account import Account


class ServiceError(Exception):
    """An error that a service answers."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


_SESSION = boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="example")
"""Shared, because it loads each service model once."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass
class ModeledAws:
    """Services that answer by operation.

    Attributes:
        answers: by (client, operation), from parameters to answer; an operation without one fails the test.
        calls: (client, operation, parameters), in order.
    """

    answers: Mapping[tuple[str, str], Answer]
    calls: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    def client(self, service: str, region_name: str) -> Any:
        client = _SESSION.client(service, region_name=region_name)

        def remember(params: Mapping[str, Any], model: Any, **_rest: Any) -> None:
            self.calls.append((service, model.name, params))

        def answer(model: Any, **_rest: Any) -> tuple[AWSResponse, Mapping[str, Any]]:
            _, _, parameters = self.calls[-1]
            try:
                parsed = dict(self.answers[service, model.name](parameters))
            except ServiceError as error:
                told = {"Code": error.code, "Message": error.message}
                return AWSResponse("", 400, {}, None), {"Error": told, "ResponseMetadata": {}}
            validate_parameters(parsed, model.output_shape)
            return AWSResponse("", 200, {}, None), {**parsed, "ResponseMetadata": {}}

        client.meta.events.register_first("before-parameter-build.*.*", remember)
        client.meta.events.register_first("before-call.*.*", answer)
        return client

    def account(self) -> Account:
        return Account("123456789012", "us-east-1", self)
