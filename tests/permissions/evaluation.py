"""IAM's evaluation of a request within an account: identity policies, boundary, resource policy, conditions, denials.

It follows the IAM User Guide, "Policy evaluation logic", and is strict: what it does not know is an error and never a
decision. Actions and their resources are those of the Service Authorization Reference, which cfn-lint ships. Decision
0057 has the reasons for an evaluation of LISA's own, and what it was compared with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

Document = Mapping[str, Any]
Statement = Mapping[str, Any]

CONDITION_KEYS = {
    "aws:PrincipalArn": "*",
    "aws:RequestedRegion": "*",
    "aws:SecureTransport": "*",
    "aws:SourceAccount": "*",
    "aws:SourceArn": "*",
    "bedrock:InferenceProfileArn": "bedrock:Invoke*",
    "dynamodb:Attributes": "dynamodb:*Item",
    "dynamodb:LeadingKeys": "dynamodb:*Item",
    "ecs:cluster": "ecs:*",
    "iam:PassedToService": "iam:PassRole",
    "kms:CallerAccount": "kms:*",
    "kms:EncryptionContext:aws:logs:arn": "kms:*",
    "kms:EncryptionContext:lisa-deployment": "kms:*",
    "kms:GrantIsForAWSResource": "kms:CreateGrant",
    "kms:ViaService": "kms:*",
    "s3:prefix": "s3:ListBucket*",
}
"""Condition keys, and the actions whose requests have them (Service Authorization Reference)."""

_STATEMENT = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}


class EvaluationError(Exception):
    """A request or a policy has something that IAM, or this evaluation, does not know."""


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
        principal: ARN of a role, or a service such as `lambda.amazonaws.com`.
        action: as IAM names it.
        on: ARN of one resource, or `*` where the action has none.
        account: account of principal and resource.
        context: condition keys of the request; others that every request has may be among them.
    """

    principal: str
    action: str
    on: str
    account: str
    context: Mapping[str, str] = field(default_factory=dict)


def is_allowed(policies: Policies, request: Request) -> bool:
    """Whether a request is allowed.

    Raises:
        EvaluationError: an action, a resource, a condition key, an operator or an element of a policy is not known.
    """
    _require_known(request)
    boundary = [policies.boundary] if policies.boundary else []
    resource = [policies.resource] if policies.resource else []
    identity = {one["Effect"] for one in _matching(policies.identity, request)}
    limits = {one["Effect"] for one in _matching(boundary, request)}
    named = [one for one in _matching(resource, request) if _is_named(one, request)]
    if "Deny" in identity | limits | {one["Effect"] for one in named}:
        return False
    if boundary and "Allow" not in limits:
        return False
    # A policy that names the account leaves the decision to the account's identity policies.
    direct = any(not _names_account(one, request) for one in named)
    if not request.principal.startswith("arn:"):
        return direct
    if request.action == "sts:AssumeRole" or request.action.startswith("kms:"):
        return direct or (bool(named) and "Allow" in identity)
    return direct or "Allow" in identity


def as_list(value: Any) -> list[Any]:
    """A policy's element, which need not be a list when it has one value."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _matching(documents: Sequence[Document], request: Request) -> Iterator[Statement]:
    """The statements that are about a request, whoever makes it."""
    for document in documents:
        if document.get("Version") != "2012-10-17":
            raise EvaluationError(f"a policy has the version {document.get('Version')}")
        for one in as_list(document["Statement"]):
            if unknown := one.keys() - _STATEMENT:
                raise EvaluationError(f"a statement has {', '.join(sorted(unknown))}")
            # Every condition is evaluated, so that one that is not known is an error in any request.
            holds = [
                _holds(operator, key, values, request)
                for operator, keys in one.get("Condition", {}).items()
                for key, values in keys.items()
            ]
            if _has_action(one, request.action) and _has_resource(one, request.on) and all(holds):
                yield one


def _has_action(one: Statement, action: str) -> bool:
    listed = as_list(one.get("Action", one.get("NotAction")))
    return any(_like(action.lower(), each.lower()) for each in listed) == ("Action" in one)


def _has_resource(one: Statement, resource: str) -> bool:
    if "Resource" not in one and "NotResource" not in one:
        # A trust policy: the resource is the role that has it.
        return True
    listed = as_list(one.get("Resource", one.get("NotResource")))
    return any(_is_resource(resource, each) for each in listed) == ("Resource" in one)


def _is_resource(resource: str, pattern: str) -> bool:
    if "${" in pattern:
        raise EvaluationError(f"{pattern} has a policy variable")
    return pattern == "*" or _like_arn(resource, pattern)


def _is_named(one: Statement, request: Request) -> bool:
    """Whether a statement of a resource's policy names the principal."""
    principal = one["Principal"]
    if principal == "*":
        return True
    if unknown := principal.keys() - {"AWS", "Service"}:
        raise EvaluationError(f"a principal is {', '.join(sorted(unknown))}")
    if not request.principal.startswith("arn:"):
        return request.principal in as_list(principal.get("Service", []))
    return any(each in ("*", request.principal, *_accounts(request)) for each in as_list(principal.get("AWS", [])))


def _names_account(one: Statement, request: Request) -> bool:
    principal = one["Principal"]
    return (
        isinstance(principal, Mapping)
        and set(as_list(principal.get("AWS", []))) <= set(_accounts(request))
        and ("AWS" in principal)
    )


def _accounts(request: Request) -> tuple[str, str]:
    partition = request.principal.split(":")[1] if request.principal.startswith("arn:") else "aws"
    return request.account, f"arn:{partition}:iam::{request.account}:root"


def _holds(operator: str, key: str, values: Any, request: Request) -> bool:
    """Whether a condition holds (IAM User Guide, "IAM JSON policy elements: Condition operators")."""
    if key not in CONDITION_KEYS:
        raise EvaluationError(f"the condition key {key} is not known")
    if operator == "Null":
        return (request.context.get(key) is None) == (str(values).lower() == "true")
    # A request has one value of a key here; without any, "for all values" holds.
    for_all = operator.startswith("ForAllValues:")
    operator = operator.removeprefix("ForAllValues:")
    name, optional = operator.removesuffix("IfExists"), operator.endswith("IfExists") or for_all
    negated = "Not" in name
    compare = _OPERATORS.get(name.replace("Not", ""))
    if compare is None:
        raise EvaluationError(f"the condition operator {operator} is not known")
    value = request.context.get(key)
    if value is None:
        return negated or optional
    return any(compare(value, str(each)) for each in as_list(values)) != negated


def _like(text: str, pattern: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


def _like_arn(arn: str, pattern: str) -> bool:
    """Each of an ARN's six parts is compared by itself."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    if len(patterns) < 6:
        raise EvaluationError(f"{pattern} is no ARN")
    return len(parts) == 6 and all(map(_like, parts, patterns))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


_OPERATORS = {
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
    "Bool": lambda value, expected: value.lower() == expected.lower(),
    "StringEquals": str.__eq__,
    "StringLike": _like,
}


def _require_known(request: Request) -> None:
    service, _, name = request.action.partition(":")
    actions = _reference().get(service, {}).get("Actions", {})
    if name.lower() not in actions:
        raise EvaluationError(f"there is no action {request.action}")
    kinds = actions[name.lower()].get("Resources", [])
    if not kinds and request.on != "*":
        raise EvaluationError(f"{request.action} has no resource, but is asked for on {request.on}")
    if kinds and request.on != "*" and not any(_is_of_kind(service, kind, request.on) for kind in kinds):
        raise EvaluationError(f"{request.on} is no resource of {request.action}, which has {', '.join(kinds)}")
    for key in request.context:
        if not _like(request.action, CONDITION_KEYS.get(key, "")):
            raise EvaluationError(f"{request.action} has no condition key {key}")


def _is_of_kind(service: str, kind: str, arn: str) -> bool:
    if service == "s3" and (kind == "object") != ("/" in arn):
        return False
    kinds = {name.lower(): found for name, found in _reference()[service]["Resources"].items()}
    return any(re.fullmatch(re.sub(r"\$\{\w+\}", "[^:]*", form), arn) for form in kinds[kind.lower()]["ARNFormats"])


@cache
def _reference() -> Mapping[str, Any]:
    path = files("cfnlint.data.AdditionalSpecs") / "Policies.json"
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
