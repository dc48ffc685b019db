"""Access: who may use which models and RAG repositories, with every default resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lisa_schema.models.access import ALL, UsageLimits

if TYPE_CHECKING:
    from lisa_compiler.plan.content_audit import ContentAuditPlan
    from lisa_schema.models import AccessConfig, AccessEntry, Config

Document = Mapping[str, Any]


def access_document(config: Config, content: ContentAuditPlan | None = None) -> Document | None:
    """The access document that the gateway and the functions read; None when all callers may use everything.

    Args:
        config: the configuration.
        content: the store of audited content, for the gateway.

    Returns:
        `groups`: an entry by name of the group; `everyone`: the entry of callers in no listed group. An entry has
        `models` and `repositories` (names, or `*`), and `perCaller` and `perGroup` (the limits that are set); if the
        content of its requests is audited, `auditContent`, which is `optional` or `required`, and the document has
        `auditContentStore`.
    """
    access = config.access_config
    if access is None:
        return None
    document: dict[str, Any] = {
        "groups": {name: _entry(access, entry) for name, entry in access.groups.items()},
        "everyone": _entry(access, access.everyone),
    }
    if content is not None and access.audits_content:
        document["auditContentStore"] = {
            "account": config.account_number,
            "bucket": content.bucket,
            "deployment": content.deployment,
            "keyArn": content.key_arn,
        }
    return document


def repository_access(config: Config) -> Document:
    """What the RAG function reads of the access document: the repositories of each group, and of all others."""
    document = access_document(config)
    if document is None:
        return {"groups": {}, "everyone": [ALL]}
    return {
        "groups": {name: entry["repositories"] for name, entry in document["groups"].items()},
        "everyone": document["everyone"]["repositories"],
    }


def _entry(access: AccessConfig, entry: AccessEntry | None) -> dict[str, Any]:
    audited = {}
    if entry is not None and entry.audit_content:
        audited = {"auditContent": "required" if entry.audit_content_required else "optional"}
    return {
        **audited,
        "models": list(access.models_of(entry)),
        "repositories": list(access.repositories_of(entry)),
        "perCaller": {} if entry is None else _limits(entry.per_caller),
        "perGroup": {} if entry is None else _limits(entry.per_group),
    }


def _limits(limits: UsageLimits) -> dict[str, int]:
    found = ((field.alias or name, getattr(limits, name)) for name, field in UsageLimits.model_fields.items())
    return {name: limit for name, limit in found if limit is not None}
