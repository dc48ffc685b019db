"""The processes that run the AWS CDK, so that the compiler's own process never does.

aws-cdk-lib runs on Node.js, which comes as a Python package. Each worker is a Python process with its Node.js. It runs
under `python -OO`: jsii checks arguments only where assertions are on, and the CDK's docstrings, which `-OO` leaves
out, take a fifth of its memory.
"""

from __future__ import annotations

import atexit
import functools
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.environment import worker_environment
from lisa_compiler.emit.cloudformation.protocol import (
    TEMPORARY_PREFIX,
    Failed,
    PolicyError,
    Rejected,
    SynthesisError,
    Synthesized,
)

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.protocol import Job, Outcome

_MODULE = "lisa_compiler.emit.cloudformation.worker"
_STDERR_LINES = 12
_EXIT_SECONDS = 5
# jsii keeps every object that it has made, so a worker's memory grows with its stacks.
_STACKS_PER_WORKER = 150
_FIX = "Run the command again; if it fails again, report these lines as a defect of LISA."


class Worker:
    """A process that synthesizes jobs, one after the other.

    Attributes:
        stacks: number of stacks that it has synthesized.
    """

    def __init__(self) -> None:
        self.stacks = 0
        # Its temporary files, which it does not remove when it is killed.
        self._folder = tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True)
        self._stderr = Path(self._folder.name, "stderr")
        try:
            with self._stderr.open("wb") as stderr:
                self._process = subprocess.Popen(
                    [sys.executable, "-OO", "-P", "-m", _MODULE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env={**worker_environment(), "TMPDIR": self._folder.name},
                    # A group of its own: Ctrl-C reaches only the parent, which ends the worker with its Node.js.
                    process_group=0,
                )
        except OSError as error:
            self._folder.cleanup()
            raise SynthesisError(f"The process that synthesizes stacks cannot be started: {error}.") from error

    def synthesize(self, job: Job) -> Outcome:
        """Synthesize a job.

        Raises:
            SynthesisError: the process has ended, or has sent what is not an outcome.
        """
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise TypeError
        self.stacks += len(job.stacks)
        try:
            pickle.dump(job, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            outcome: Outcome = pickle.load(process.stdout)  # noqa: S301  (written by the process started above)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise SynthesisError(self._failure()) from error
        return outcome

    def load(self) -> None:
        """Let the process load the CDK before its job is known; whatever fails is an error of the job."""
        if self._process.stdin is not None:
            with suppress(OSError):
                pickle.dump(None, self._process.stdin)
                self._process.stdin.flush()

    def end(self) -> None:
        """End the process and its Node.js at once; it keeps nothing that is worth waiting for."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._folder.cleanup()

    def _failure(self) -> str:
        try:
            status = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            ended = "The process that synthesizes stacks sent an invalid answer"
        else:
            cause = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            ended = f"The process that synthesizes stacks ended early ({cause})"
        lines: list[str] = []
        with suppress(OSError):  # another thread has ended the worker, and its files are removed
            lines = self._stderr.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_STDERR_LINES:]
        return "\n".join([f"{ended}. {_FIX}", *(f"  {line}" for line in lines)])


class Workers:
    """Workers that are started when they are needed and kept for further jobs. Threads may share it.

    Args:
        limit: how many run at the same time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = threading.Semaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._closed = False

    def prepare(self) -> None:
        """Start a worker where there is none, and let it load the CDK and Node.js before its job is known."""
        with self._lock:
            if not self._all and not self._closed:
                worker = self._start()
                worker.load()
                self._idle.append(worker)

    def synthesize(self, jobs: Sequence[Job]) -> list[Synthesized]:
        """Synthesize jobs side by side, and return their outputs in the order of the jobs.

        Raises:
            PolicyError: a job is checked, and cdk-nag has findings.
            SynthesisError: a job cannot be synthesized, or a worker failed.
        """
        if len(jobs) == 1 or self.limit == 1:
            return [self._run(job) for job in jobs]
        with ThreadPoolExecutor(min(self.limit, len(jobs) or 1)) as threads:
            try:
                return list(threads.map(self._run, jobs))
            except BaseException:
                # What waits is not begun, and what runs ends with its process.
                threads.shutdown(wait=False, cancel_futures=True)
                self._end_all()
                raise

    def close(self) -> None:
        """End all workers, those that work too; no other is started."""
        self._closed = True
        self._end_all()

    def _run(self, job: Job) -> Synthesized:
        with self._free:
            worker = self._take()
            try:
                outcome = worker.synthesize(job)
            except BaseException:
                # Ctrl-C included: the next job would get the answer to this one.
                self._discard(worker)
                raise
            if worker.stacks >= _STACKS_PER_WORKER:
                self._discard(worker)
            else:
                with self._lock:
                    self._idle.append(worker)
        return completed(outcome)

    def _start(self) -> Worker:
        worker = Worker()
        self._all.add(worker)
        return worker

    def _take(self) -> Worker:
        with self._lock:
            if self._closed:
                raise SynthesisError("The stacks are not synthesized: the command is being ended.")
            return self._idle.pop() if self._idle else self._start()

    def _discard(self, worker: Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.end()

    def _end_all(self) -> None:
        with self._lock:
            running, self._all, self._idle = self._all, set(), []
        for worker in running:
            worker.end()


def completed(outcome: Outcome) -> Synthesized:
    """The outputs of a job.

    Raises:
        PolicyError: cdk-nag has findings.
        SynthesisError: the job cannot be synthesized.
    """
    match outcome:
        case Synthesized():
            return outcome
        case Rejected(violations):
            raise PolicyError(violations)
        case Failed(message):
            raise SynthesisError(message)


@functools.cache
def workers() -> Workers:
    """The workers of this process, ended with it: one for each processor that it may use, and at most two."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = Workers(min(2, processors))
    atexit.register(found.close)
    return found


def interrupt() -> None:
    """End the workers of this process, whatever they do; threads that wait for them fail. Later jobs start others."""
    found = workers()
    workers.cache_clear()
    atexit.unregister(found.close)
    found.close()
