"""The bucket of audited content, and what the gateway may do with it and with the key: nothing that reads content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.buckets import PrivateBucket
from lisa_compiler.emit.cloudformation.constructs.policies import allow, document
from lisa_compiler.plan.content_audit import OBJECT_PREFIX

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.constructs.policies import Document
    from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
    from lisa_compiler.plan.content_audit import ContentAuditPlan

_NONCURRENT_DAYS = 1
"""How long a version of an object lives on that is deleted or replaced: content must not outlive its retention."""


def add_content_store(stack: LisaStack, plan: ContentAuditPlan | None) -> None:
    """Add the bucket, if content is audited.

    S3 encrypts it with its own keys: what is in it is encrypted with the configured key already, and the gateway needs
    no further permission.
    """
    if plan is None:
        return
    PrivateBucket(
        stack,
        "AuditContent",
        name=plan.bucket,
        log_bucket=stack.deployment.names.bucket("access-logs"),
        expire_days=plan.retention_days,
        noncurrent_days=_NONCURRENT_DAYS,
        object_lock=plan.object_lock,
    )


def record_content(stack: LisaStack, plan: ContentAuditPlan) -> Document:
    """Let the gateway make data keys for this deployment, and add objects; it can neither read nor decrypt them."""
    return document(
        allow(
            "kms:GenerateDataKey",
            plan.key_arn,
            when={"StringEquals": {"kms:EncryptionContext:lisa-deployment": plan.deployment}},
        ),
        allow("s3:PutObject", content_objects(stack, plan)),
    )


def content_objects(stack: LisaStack, plan: ContentAuditPlan) -> str:
    """ARNs of the objects with content."""
    return f"arn:{stack.deployment.region.partition.id}:s3:::{plan.bucket}/{OBJECT_PREFIX}/*"
