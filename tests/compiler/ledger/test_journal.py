"""Records of deployments: begun, ended, killed in between, and never overwritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lisa_compiler.aws.account import Account
from lisa_compiler.aws.dynamodb import CONDITION_FAILED
from lisa_compiler.aws.errors import DeployError, RequestError
from lisa_compiler.ledger.journal import Journal, open_journal
from lisa_compiler.ledger.lock import LockedError
from lisa_compiler.ledger.overview import read_overview
from lisa_compiler.ledger.records import Ledger, Record, Result, last_commit
from lisa_compiler.ledger.source import Source
from lisa_compiler.ledger.table import open_table, partition_key
from lisa_compiler.plan.names import Names
from lisa_schema.version import VERSION

pytestmark = pytest.mark.xdist_group("ledger")

FIRST, SECOND = (Source(digest=letter * 64, commit=letter * 40) for letter in "ab")


@pytest.fixture
def names(name: str) -> Names:
    """Names of a deployment that no other test has."""
    return Names(
        deployment=name,
        app="lisa",
        stage="dev",
        account="123456789012",
        region="us-east-1",
        role_prefix="",
        policy_prefix="",
        instance_profile_prefix="",
        prefix="/dev",
    )


def deploy(account: Account, names: Names, source: Source, *stacks: str) -> None:
    with open_journal(account, names, "dev", "deploy", print) as journal:
        journal.begin(source, stacks, whole=True)


def records(account: Account, names: Names) -> list[Record]:
    return list(read_overview(account, names, "dev").records)


def test_a_deployment_is_recorded_with_its_begin_and_end(account: Account, names: Names) -> None:
    deploy(account, names, FIRST, "iam", "serve")
    (record,) = records(account, names)
    assert record.result is Result.SUCCEEDED
    assert record.began < record.ended
    assert (record.commit, record.digest, record.stacks) == (FIRST.commit, FIRST.digest, ("iam", "serve"))
    assert (record.command, record.version, record.owner, record.whole) == ("deploy", VERSION, account.caller, True)


def test_the_newest_is_first(account: Account, names: Names) -> None:
    deploy(account, names, FIRST)
    deploy(account, names, SECOND)
    assert [record.commit for record in records(account, names)] == [SECOND.commit, FIRST.commit]
    assert last_commit(records(account, names)) == SECOND.commit


def test_a_command_that_changes_nothing_leaves_no_record(account: Account, names: Names) -> None:
    with open_journal(account, names, "dev", "deploy", print):
        pass
    assert records(account, names) == []


@pytest.mark.parametrize(
    ("error", "result"), [(DeployError("no room"), Result.FAILED), (KeyboardInterrupt(), Result.INTERRUPTED)]
)
def test_an_exception_is_recorded(account: Account, names: Names, error: BaseException, result: Result) -> None:
    def fail(journal: Journal) -> None:
        journal.begin(FIRST, ["iam"], whole=True)
        raise error

    with pytest.raises(type(error)), open_journal(account, names, "dev", "deploy", print) as journal:
        fail(journal)
    (record,) = records(account, names)
    assert (record.result, record.detail) == (result, str(error))


def test_a_failure_that_is_recorded_stays_one(account: Account, names: Names) -> None:
    with open_journal(account, names, "dev", "deploy", print) as journal:
        journal.begin(FIRST, ["iam"], whole=True)
        journal.end(Result.FAILED, "verification failed")
    (record,) = records(account, names)
    assert (record.result, record.detail) == (Result.FAILED, "verification failed")


def test_a_command_that_was_killed_is_unfinished(account: Account, names: Names) -> None:
    ledger = Ledger(open_table(account), partition_key(names))
    Journal(account, "dev", "deploy", ledger, ()).begin(FIRST, ["iam"], whole=True)
    (record,) = records(account, names)
    assert (record.result, record.ended) == (Result.UNFINISHED, "")
    assert last_commit([record]) == FIRST.commit, "some of its stacks may have been deployed"


def test_records_are_never_overwritten(account: Account, names: Names) -> None:
    deploy(account, names, FIRST)
    (record,) = records(account, names)
    ledger = Ledger(open_table(account), partition_key(names))
    for write in (lambda: ledger.begin(replace(record, commit="f" * 40)), lambda: ledger.end(record, Result.FAILED)):
        with pytest.raises(RequestError) as caught:
            write()
        assert caught.value.code == CONDITION_FAILED
    assert records(account, names) == [record]


def test_the_commit_of_a_destruction_is_not_deployed(account: Account, names: Names) -> None:
    deploy(account, names, FIRST)
    with open_journal(account, names, "dev", "destroy", print) as journal:
        journal.begin(SECOND, ["iam"], whole=True)
    assert last_commit(records(account, names)) == FIRST.commit


def test_two_deployments_in_one_account_have_ledgers_of_their_own(account: Account, names: Names) -> None:
    other = replace(names, stage="prod")
    deploy(account, names, FIRST)
    assert records(account, other) == []


def test_the_lock_is_held_meanwhile(account: Account, names: Names) -> None:
    again = open_journal(account, names, "dev", "deploy", print)
    with open_journal(account, names, "dev", "deploy", print), pytest.raises(LockedError), again:
        raise AssertionError("held twice")


def test_an_older_commit_is_compared_with_the_last_one(account: Account, names: Names, tmp_path: Path) -> None:
    deploy(account, names, Source(digest="a" * 64, commit=None))
    with open_journal(account, names, "dev", "deploy", print) as journal:
        journal.require_successor(tmp_path, FIRST)


def test_a_table_that_is_missing_names_the_command(account: Account, names: Names) -> None:
    elsewhere = Account(account.number, "eu-west-1", account.session, account.caller)
    with (
        pytest.raises(DeployError, match="run `lisa bootstrap --env dev`"),
        open_journal(elsewhere, names, "dev", "deploy", print),
    ):
        raise AssertionError("held")
    with pytest.raises(DeployError, match="run `lisa bootstrap --env dev`"):
        read_overview(elsewhere, names, "dev")
