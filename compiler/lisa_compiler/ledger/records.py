"""The ledger of a deployment: which command deployed which commit, when, by whom, and how it ended.

A record is two items of the table, for the begin and the end. Neither is ever overwritten; a record without an end is
of a command that runs, or that was killed.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ledger.table import KEY, SORT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lisa_compiler.aws.dynamodb import Table
    from lisa_compiler.ledger.source import Source

_RECORD = "record#"
_BEGIN, _END = "#0-begin", "#1-end"


class Result(StrEnum):
    """How a deployment ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNFINISHED = "unfinished"
    """It runs, or it was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A deployment.

    Attributes:
        identity: its time and a random part; sorts by time.
        command: deploy, destroy or rollback.
        environment: name of the environment.
        commit: digest of the commit; empty outside of a Git repository.
        uncommitted: whether files differed from the commit.
        digest: SHA-256 of the output's manifest.
        version: of LISA.
        owner: ARN of the caller.
        run: address of the pipeline's run; empty outside of pipelines.
        began: time in UTC (ISO 8601).
        stacks: names of the stacks that it changes.
        whole: whether it deploys every stack.
        ended: time in UTC; empty while it is unfinished.
        result: how it ended.
        detail: what went wrong.
    """

    identity: str
    command: str
    environment: str
    commit: str
    uncommitted: bool
    digest: str
    version: str
    owner: str
    run: str
    began: str
    stacks: tuple[str, ...]
    whole: bool
    ended: str = ""
    result: Result = Result.UNFINISHED
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The records of a deployment.

    Attributes:
        table: the table.
        deployment: key of the deployment.
    """

    table: Table
    deployment: str

    def records(self) -> list[Record]:
        """All records, the newest first.

        Raises:
            RequestError: AWS rejects the request.
            DeployError: an item is not a record.
        """
        ends: dict[str, Mapping[str, str]] = {}
        found = []
        for item in self.table.query(KEY, self.deployment):
            entry = item[SORT_KEY]
            if not entry.startswith(_RECORD):
                continue
            identity = entry.removeprefix(_RECORD)
            if identity.endswith(_END):
                ends[identity.removesuffix(_END)] = item
            elif identity.endswith(_BEGIN):
                found.append(_record(identity.removesuffix(_BEGIN), item, ends))
        return found

    def begin(self, record: Record) -> None:
        """Record that a deployment begins."""
        self._add(
            record,
            _BEGIN,
            {
                "command": record.command,
                "environment": record.environment,
                "commit": record.commit,
                "uncommitted": json.dumps(record.uncommitted),
                "digest": record.digest,
                "version": record.version,
                "owner": record.owner,
                "run": record.run,
                "began": record.began,
                "stacks": json.dumps(record.stacks),
                "whole": json.dumps(record.whole),
            },
        )

    def end(self, record: Record, result: Result, detail: str = "") -> None:
        """Record how a deployment ended."""
        self._add(record, _END, {"ended": _now(), "result": result.value, "detail": detail[:1000]})

    def _add(self, record: Record, part: str, attributes: Mapping[str, str]) -> None:
        entry = f"{_RECORD}{record.identity}{part}"
        self.table.add({KEY: self.deployment, SORT_KEY: entry, **attributes}, key=KEY)


def new_record(
    *,
    command: str,
    environment: str,
    source: Source,
    version: str,
    owner: str,
    run: str,
    stacks: Sequence[str],
    whole: bool,
) -> Record:
    """Describe a deployment that begins now."""
    began = _now()
    return Record(
        identity=f"{began}#{uuid.uuid4().hex[:8]}",
        command=command,
        environment=environment,
        commit=source.commit or "",
        uncommitted=bool(source.uncommitted),
        digest=source.digest,
        version=version,
        owner=owner,
        run=run,
        began=began,
        stacks=tuple(stacks),
        whole=whole,
    )


def last_commit(records: Sequence[Record]) -> str | None:
    """The commit that the last command that changed stacks was given, whether it succeeded or not."""
    return next((record.commit for record in records if record.commit and record.command != "destroy"), None)


def newest(records: Sequence[Record]) -> str:
    """Identity of the newest record; empty without one."""
    return records[0].identity if records else ""


def _record(identity: str, item: Mapping[str, str], ends: Mapping[str, Mapping[str, str]]) -> Record:
    end = ends.get(identity, {})
    try:
        return Record(
            identity=identity,
            command=item["command"],
            environment=item["environment"],
            commit=item["commit"],
            uncommitted=json.loads(item["uncommitted"]),
            digest=item["digest"],
            version=item["version"],
            owner=item["owner"],
            run=item["run"],
            began=item["began"],
            stacks=tuple(json.loads(item["stacks"])),
            whole=json.loads(item["whole"]),
            ended=end.get("ended", ""),
            result=Result(end.get("result", Result.UNFINISHED)),
            detail=end.get("detail", ""),
        )
    except (KeyError, ValueError) as error:
        raise DeployError(f"The record {identity} of the ledger cannot be read: {error!r}.") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
