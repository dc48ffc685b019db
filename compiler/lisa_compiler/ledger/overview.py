"""The lock and the ledger of a deployment as they are now, for commands that change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lisa_compiler.ledger.lock import Lock
from lisa_compiler.ledger.records import Ledger
from lisa_compiler.ledger.table import explaining_a_missing_table, open_table, partition_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lisa_compiler.aws.account import Account
    from lisa_compiler.ledger.lock import Holder
    from lisa_compiler.ledger.records import Record
    from lisa_compiler.plan.names import Names


@dataclass(frozen=True, slots=True)
class Overview:
    """What is known of a deployment.

    Attributes:
        holder: who holds its lock; None when it is free.
        records: its records, the newest first.
    """

    holder: Holder | None
    records: Sequence[Record]


def open_lock(account: Account, names: Names, environment: str) -> Lock:
    """The lock of a deployment."""
    return Lock(open_table(account), partition_key(names), environment)


def read_overview(account: Account, names: Names, environment: str) -> Overview:
    """Read the lock and the ledger of a deployment.

    Raises:
        DeployError: there is no table, or AWS rejects a request.
    """
    lock = open_lock(account, names, environment)
    with explaining_a_missing_table(environment):
        return Overview(lock.holder(), Ledger(lock.table, lock.deployment).records())
