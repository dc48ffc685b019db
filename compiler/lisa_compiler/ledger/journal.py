"""A command that changes a deployment: it holds the deployment's lock, and its begin and end are in the ledger."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lisa_compiler.aws.errors import DeployError
from lisa_compiler.ledger.lock import Lock
from lisa_compiler.ledger.pipeline import pipeline_run
from lisa_compiler.ledger.records import Ledger, Record, Result, last_commit, new_record, newest
from lisa_compiler.ledger.source import require_successor
from lisa_compiler.ledger.table import explaining_a_missing_table, open_table, partition_key
from lisa_schema.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lisa_compiler.aws.account import Account
    from lisa_compiler.ledger.source import Source
    from lisa_compiler.plan.names import Names


@dataclass(slots=True)
class Journal:
    """The records of one command, which holds the lock.

    Attributes:
        account: the account.
        environment: name of the environment.
        command: deploy, destroy or rollback.
        ledger: the ledger of the deployment.
        earlier: the records of before, the newest first.
    """

    account: Account
    environment: str
    command: str
    ledger: Ledger
    earlier: Sequence[Record]
    _record: Record | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def base(self) -> str:
        """Identity of the newest record of before; empty without one."""
        return newest(self.earlier)

    def require_successor(self, project: Path, source: Source) -> None:
        """Refuse a commit that would undo what is deployed; see lisa_compiler.ledger.source."""
        if deployed := last_commit(self.earlier):
            require_successor(project, source, deployed, self.environment)

    def begin(self, source: Source, stacks: Sequence[str], *, whole: bool) -> None:
        """Record that stacks change from now on."""
        self._record = new_record(
            command=self.command,
            environment=self.environment,
            source=source,
            version=VERSION,
            owner=self.account.caller,
            run=pipeline_run(),
            stacks=stacks,
            whole=whole,
        )
        self.ledger.begin(self._record)

    def end(self, result: Result, detail: str = "") -> None:
        """Record how it ended, if it began; the first call counts."""
        if self._record is not None and not self._ended:
            self._ended = True
            self.ledger.end(self._record, result, detail)


@contextmanager
def open_journal(
    account: Account, names: Names, environment: str, command: str, tell: Callable[[str], None]
) -> Iterator[Journal]:
    """Hold the lock of a deployment while a command changes it; an exception in between is recorded.

    Args:
        account: the account.
        names: names of the deployment.
        environment: name of the environment.
        command: deploy, destroy or rollback.
        tell: receives what is waited for.

    Raises:
        LockedError: another command holds the lock.
        LostLockError: the lock was lost.
        DeployError: there is no table, or AWS rejects a request.
    """
    table, key = open_table(account), partition_key(names)
    ledger = Ledger(table, key)
    with ExitStack() as held:
        with explaining_a_missing_table(environment):
            held.enter_context(Lock(table, key, environment).hold(account.caller, f"lisa {command}", tell))
            journal = Journal(account, environment, command, ledger, ledger.records())
        try:
            yield journal
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            with _told(tell):
                journal.end(Result.INTERRUPTED if interrupted else Result.FAILED, str(error))
            raise
        journal.end(Result.SUCCEEDED)


@contextmanager
def _told(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell an error instead of raising it: another one is on its way."""
    try:
        yield
    except DeployError as error:
        tell(f"warning: the end is not in the ledger: {error}")
