"""One LiteLLM with one configuration file, started again whenever it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from lisa_gateway.configuration.document import ConfigurationFaultError, Fault
from lisa_gateway.supervisor.child import Child
from lisa_gateway.watchdog import PROBE, Watchdog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lisa_gateway.supervisor.settings import SupervisorSettings

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_STABLE_SECONDS = 60.0
"""A LiteLLM that has answered for so long is started again without a long pause."""

_ATTEMPTS = 3
"""Starts of a LiteLLM that has not answered yet; then its configuration is at fault."""

_PROBE_PAUSE_SECONDS = 0.1
_PROBE_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """How often LiteLLM was started, and how often it ended without being told to."""

    starts: int = 0
    exits: int = 0


class Litellm:
    """A LiteLLM proxy on a port of the loopback interface.

    Args:
        port: where it listens.
        config: its configuration file.
        environment: its variables, with the keys of `proxy_authorization`.
        settings: how long it may take.
        counts: what is counted.
        gives_up: whether it is not started again when it has ended several times before it first answered.
        on_outage: called when it has not answered for `hang_timeout` since it ended, however often it was started.
    """

    def __init__(
        self,
        *,
        port: int,
        config: Path,
        environment: Mapping[str, str],
        settings: SupervisorSettings,
        counts: Counts,
        on_outage: Callable[[], None],
        gives_up: bool,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.config = config
        self._environment = environment
        self._settings = settings
        self._counts = counts
        self._on_outage = on_outage
        self._gives_up = gives_up
        self._child: Child | None = None
        self._failures = 0
        self._ready = asyncio.Event()
        self._is_stopping = False
        self._has_been_ready = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and again whenever it ends."""
        self._task = asyncio.create_task(self._run())

    async def until_ready(self, seconds: float | None = None) -> None:
        """Wait until it answers, for so many seconds or without a limit.

        Raises:
            ConfigurationFaultError: it ended several times before it answered, or did not answer in time.
        """
        task = self._task
        if task is None:
            raise RuntimeError("start it first")
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({ready, task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self._ready.is_set():
                return
            if task.done():
                raise ConfigurationFaultError(
                    Fault.LITELLM, f"LiteLLM ended {self._failures} times before it answered; its output has the reason"
                )
            raise ConfigurationFaultError(Fault.LITELLM, f"LiteLLM did not answer within {seconds or 0:g} s")
        finally:
            ready.cancel()

    async def stop(self, seconds: float | None = None) -> None:
        """End it; it is killed when it takes longer than `litellm_stop_seconds`."""
        self._is_stopping = True
        limit = self._settings.litellm_stop_seconds if seconds is None else seconds
        child = self._child
        if child is not None and not child.has_ended and not await child.stop(limit):
            _log.error("LiteLLM, process %d, did not stop within %g s; killed", child.pid, limit)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        silent_since = time.monotonic()
        while not self._is_stopping:
            answered = await self._run_once()
            if self._is_stopping:
                return
            now = time.monotonic()
            self._counts.exits += 1
            if answered is not None:
                silent_since = now
                self._failures = 0
                if now - answered >= _STABLE_SECONDS:
                    pause = _FIRST_PAUSE_SECONDS
            elif self._gives_up and not self._has_been_ready and self._failures >= _ATTEMPTS:
                return
            elif self._settings.hang_timeout and now - silent_since >= self._settings.hang_timeout:
                self._on_outage()
            _log.error("LiteLLM on port %d is started again in %g s", self.port, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> float | None:
        """Run it until it ends; when it first answered (monotonic), None if it did not."""
        settings = self._settings
        self._counts.starts += 1
        # A worker is killed when it is silent for --timeout_worker_healthcheck, which includes its start: importing
        # LiteLLM takes longer than uvicorn's 5 seconds when several workers share a processor.
        command = [
            *("litellm", "--config", str(self.config), "--host", "127.0.0.1", "--port", str(self.port)),
            *("--num_workers", str(settings.threads), "--keepalive_timeout", str(settings.keep_alive_timeout)),
            *("--timeout_worker_healthcheck", "60"),
        ]
        try:
            child = self._child = await Child.start(command, self._environment)
        except OSError as error:
            self._failures += 1
            _log.error("LiteLLM cannot be started: %s", error)
            return None
        loop = asyncio.get_running_loop()

        def bark() -> None:
            loop.call_soon_threadsafe(child.kill)

        watchdog = Watchdog(self.url, settings.hang_timeout, bark=bark, consequence="it is started again")
        if settings.hang_timeout:
            watchdog.start()
        probe = asyncio.create_task(self._probe())
        try:
            status = await child.wait()
        finally:
            watchdog.stop()
            probe.cancel()
            self._ready.clear()
        answered = None
        with suppress(asyncio.CancelledError):
            answered = await probe
        if answered is None:
            self._failures += 1
        if not self._is_stopping:
            _log.error("LiteLLM, process %d, ended with status %d", child.pid, status)
        return answered

    async def _probe(self) -> float:
        """Ask until it answers as the gateway needs it to; returns when that was."""
        key = self._environment["LITELLM_KEY"]
        timeout = aiohttp.ClientTimeout(total=_PROBE_SECONDS)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as session:
            while True:
                with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
                    if await self._answers(session, key):
                        break
                await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        self._has_been_ready = True
        self._ready.set()
        return time.monotonic()

    @staticmethod
    async def _answers(session: aiohttp.ClientSession, key: str) -> bool:
        """Whether it lives, and lists its models: it has read its configuration, and authorizes the gateway."""
        async with session.get(PROBE) as answer:
            if answer.status != 200:
                return False
        async with session.get("/models", headers={"authorization": f"Bearer {key}"}) as answer:
            return answer.status == 200 and isinstance(json.loads(await answer.read()).get("data"), list)
