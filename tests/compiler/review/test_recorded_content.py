"""Impacts of content that is recorded: a reviewer must notice when it begins and when it ends."""

from __future__ import annotations

from typing import Any

from lisa_compiler.review.impact import ImpactCategory

from .test_group_access import changes

RECORDED = ImpactCategory.RECORDED_CONTENT
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
OTHER = KEY.replace("0123-456789abcdef", "0123-000000000000")


def access(*groups: str, required: bool = False, **store: Any) -> dict[str, Any]:
    entry = {"auditContent": True, "auditContentRequired": required}
    return {
        "groups": {"science": entry if "science" in groups else {}},
        "everyone": entry if "everyone" in groups else {},
        "auditContentStore": {"keyArn": KEY, **store},
    }


def test_recording_that_begins_and_ends_is_told() -> None:
    assert changes({"groups": {"science": {}}}, access("science")) == {
        RECORDED: "The text of requests and responses of callers in the group `science` **will be recorded**; requests "
        "are served without a record while that is impossible. Inform them."
    }
    assert changes(access("science"), access("everyone", required=True)) == {
        RECORDED: "The text of requests and responses of callers in the group `science` will **no longer be "
        "recorded**.\nThe text of requests and responses of callers in no listed group **will be recorded**; requests "
        "are rejected while that is impossible. Inform them."
    }
    assert "**no longer be recorded**" in changes(access("science"), None)[RECORDED]
    assert changes(access("science"), access("science")) == {}


def test_a_group_that_is_no_longer_listed_is_compared_with_everyone() -> None:
    everyone = access("everyone")
    listed = {**everyone, "groups": {}}
    assert "callers in the group `science` **will be recorded**" in changes(everyone, listed)[RECORDED]


def test_changes_of_the_store_are_told() -> None:
    assert changes(access("science"), access("science", required=True)) == {
        RECORDED: "Requests of callers in the group `science` whose content cannot be recorded are rejected from now "
        "on."
    }
    found = changes(access("science"), access("science", keyArn=OTHER, retentionDays=30, objectLock="compliance"))
    assert found == {
        RECORDED: f"Recorded content is encrypted with `{OTHER}` instead of `{KEY}`: whoever may decrypt with it can "
        "read new content.\nRecorded content is kept for 30 days instead of 90, including content that is there "
        "already.\nS3 Object Lock of recorded content: none → compliance."
    }
