"""Errors of deployments and of requests to AWS; they need no boto3."""

from __future__ import annotations

from lisa_schema.errors import LisaError


class DeployError(LisaError):
    """An artifact or a stack could not be brought into the account; the text says why and what to do."""


class RequestError(DeployError):
    """AWS rejected a request or did not respond.

    Attributes:
        code: AWS's error code, such as AccessDenied; empty when there was no response.
        reason: AWS's message; for a request without a response, the name of the error.
        operation: name of the API operation, such as DescribeStacks; empty when there was no response.
    """

    def __init__(self, message: str, *, reason: str, code: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.operation = operation
