"""Whether an environment needs a deployment: by what the ledger says is deployed, not by the last push.

So a run that was canceled, or that failed, loses nothing: the next one finds the same difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.ledger.records import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.ledger.records import Record

_SHORT = 12
_RESULTS = {
    Result.FAILED: "failed",
    Result.INTERRUPTED: "was interrupted",
    Result.UNFINISHED: "has not ended, or was killed",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an environment compares with the compiled output.

    Attributes:
        needs_deployment: whether it may differ.
        reason: why, or why not, as a sentence without its period.
    """

    needs_deployment: bool
    reason: str


def judge(records: Sequence[Record], digest: str) -> Standing:
    """Compare the newest record with the compiled output.

    Args:
        records: records of the ledger, the newest first.
        digest: SHA-256 of the output's manifest.
    """
    if not records:
        return Standing(needs_deployment=True, reason="the ledger has no deployment")
    last = records[0]
    what = f"commit {last.commit[:_SHORT]}" if last.commit else f"output {last.digest[:_SHORT]}"
    said = f"`lisa {last.command}` of {what}"
    if trouble := _trouble(last):
        return Standing(needs_deployment=True, reason=f"{said} {trouble}")
    same = last.digest == digest
    if last.command == "destroy":
        # What was destroyed on purpose is not brought back by the next push of something else.
        reason = f"{said} has removed it" + ("" if same else ", and the output has changed since")
        return Standing(needs_deployment=not same, reason=reason)
    if same:
        return Standing(needs_deployment=False, reason=f"{said} deployed this output")
    back = ", which a rollback went back to: this plan brings the later commits again" * (last.command == "rollback")
    return Standing(needs_deployment=True, reason=f"{what} is deployed{back}")


def _trouble(last: Record) -> str:
    """Why a record does not say what is deployed; empty when it does."""
    if last.result is not Result.SUCCEEDED:
        detail = f": {' '.join(last.detail.split())}" if last.detail else ""
        return _RESULTS[last.result] + detail
    if not last.whole:
        return "changed selected stacks alone"
    return "had uncommitted files" if last.uncommitted and last.command != "destroy" else ""
