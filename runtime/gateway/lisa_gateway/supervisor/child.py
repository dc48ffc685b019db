"""A program that the supervisor runs, with its children, in a process group."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Child:
    """A running program. It gets SIGTERM when the supervisor is killed, which has no time to end it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a program.

        Raises:
            OSError: it is not installed.
        """
        supervisor = os.getpid()
        libc = ctypes.CDLL(None)

        def follow_the_supervisor() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != supervisor:
                os._exit(1)

        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=follow_the_supervisor,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id, which is its group's."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Wait until it ends; what it has started and left behind is killed. Returns its status."""
        status = await self._process.wait()
        self.kill()
        return status

    def terminate(self) -> None:
        """Ask it to end; it tells its children."""
        if not self.has_ended:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def kill(self) -> None:
        """Kill it and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self, seconds: float) -> bool:
        """Ask it to end, and kill it after so many seconds. Returns whether it ended by itself."""
        self.terminate()
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()
            return False
        return True
