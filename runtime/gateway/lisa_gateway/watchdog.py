"""Acts when LiteLLM runs and answers nothing for minutes: the supervisor starts it again."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

PROBE = "/health/liveliness"
_PAUSE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Watchdog:
    """Asks LiteLLM whether it lives, from a thread of the process that holds the workers.

    A probe waits for as long as it may take, so that it stands in LiteLLM's queue as a caller would: a LiteLLM that is
    busy gets to it, one that hangs does not.

    Args:
        url: LiteLLM's address.
        seconds: silence after which LiteLLM counts as hung.
        bark: called once then; by default it stops this process as a signal of the container would.
        pause: seconds between two probes.
        consequence: what follows, for the log.
    """

    def __init__(
        self,
        url: str,
        seconds: float,
        *,
        bark: Callable[[], None] | None = None,
        pause: float = _PAUSE_SECONDS,
        consequence: str = "the container stops",
    ) -> None:
        self._address = urlsplit(url)
        self._seconds = seconds
        self._bark = bark or (lambda: os.kill(os.getpid(), signal.SIGTERM))
        self._pause = pause
        self._consequence = consequence
        self._stop = threading.Event()

    def start(self) -> None:
        """Watch until `stop`."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()

    def _watch(self) -> None:
        heard = time.monotonic()
        # Several probes fit into the time, or a server that answers each of them would count as silent.
        while not self._stop.wait(min(self._pause, self._seconds / 4)):
            left = heard + self._seconds - time.monotonic()
            if left > 0 and self._answers(left):
                heard = time.monotonic()
            elif time.monotonic() - heard >= self._seconds and not self._stop.is_set():
                _log.error("LiteLLM has not responded for %g seconds; %s", self._seconds, self._consequence)
                self._bark()
                return

    def _answers(self, seconds: float) -> bool:
        make = http.client.HTTPSConnection if self._address.scheme == "https" else http.client.HTTPConnection
        connection = make(self._address.hostname or "", self._address.port, timeout=seconds)
        try:
            connection.request("GET", f"{self._address.path.rstrip('/')}{PROBE}")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True
