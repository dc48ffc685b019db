"""The process that runs the AWS CDK: reads jobs from standard input, writes their outcomes to standard output."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import lisa_compiler.plan
import lisa_compiler.plan.artifacts
import lisa_compiler.product.artifact  # noqa: F401  (what jobs contain, imported before the first one arrives)
from lisa_compiler.emit.cloudformation.protocol import TEMPORARY_PREFIX, Failed
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.emit.cloudformation.protocol import Job, Outcome


def serve(jobs: BinaryIO, outcomes: BinaryIO) -> None:
    """Answer jobs until nothing asks any longer; None loads the CDK. A defect ends the process with its traceback."""
    while True:
        try:
            job: Job | None = pickle.load(jobs)  # noqa: S301  (written by the process that has started this one)
        except EOFError:
            return
        from lisa_compiler.emit.cloudformation.app import synthesize  # noqa: PLC0415  # Node.js, for unknown stacks alone

        if job is None:
            continue
        outcome: Outcome
        try:
            outcome = synthesize(job)
        except LisaError as error:
            outcome = Failed(str(error))
        pickle.dump(outcome, outcomes, pickle.HIGHEST_PROTOCOL)
        outcomes.flush()


def main() -> None:
    """Keep standard output for outcomes: whatever else is printed goes to standard error."""
    # A broken pipe: the parent was killed while a job was synthesized.
    with suppress(BrokenPipeError), os.fdopen(os.dup(sys.stdout.fileno()), "wb") as outcomes:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        serve(sys.stdin.buffer, outcomes)
    # The parent removes this folder, unless it was killed.
    folder = tempfile.gettempdir()
    if Path(folder).name.startswith(TEMPORARY_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
