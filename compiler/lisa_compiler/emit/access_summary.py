"""The summary's table of who may use which models and RAG repositories, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.summary_rows import NOTHING, cell
from lisa_compiler.plan.access import access_document
from lisa_schema.models.access import ALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from lisa_compiler.plan import Deployment

_LIMITS = {
    "requestsPerMinute": "requests/min",
    "tokensPerMinute": "tokens/min",
    "concurrentRequests": "concurrent requests",
    "dailyTokens": "tokens/day",
    "monthlyTokens": "tokens/month",
}


def access_rows(deployment: Deployment) -> list[dict[str, str]]:
    """Rows of the summary's table of who may use what; none when all callers may use everything."""
    document = access_document(deployment.config)
    if document is None:
        return []
    entries = [(f"`{cell(name)}`", entry) for name, entry in document["groups"].items()]
    entries.append(("callers in no listed group" if entries else "all callers", document["everyone"]))
    return [_row(who, entry, has_repositories=bool(deployment.repositories)) for who, entry in entries]


def content_lines(deployment: Deployment) -> list[str]:
    """Lines of the summary about content that is recorded, for the groups whose content is; none if no content is."""
    access, store = deployment.config.access_config, deployment.content_audit
    if access is None or store is None:
        return []
    entries = [(f"the group `{cell(name)}`", entry) for name, entry in access.groups.items()]
    if access.everyone is not None:
        entries.append(("callers in no listed group" if entries else "all callers", access.everyone))
    lines = []
    for who, entry in entries:
        if entry.audit_content:
            failure = "are rejected" if entry.audit_content_required else "are served"
            lines.append(f"**{who}**; requests whose content cannot be recorded {failure}")
    return lines


def content_store_text(deployment: Deployment) -> str:
    """Where recorded content is and who can read it, a sentence; empty if nothing is recorded."""
    store = deployment.content_audit
    if store is None:
        return ""
    lock = "" if store.object_lock == "none" else f", locked for this time ({store.object_lock})"
    return (
        f"Kept for {store.retention_days} days in the bucket `{cell(store.bucket)}`{lock}, encrypted by the gateway "
        f"with `{cell(store.key_arn)}`. Whoever may use kms:Decrypt on this key and read the bucket can read the "
        "content (`lisa audit read`)."
    )


def _row(who: str, entry: Mapping[str, Any], *, has_repositories: bool) -> dict[str, str]:
    return {
        "who": who,
        "models": _names(entry["models"]),
        "repositories": _names(entry["repositories"]) if has_repositories else NOTHING,
        "per_caller": _limits(entry["perCaller"]),
        "per_group": _limits(entry["perGroup"]),
    }


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    if ALL in listed:
        return "all"
    return ", ".join(cell(name) for name in listed) or "none"


def _limits(limits: Mapping[str, int]) -> str:
    return ", ".join(f"{limits[key]:,} {words}" for key, words in _LIMITS.items() if key in limits) or "no limits"
