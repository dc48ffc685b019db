"""The lock of a deployment: one command changes it at a time.

The lock is an item of the table. Its holder renews it, which changes its attribute `beat`; a lock that is not renewed
for the whole of its lease may be taken. Whether that is so is observed, not computed: clocks of two machines differ. A
holder that cannot renew its lock in time stops, because another command may hold it by then.

Source: the conditional writes of DynamoDB; the holder is fenced by the item's `token`.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lisa_compiler.aws.dynamodb import CONDITION_FAILED
from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.ledger.pipeline import pipeline_run
from lisa_compiler.ledger.table import KEY, SORT_KEY

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from lisa_compiler.aws.dynamodb import Table

LEASE = 30.0
"""Seconds without a renewal after which a lock may be taken."""

_RENEWALS = 4
"""How many times a lock is renewed during a lease."""

_ENTRY = "lock"


class LockedError(DeployError):
    """Another command holds the lock; the text says which."""


class LostLockError(DeployError):
    """The lock could not be renewed in time, or `lisa unlock` released it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock of a deployment.

    Attributes:
        token: identifies this hold.
        beat: another one with each renewal.
        owner: ARN of the caller.
        command: such as `lisa deploy`.
        host: name of the machine.
        process: process id there.
        run: address of the pipeline's run; empty outside of pipelines.
        since: when it was acquired, in UTC (ISO 8601).
        renewed: when it was last renewed, likewise, by the clock of the holder.
    """

    token: str
    beat: str
    owner: str
    command: str
    host: str
    process: str
    run: str
    since: str
    renewed: str

    def describe(self) -> str:
        """Who, where and since when."""
        place = self.run or f"process {self.process} on {self.host}"
        return f"`{self.command}` of {self.owner} ({place}), since {self.since}, last renewed {self.renewed}"


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of a deployment.

    Attributes:
        table: the table.
        deployment: key of the deployment.
        environment: name of its environment, for what is said.
        lease: seconds without a renewal after which it may be taken.
    """

    table: Table
    deployment: str
    environment: str
    lease: float = LEASE

    def holder(self) -> Holder | None:
        """Who holds it; None when it is free.

        Raises:
            RequestError: AWS rejects the request.
        """
        item = self.table.find(self._key)
        return None if item is None else Holder(**{each.name: item.get(each.name, "") for each in fields(Holder)})

    def release(self, holder: Holder) -> bool:
        """Release it if this hold still has it; whether it had."""
        try:
            self.table.remove(self._key, "token", before=holder.token)
        except RequestError as error:
            if error.code == CONDITION_FAILED:
                return False
            raise
        return True

    @contextmanager
    def hold(self, owner: str, command: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock, renewing it by a thread, and release it in the end. Only in the main thread.

        Args:
            owner: ARN of the caller.
            command: such as `lisa deploy`.
            tell: receives a line when a lock is observed or taken, or cannot be released.

        Raises:
            LockedError: another command holds it.
            LostLockError: in the middle of the work, when the lock is lost.
            RequestError: AWS rejects a request.
        """
        holder = self._acquire(new_holder(owner, command), tell)
        stop = threading.Event()
        try:
            with _interrupted_by(signal.SIGUSR1, self.environment):
                renewal = threading.Thread(target=self._renew, args=(holder, stop, threading.get_ident()), daemon=True)
                renewal.start()
                try:
                    yield
                finally:
                    stop.set()
                    renewal.join()
        finally:
            try:
                self.release(holder)
            except RequestError as error:
                tell(f"warning: the lock could not be released; it expires in {self.lease:g} s: {error}")

    def _acquire(self, claim: Holder, tell: Callable[[str], None]) -> Holder:
        item = {**self._key, **asdict(claim)}
        found = self.holder()
        if found is None:
            return self._write(claim, lambda: self.table.add(item, key=KEY))
        tell(f"{self.environment} is locked by {found.describe()}")
        tell(f"waiting up to {self.lease:g} s to see whether it still runs")
        until = time.monotonic() + self.lease
        while time.monotonic() < until:
            time.sleep(self.lease / _RENEWALS / 4)
            now = self.holder()
            if now is None:
                return self._write(claim, lambda: self.table.add(item, key=KEY))
            if now.beat != found.beat:
                raise self._locked(now)
        taken = self._write(claim, lambda: self.table.replace(item, "beat", before=found.beat))
        tell("the lock was not renewed, and was taken")
        return taken

    def _write(self, claim: Holder, write: Callable[[], None]) -> Holder:
        try:
            write()
        except RequestError as error:
            if error.code != CONDITION_FAILED:
                raise
            found = self.holder()
            if found is None:
                raise
            # A request that was repeated after its answer was lost has succeeded the first time.
            if found.token != claim.token:
                raise self._locked(found) from error
        return claim

    def _renew(self, holder: Holder, stop: threading.Event, thread: int) -> None:
        """Renew the lock until stopped; interrupt the work when it is lost, or cannot be renewed in time."""
        renewed = time.monotonic()
        while not stop.wait(self.lease / _RENEWALS):
            item = {**self._key, **asdict(replace(holder, beat=_token(), renewed=_now()))}
            try:
                self.table.replace(item, "token", before=holder.token)
            except DeployError as error:
                if isinstance(error, RequestError) and error.code == CONDITION_FAILED:
                    break
                if time.monotonic() - renewed > self.lease * (_RENEWALS - 1) / _RENEWALS:
                    break
            else:
                renewed = time.monotonic()
        else:
            return
        signal.pthread_kill(thread, signal.SIGUSR1)

    def _locked(self, holder: Holder) -> LockedError:
        return LockedError(
            f"{self.environment} is locked by {holder.describe()}. Wait until it ends. If it no longer runs, "
            f"run `lisa unlock --env {self.environment}`."
        )

    @property
    def _key(self) -> dict[str, str]:
        return {KEY: self.deployment, SORT_KEY: _ENTRY}


def new_holder(owner: str, command: str) -> Holder:
    """Describe this process as the holder of a lock."""
    now = _now()
    return Holder(
        token=_token(),
        beat=_token(),
        owner=owner,
        command=command,
        host=socket.gethostname(),
        process=str(os.getpid()),
        run=pipeline_run(),
        since=now,
        renewed=now,
    )


@contextmanager
def _interrupted_by(number: signal.Signals, environment: str) -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise LostLockError(
            f"The lock of {environment} was lost: it could not be renewed in time, or `lisa unlock` released it. "
            "CloudFormation finishes the operations that are running. Rerun the command to resume."
        )

    before = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, before)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _token() -> str:
    return uuid.uuid4().hex
