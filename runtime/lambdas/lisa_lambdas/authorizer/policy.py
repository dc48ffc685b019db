"""The policy by which API Gateway lets a caller through.

It speaks of the whole API instead of the one request, so that it would stay right if API Gateway kept it for other
paths (source: API Gateway Developer Guide, "Output from an API Gateway Lambda authorizer").
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Sequence

from lisa_oidc import Caller

_METHOD_ARN = re.compile(r"(arn:[a-z-]+:execute-api:[a-z0-9-]*:\d*:[^/*?]+/[^/*?]+)/[A-Z]+(?:/.*)?", re.DOTALL)
_ADMIN_PATHS = ("models", "models/*", "proposals", "proposals/*")
_GROUPS_BYTES = 4096
"""Groups in a context, of which API Gateway takes 8 KB in all (its Developer Guide, "Quotas")."""


class MethodArnError(Exception):
    """The ARN of the request is not one of a REST API's method."""


def policy_for(caller: Caller, method_arn: str) -> Dict[str, Any]:
    """Allow every endpoint; deny those of model management to everyone but administrators.

    Args:
        caller: whom the token speaks for.
        method_arn: the request, `arn:…:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`.

    Raises:
        MethodArnError: the ARN is not such a one.
    """
    stage = stage_of(method_arn)
    statements = [_statement("Allow", [f"{stage}/*"])]
    if not caller.is_admin:
        statements.append(_statement("Deny", [f"{stage}/*/{path}" for path in _ADMIN_PATHS]))
    return {
        "principalId": caller.subject,
        "policyDocument": {"Version": "2012-10-17", "Statement": statements},
        # API Gateway takes texts, numbers and truth values, and hands all of them on as texts.
        "context": {
            "username": caller.username,
            "isAdmin": "true" if caller.is_admin else "false",
            "groups": _groups_text(caller.groups),
        },
    }


def stage_of(method_arn: object) -> str:
    """The part of a method's ARN that names API and stage.

    Raises:
        MethodArnError: the ARN is not one of a REST API's method.
    """
    found = _METHOD_ARN.fullmatch(method_arn) if isinstance(method_arn, str) else None
    if found is None:
        raise MethodArnError("The event has no methodArn of a REST API.")
    return found.group(1)


def _groups_text(groups: Sequence[str]) -> str:
    """Groups as a JSON list; of very many, as many of the first as fit, which permits less and never more."""
    fitting: List[str] = []
    size = 0
    for group in groups:
        size += len(json.dumps(group)) + 1
        if size > _GROUPS_BYTES:
            break
        fitting.append(group)
    return json.dumps(fitting, separators=(",", ":"))


def _statement(effect: str, resources: List[str]) -> Dict[str, Any]:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resources}
