"""Adopts configurations: LiteLLM is started beside the one that runs, and the workers switch when it answers."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lisa_gateway.configuration.document import Configuration, ConfigurationFaultError, Fault
from lisa_gateway.configuration.state import Current, State, Status
from lisa_gateway.supervisor.litellm import Counts, Litellm

if TYPE_CHECKING:
    from lisa_gateway.supervisor.settings import SupervisorSettings

_PORTS = 16
_PAUSE_SECONDS = 0.1
_FOLLOW_SECONDS = 30.0
"""Within which the workers switch; one that takes longer is noted, and waited for like requests in flight."""

_log = logging.getLogger(__name__)


class Replacement:
    """The configuration that is served, and the LiteLLM that it needs.

    At most two LiteLLMs run: a configuration is adopted when the LiteLLM that the one before has replaced has ended.

    Args:
        settings: how long things may take.
        state: what the workers and the metrics read.
        environment: LiteLLM's variables.
        on_outage: called when nothing is served for minutes, since LiteLLM does not start again.
    """

    def __init__(
        self,
        settings: SupervisorSettings,
        state: State,
        environment: Mapping[str, str],
        on_outage: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._environment = environment
        self._on_outage = on_outage
        self._generation = 0
        self._current: Configuration | None = None
        self._adopted = 0.0
        self._read = 0.0
        self._is_pending = False
        self._faults: dict[str, int] = {}
        self._counts = Counts()
        self._litellm: Litellm | None = None
        self._others: list[Litellm] = []

    @property
    def digest(self) -> str:
        """The configuration that is served; empty before the first."""
        return self._current.digest if self._current is not None else ""

    @property
    def identity(self) -> str:
        """Differs where the configuration that is served or a key does; empty before the first."""
        return self._current.identity if self._current is not None else ""

    def begin(self, configuration: Configuration) -> None:
        """Serve with the first configuration; what needs LiteLLM waits for it.

        Raises:
            ConfigurationFaultError: it is not valid.
        """
        configuration.check()
        required = configuration.table.needs_litellm
        if configuration.uses_litellm:
            self._litellm = self._start(configuration, gives_up=required)
        self._publish(configuration, self._litellm, is_ready=not required)

    async def until_ready(self) -> None:
        """Wait until the first LiteLLM answers, where a model is served through it.

        Raises:
            ConfigurationFaultError: it does not.
        """
        if self._litellm is not None and self._current is not None and self._current.table.needs_litellm:
            await self._litellm.until_ready()
            self._publish(self._current, self._litellm, is_ready=True)

    async def adopt(self, configuration: Configuration) -> None:
        """Serve with another configuration; on a fault, what runs stays.

        Raises:
            ConfigurationFaultError: it is not valid, or LiteLLM does not answer with it.
        """
        configuration.check()
        before, current = self._litellm, self._current
        keeps = before is not None and current is not None and _litellm_of(configuration) == _litellm_of(current)
        if not configuration.uses_litellm:
            after = None
        elif keeps:
            after = before
        else:
            after = self._start(configuration, gives_up=True)
            self._others.append(after)
            try:
                await after.until_ready(self._settings.litellm_start)
            except BaseException:
                await after.stop()
                self._others.remove(after)
                raise
            self._others.remove(after)
        self._litellm = after
        if before is not None and before is not after:
            self._others.append(before)
        self._publish(configuration, after, is_ready=True)
        _log.info("configuration %s is served", configuration.digest[:12])
        await self._until_followed()
        if before is not None and before is not after:
            await self._retire(before)

    def note_read(self, configuration: Configuration) -> None:
        """Note that the source was read."""
        self._read = time.time()
        self._is_pending = configuration.digest != self.digest
        self.report()

    def note_fault(self, error: ConfigurationFaultError) -> None:
        """Note that a configuration was not read, or not adopted."""
        self._faults[error.fault] = self._faults.get(error.fault, 0) + 1
        self.report()

    def report(self) -> None:
        """Write the status for the metrics."""
        self._state.report(
            Status(
                digest=self.digest,
                adopted=self._adopted,
                read=self._read,
                is_pending=self._is_pending,
                faults=dict(self._faults),
                litellm_starts=self._counts.starts,
                litellm_exits=self._counts.exits,
            )
        )

    async def stop(self) -> None:
        """End every LiteLLM."""
        running = [each for each in (self._litellm, *self._others) if each is not None]
        await asyncio.gather(*(each.stop() for each in running))

    def _start(self, configuration: Configuration, *, gives_up: bool) -> Litellm:
        digest = hashlib.sha256(configuration.litellm).hexdigest()
        used = {each.port for each in (self._litellm, *self._others) if each is not None}
        litellm = Litellm(
            port=_free_port(self._settings.litellm_port, used),
            config=self._state.store(f"litellm-{digest[:16]}.yaml", configuration.litellm),
            environment={**self._environment, **configuration.keys},
            settings=self._settings,
            counts=self._counts,
            on_outage=self._outage,
            gives_up=gives_up,
        )
        litellm.start()
        return litellm

    def _outage(self) -> None:
        """Decide what a LiteLLM that does not start again means: direct routes are served without it."""
        current = self._current
        if current is not None and not any(model.is_direct for model in current.table):
            self._on_outage()

    def _publish(self, configuration: Configuration, litellm: Litellm | None, *, is_ready: bool) -> None:
        self._generation += 1
        self._current = configuration
        self._adopted = time.time()
        self._is_pending = False
        routes = self._state.store(f"routes-{configuration.digest[:16]}.json", configuration.routes)
        self._state.publish(
            Current(
                generation=self._generation,
                digest=configuration.digest,
                routes=str(routes),
                litellm_url=None if litellm is None else litellm.url,
                is_ready=is_ready,
            )
        )
        self.report()

    async def _until_followed(self) -> None:
        """Wait until every worker serves with what was published."""
        try:
            async with asyncio.timeout(_FOLLOW_SECONDS):
                while any(worker.generation < self._generation for worker in self._state.workers()):
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            _log.error("some workers have not adopted the configuration within %g s", _FOLLOW_SECONDS)

    async def _retire(self, litellm: Litellm) -> None:
        """End a LiteLLM that no new request goes to, when its requests have ended."""
        try:
            async with asyncio.timeout(self._settings.litellm_drain):
                while any(
                    worker.generation < self._generation or litellm.url in worker.in_use
                    for worker in self._state.workers()
                ):
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError:
            _log.error(
                "requests on the replaced LiteLLM did not end within %g s; they are ended", self._settings.litellm_drain
            )
        await litellm.stop()
        self._others.remove(litellm)


def _litellm_of(configuration: Configuration) -> tuple[bytes, Mapping[str, str]]:
    """What LiteLLM is started with."""
    return configuration.litellm, configuration.keys


def _free_port(first: int, used: set[int]) -> int:
    """A port of the loopback interface on which nothing listens.

    Raises:
        ConfigurationFaultError: there is none.
    """
    for port in range(first, first + _PORTS):
        if port not in used:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise ConfigurationFaultError(Fault.LITELLM, f"ports {first} to {first + _PORTS - 1} are in use")
