"""Runs the child process that reads a document, and turns its end into chunks or a refusal.

A parser that a document keeps busy, or that exhausts memory, ends with its process; the function answers and takes the
next document. `multiprocessing` is no choice here: its queues and pools need /dev/shm, which Lambda does not have (AWS
Compute Blog, "Parallel Processing in Python with AWS Lambda"). Files carry the document and the chunks, so that nothing
blocks and the size of each is limited.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from lisa_lambdas.errors import ApiError, BadRequestError, TooLargeError, UnavailableError
from lisa_lambdas.repository.extraction.limits import ExtractionLimits
from lisa_lambdas.repository.extraction.request import EXIT_MEMORY, EXIT_OUTPUT, EXIT_REFUSED, ExtractionRequest

_ROOT = Path(__file__).parents[3]
_COMMAND = (sys.executable, "-S", "-m", "lisa_lambdas.repository.extraction")
# What the interpreter needs, and nothing else: the function's own variables have its credentials.
_KEPT = ("LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
_REPORT_BYTES = 4096
_REFUSALS = {kind.code: kind for kind in (BadRequestError, TooLargeError)}
OUT_OF_TIME = "Time ran out; documents before this one are ingested. Send the request again."
_SPLIT = "Split the document into smaller ones, or save its text as .txt."

Extracted = Iterator[Tuple[str, Optional[int]]]
_log = logging.getLogger(__name__)


@contextmanager
def extract_chunks(
    file: BinaryIO, request: ExtractionRequest, *, seconds: float, command: Sequence[str] = _COMMAND
) -> Iterator[Extracted]:
    """Read a document in a child process; within the context, its chunks with the number of their page.

    Args:
        file: the document: a file of the operating system.
        request: how to read it.
        seconds: elapsed time that the function has left for it.
        command: the child process, without its argument.

    Raises:
        BadRequestError: the document is not what its name says, is damaged or encrypted.
        TooLargeError: reading it takes more than its limits; the message names the limit.
        UnavailableError: the function's time ran out first.
    """
    file.seek(0)
    with tempfile.TemporaryFile() as chunks, tempfile.TemporaryFile() as report:
        process = subprocess.Popen(
            [*command, request.to_json()],
            stdin=file,
            stdout=chunks,
            stderr=report,
            cwd=_ROOT,
            env=_environment(os.environ),
            # Its own process group, so that ending it ends whatever it started.
            start_new_session=True,
        )
        code = _wait(process, min(seconds, request.limits.elapsed_seconds))
        if code != 0:
            own_limit = request.limits.elapsed_seconds <= seconds
            raise _refusal(code, request, _tail(report), own_limit=own_limit)
        chunks.seek(0)
        yield _parsed(chunks)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> Optional[int]:
    """The exit code, negative for a signal; None when the process was ended because its time was over."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _refusal(code: Optional[int], request: ExtractionRequest, report: str, *, own_limit: bool) -> ApiError:
    if code == EXIT_REFUSED:
        found = json.loads(report.rpartition("\n")[2])
        return _REFUSALS[found["code"]](found["message"])
    if code is None and not own_limit:
        return UnavailableError(OUT_OF_TIME)
    message = _limit_messages(request.limits).get(code)
    if message is None:
        _log.error("reading a document ended with %s: %s", code, report)
        return BadRequestError("The document cannot be read; it may be damaged. Save it again with another program.")
    return TooLargeError(message)


def _limit_messages(limits: ExtractionLimits) -> Dict[Optional[int], str]:
    """What the ends of a process say that reached a limit."""
    start = "Reading the document takes more than"
    memory = f"{start} {limits.memory_bytes // 2**20} MiB of memory. {_SPLIT}"
    return {
        None: f"{start} {_seconds(limits.elapsed_seconds)} of elapsed time. {_SPLIT}",
        -signal.SIGXCPU: f"{start} {_seconds(limits.processor_seconds)} of processor time. {_SPLIT}",
        EXIT_OUTPUT: f"The document has more than {limits.output_bytes // 2**20} MiB of text, counting the overlap of "
        "its chunks. Use a smaller chunkOverlap, or split the document.",
        EXIT_MEMORY: memory,
        -signal.SIGKILL: memory,  # Linux ends a process that way when the function has no memory left
    }


def _seconds(count: int) -> str:
    return f"{count} second{'s' if count != 1 else ''}"


def _tail(report: BinaryIO) -> str:
    end = report.seek(0, os.SEEK_END)
    report.seek(max(0, end - _REPORT_BYTES))
    return report.read().decode("utf-8", "replace")


def _parsed(chunks: BinaryIO) -> Extracted:
    for line in chunks:
        page, text = json.loads(line)
        yield text, page


def _environment(variables: Mapping[str, str]) -> Dict[str, str]:
    """Variables of the child: the packages of this process, UTF-8, and no credentials."""
    kept = {name: variables[name] for name in _KEPT if name in variables}
    path = os.pathsep.join(dict.fromkeys([str(_ROOT), *(entry for entry in sys.path if entry)]))
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
