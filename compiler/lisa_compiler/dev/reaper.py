"""Ends what a process has left behind that was killed: reads lines of JSON until its input ends.

A line names a process group with the signal that ends it, a folder, or `done`, after which there is nothing to do. It
is a program of its own, in a session of its own, and imports little, so that it is there at once.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

_SECONDS = 5.0


def main(lines: Iterable[str]) -> None:
    """Read to the end, then clean up unless told that it is done."""
    groups: list[tuple[int, int]] = []
    folders: list[str] = []
    for line in lines:
        said = json.loads(line)
        if "done" in said:
            return
        if "group" in said:
            groups.append((said["group"], said["signal"]))
        else:
            folders.append(said["folder"])
    for group, number in reversed(groups):
        _signal(group, number)
    deadline = time.monotonic() + _SECONDS
    while any(_signal(group, 0) for group, _ in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group, _ in groups:
        _signal(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _signal(group: int, number: int) -> bool:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    main(sys.stdin)
