"""The store of audited content: a bucket, and the key that content is encrypted with before it gets there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lisa_compiler.plan.names import Names
    from lisa_schema.models import Config
    from lisa_schema.models.enums import ObjectLock

BUCKET = "audit-content"
"""Purpose of the bucket."""

OBJECT_PREFIX = "content"
"""Beginning of the names of its objects; `lisa_gateway.audit.content_delivery` writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentAuditPlan:
    """Where audited content is kept.

    Attributes:
        bucket: name of the bucket.
        key_arn: the KMS key, of the configuration.
        deployment: the deployment in the encryption context of data keys.
        retention_days: days after which content is deleted.
        object_lock: whether S3 keeps it from being deleted earlier.
    """

    bucket: str
    key_arn: str
    deployment: str
    retention_days: int
    object_lock: ObjectLock


def plan_content_audit(config: Config, names: Names) -> ContentAuditPlan | None:
    """The store of audited content; None if the configuration has none."""
    store = config.access_config.audit_content_store if config.access_config else None
    if store is None:
        return None
    return ContentAuditPlan(
        bucket=names.bucket(BUCKET),
        key_arn=store.key_arn,
        deployment=names.scope,
        retention_days=store.retention_days,
        object_lock=store.object_lock,
    )
