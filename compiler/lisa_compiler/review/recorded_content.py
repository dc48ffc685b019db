"""Content that is recorded: whose, how reliably, for how long, and who can read it, before and after."""

from __future__ import annotations

from collections.abc import Iterator

from lisa_compiler.review.impact import Impact, ImpactCategory
from lisa_schema.models.access import AccessConfig, AccessEntry, AuditContentStore

_RECORDED = ImpactCategory.RECORDED_CONTENT


def compare_recorded_content(old: AccessConfig, new: AccessConfig) -> Iterator[Impact]:
    """Find whose requests and responses are recorded from now on, and whose no more; and changes of the store."""
    groups = dict.fromkeys([*new.groups, *old.groups])
    for group in groups:
        yield from _entry(f"callers in the group `{group}`", _find(old, group), _find(new, group))
    who = "callers in no listed group" if groups else "all callers"
    yield from _entry(who, old.everyone or AccessEntry(), new.everyone or AccessEntry())
    if old.audit_content_store is not None and new.audit_content_store is not None:
        yield from _store(old.audit_content_store, new.audit_content_store)
    if old.audit_content_store is not None and new.audit_content_store is None:
        yield Impact(
            _RECORDED, "The store of recorded content is removed: the key and the retention are configured no more."
        )


def _find(access: AccessConfig, group: str) -> AccessEntry:
    return access.groups.get(group, access.everyone) or AccessEntry()


def _entry(who: str, old: AccessEntry, new: AccessEntry) -> Iterator[Impact]:
    if new.audit_content and not old.audit_content:
        failure = "rejected" if new.audit_content_required else "served without a record"
        yield Impact(
            _RECORDED,
            f"The text of requests and responses of {who} **will be recorded**; requests are {failure} while that is "
            "impossible. Inform them.",
        )
    elif old.audit_content and not new.audit_content:
        yield Impact(_RECORDED, f"The text of requests and responses of {who} will **no longer be recorded**.")
    elif new.audit_content and old.audit_content_required != new.audit_content_required:
        now = "rejected" if new.audit_content_required else "served without a record"
        yield Impact(_RECORDED, f"Requests of {who} whose content cannot be recorded are {now} from now on.")


def _store(old: AuditContentStore, new: AuditContentStore) -> Iterator[Impact]:
    if old.key_arn != new.key_arn:
        yield Impact(
            _RECORDED,
            f"Recorded content is encrypted with `{new.key_arn}` instead of `{old.key_arn}`: whoever may decrypt with "
            "it can read new content.",
        )
    if old.retention_days != new.retention_days:
        yield Impact(
            _RECORDED,
            f"Recorded content is kept for {new.retention_days} days instead of {old.retention_days}, including "
            "content that is there already.",
        )
    if old.object_lock != new.object_lock:
        yield Impact(
            _RECORDED, f"S3 Object Lock of recorded content: {old.object_lock} \N{RIGHTWARDS ARROW} {new.object_lock}."
        )
