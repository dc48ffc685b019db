"""The lock of a deployment, held by real processes that end, are killed, stand still, or lose it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lisa_compiler.aws.account import Account
from lisa_compiler.aws.errors import RequestError
from lisa_compiler.dev.local_aws import LocalAws
from lisa_compiler.ledger.lock import Lock, LockedError, LostLockError
from lisa_compiler.ledger.pipeline import pipeline_run
from lisa_compiler.ledger.table import make_table, open_table

pytestmark = pytest.mark.xdist_group("ledger")

LEASE = 2.0
HOLDS = """
import sys, time
from lisa_compiler.aws.account import Account
from lisa_compiler.aws.session import session_with_keys
from lisa_compiler.ledger.lock import Lock
from lisa_compiler.ledger.table import open_table
account = Account("123456789012", "us-east-1", session_with_keys("123456789012", "local", None, "us-east-1"))
with Lock(open_table(account), sys.argv[1], "dev", float(sys.argv[2])).hold("someone", "lisa deploy", print):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
print("released", flush=True)
"""


def lock(account: Account, name: str, lease: float = LEASE) -> Lock:
    return Lock(open_table(account), name, "dev", lease)


@contextmanager
def other_process(aws: LocalAws, name: str, seconds: float = 60) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLDS, name, str(LEASE), str(seconds)],
        env={**os.environ, **aws.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_it_is_free_before_and_after(account: Account, name: str) -> None:
    own = lock(account, name)
    assert own.holder() is None
    with own.hold("me", "lisa deploy", print):
        holder = own.holder()
        assert holder is not None
        assert (holder.owner, holder.command, holder.process) == ("me", "lisa deploy", str(os.getpid()))
    assert own.holder() is None


def test_another_process_is_refused_with_who_holds_it(account: Account, aws: LocalAws, name: str) -> None:
    again = lock(account, name).hold("me", "lisa destroy", print)
    with other_process(aws, name) as process, pytest.raises(LockedError) as caught, again:
        raise AssertionError("held twice")
    assert f"dev is locked by `lisa deploy` of someone (process {process.pid} on " in str(caught.value)
    assert "`lisa unlock --env dev`" in str(caught.value)


def test_it_is_renewed_for_as_long_as_it_is_held(account: Account, name: str) -> None:
    own = lock(account, name)
    with own.hold("me", "lisa deploy", print):
        first = own.holder()
        time.sleep(LEASE * 1.5)
        second = own.holder()
        assert first is not None
        assert second is not None
        assert first.token == second.token
        assert first.beat != second.beat
        assert second.renewed > first.renewed
    assert own.holder() is None


def test_the_lock_of_a_killed_process_is_taken_after_its_lease(account: Account, aws: LocalAws, name: str) -> None:
    told: list[str] = []
    with other_process(aws, name) as process:
        process.kill()
        process.wait()
        with lock(account, name).hold("me", "lisa deploy", told.append):
            holder = lock(account, name).holder()
            assert holder is not None
            assert holder.owner == "me"
    assert told[1] == "waiting up to 2 s to see whether it still runs"
    assert told[2] == "the lock was not renewed, and was taken"


def test_a_process_that_stood_still_stops_when_it_has_lost_the_lock(account: Account, aws: LocalAws, name: str) -> None:
    with other_process(aws, name) as process:
        process.send_signal(signal.SIGSTOP)
        with lock(account, name).hold("me", "lisa deploy", print):
            process.send_signal(signal.SIGCONT)
            _, err = process.communicate(timeout=30)
            holder = lock(account, name).holder()
            assert holder is not None
            assert holder.owner == "me"
    assert process.returncode == 1
    assert "LostLockError: The lock of dev was lost" in err


def test_unlocking_interrupts_what_still_runs(account: Account, name: str) -> None:
    own = lock(account, name)
    steps = []

    def work() -> None:
        with own.hold("me", "lisa deploy", print):
            holder = own.holder()
            assert holder is not None
            steps.append(own.release(holder))
            time.sleep(LEASE * 2)
            steps.append(False)

    with pytest.raises(LostLockError):
        work()
    assert steps == [True]
    assert own.holder() is None


def test_releasing_leaves_the_lock_of_another_holder(account: Account, name: str) -> None:
    own = lock(account, name)
    with own.hold("me", "lisa deploy", print):
        first = own.holder()
    assert first is not None
    with own.hold("me", "lisa deploy", print):
        assert not own.release(first)
        assert own.holder() is not None


def test_it_is_released_when_the_work_fails(account: Account, name: str) -> None:
    with pytest.raises(ValueError, match="work"), lock(account, name).hold("me", "lisa deploy", print):
        raise ValueError("work")
    assert lock(account, name).holder() is None


def test_of_many_processes_that_begin_at_once_one_holds_it(aws: LocalAws, account: Account, name: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", HOLDS, name, "30", "3"],
            env={**os.environ, **aws.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    ends = [process.communicate(timeout=120) for process in processes]
    held = [out for out, _ in ends if "held" in out]
    refused = [err for _, err in ends if "LockedError" in err]
    assert len(held) + len(refused) == 5
    assert held
    # Those that begin after another has released it may hold it in turn.
    assert lock(account, name).holder() is None


def test_making_the_table_again_leaves_it(account: Account) -> None:
    assert not make_table(account)


def test_a_rejected_request_is_told(account: Account) -> None:
    missing = Lock(open_table(account), "x" * 3000, "dev")
    with pytest.raises(RequestError), missing.hold("me", "lisa deploy", print):
        raise AssertionError("held")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ""),
        ({"CI_JOB_URL": "https://git.example.com/jobs/1"}, "https://git.example.com/jobs/1"),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://github.com/a/b/actions/runs/7",
        ),
        ({"GITHUB_SERVER_URL": "https://github.com"}, ""),
    ],
)
def test_the_run_of_a_pipeline(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in ("GITHUB_SERVER_URL", "GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL", "CODEBUILD_BUILD_URL"):
        monkeypatch.delenv(known, raising=False)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    assert pipeline_run() == expected
