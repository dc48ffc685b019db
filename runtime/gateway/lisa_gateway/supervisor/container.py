"""The life of a container: start, polls for another configuration, and the stop."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
from typing import TYPE_CHECKING

from lisa_gateway.configuration.document import ConfigurationFaultError
from lisa_gateway.supervisor.child import Child
from lisa_gateway.supervisor.replacement import Replacement
from lisa_gateway.supervisor.settings import GATEWAY_STOP_MARGIN_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from lisa_gateway.configuration.document import Configuration
    from lisa_gateway.configuration.source import Source
    from lisa_gateway.configuration.state import State
    from lisa_gateway.supervisor.keys import Environments
    from lisa_gateway.supervisor.settings import SupervisorSettings

_FIRST_READ_ATTEMPTS = 6
_FIRST_READ_PAUSE_SECONDS = 2.0
_JITTER = 0.2
_RETRY_SECONDS = 60.0
_LONGEST_RETRY_SECONDS = 900.0
"""A configuration with which LiteLLM did not answer is tried again, less and less often: a start costs a processor."""

_log = logging.getLogger(__name__)


class Container:
    """Runs the gateway and LiteLLM.

    Args:
        settings: the container's.
        source: where configurations are read.
        state: what the workers read.
        folder: directory of `state`.
        environments: variables of both programs.
    """

    def __init__(
        self,
        settings: SupervisorSettings,
        source: Source,
        state: State,
        folder: Path,
        environments: Environments,
    ) -> None:
        self._settings = settings
        self._source = source
        self._stop = asyncio.Event()
        self._failure = asyncio.Event()
        self._replacement = Replacement(settings, state, environments.litellm, self._fail)
        self._gateway_environment = {
            **environments.gateway,
            "CONFIGURATION_STATE": str(folder),
            # The supervisor watches LiteLLM.
            "HANG_TIMEOUT": "0",
        }

    async def run(self) -> int:
        """Run until a signal comes, the gateway ends, or nothing can be served; returns the container's status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        stop = asyncio.create_task(self._stop.wait())
        first = asyncio.create_task(self._first_configuration())
        await asyncio.wait({stop, first}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            first.cancel()
            return 0
        try:
            self._replacement.begin(first.result())
        except ConfigurationFaultError as error:
            _log.error("%s: %s; without a configuration the gateway does not start", self._source.name, error)
            return 1
        gateway = await Child.start(["python3", "-m", "lisa_gateway"], self._gateway_environment)
        ended = asyncio.create_task(gateway.wait())
        follow = asyncio.create_task(self._follow())
        failure = asyncio.create_task(self._failure.wait())
        done, _ = await asyncio.wait({stop, ended, follow, failure}, return_when=asyncio.FIRST_COMPLETED)
        failed = done - {stop}
        if ended in failed:
            _log.error("the gateway ended with status %d", ended.result())
        follow.cancel()
        # The gateway lets its requests end, for which it needs LiteLLM, so that LiteLLM stops after it.
        limit = self._settings.drain_timeout + GATEWAY_STOP_MARGIN_SECONDS
        _, stopped = await asyncio.gather(follow, gateway.stop(limit), return_exceptions=True)
        if stopped is not True:
            _log.error("the gateway, process %d, did not stop within %g s; killed", gateway.pid, limit)
        await self._replacement.stop()
        _log.info("stopped")
        if not failed or self._stop.is_set():
            return 0
        status = ended.result() if ended in failed else 1
        return status if 0 < status < 126 else 1

    def _fail(self) -> None:
        _log.error("LiteLLM has not answered for %g s; the container stops", self._settings.hang_timeout)
        self._failure.set()

    async def _first_configuration(self) -> Configuration:
        """Read the configuration; AWS may not answer at once when an instance has just started.

        Raises:
            ConfigurationFaultError: it cannot be read.
        """
        for _ in range(_FIRST_READ_ATTEMPTS - 1):
            try:
                return await self._source.read()
            except ConfigurationFaultError as error:
                _log.warning("%s: %s; trying again", self._source.name, error)
                await asyncio.sleep(_FIRST_READ_PAUSE_SECONDS)
        return await self._source.read()

    async def _follow(self) -> None:
        """Wait until LiteLLM answers; then look for other configurations for ever.

        Raises:
            ConfigurationFaultError: LiteLLM does not answer with the first one.
        """
        try:
            await self._replacement.until_ready()
        except ConfigurationFaultError as error:
            _log.error("%s; the container stops", error)
            raise
        retry, pause, rejected = 0.0, _RETRY_SECONDS, ""
        while True:
            await asyncio.sleep(self._settings.gateway_configuration_poll * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311
            try:
                found = await self._source.read()
                self._replacement.note_read(found)
                if found.identity == self._replacement.identity:
                    continue
                if found.identity != rejected:
                    pause = _RETRY_SECONDS
                elif time.monotonic() < retry:
                    continue
                rejected, retry = found.identity, time.monotonic() + pause
                pause = min(2 * pause, _LONGEST_RETRY_SECONDS)
                await self._replacement.adopt(found)
                rejected = ""
            except ConfigurationFaultError as error:
                _log.error(
                    "%s: %s; the gateway serves with configuration %s",
                    self._source.name,
                    error,
                    self._replacement.digest[:12],
                )
                self._replacement.note_fault(error)
            except OSError:
                # Such as a full disk: the next poll tries again.
                _log.exception("the configuration cannot be adopted")
