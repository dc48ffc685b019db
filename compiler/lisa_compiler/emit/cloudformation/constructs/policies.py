"""IAM policy documents as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Statement = dict[str, Any]
Document = dict[str, Any]


def allow(
    actions: str | Sequence[str],
    on: str | Sequence[str],
    *,
    when: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
    to: Mapping[str, str | Sequence[str]] | None = None,
) -> Statement:
    """A statement that allows actions on resources, under conditions, to a principal (resource policies)."""
    statement: Statement = {"Effect": "Allow"}
    if to is not None:
        statement["Principal"] = dict(to)
    statement["Action"] = actions if isinstance(actions, str) else list(actions)
    statement["Resource"] = on if isinstance(on, str) else list(on)
    if when is not None:
        statement["Condition"] = {operator: dict(keys) for operator, keys in when.items()}
    return statement


def deny(actions: str | Sequence[str], on: str | Sequence[str]) -> Statement:
    """A statement that takes back what another allows with a wildcard."""
    return allow(actions, on) | {"Effect": "Deny"}


def deny_plain_text(bucket_arn: str) -> Statement:
    """A bucket policy statement that refuses requests without TLS."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def document(*statements: Statement) -> Document:
    """A policy document of statements, in their order."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(*services: str, account: str) -> Document:
    """A trust policy for AWS services, which may act for this account only where they tell it (no confused deputy)."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": list(services) if len(services) > 1 else services[0]},
            "Action": "sts:AssumeRole",
            **({"Condition": {"StringEquals": {"aws:SourceAccount": account}}} if _sends_source(services) else {}),
        }
    )


def _sends_source(services: Sequence[str]) -> bool:
    # EC2 and Lambda assume their roles without aws:SourceAccount; ECS tasks, API Gateway and flow logs send it.
    return all(service.split(".")[0] in {"ecs-tasks", "vpc-flow-logs"} for service in services)
