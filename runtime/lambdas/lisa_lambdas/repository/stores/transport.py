"""Requests to OpenSearch that are sent again after a wait, when it has too much to do or is changing its nodes."""

from __future__ import annotations

import time
from typing import Any, Callable

from opensearchpy import Transport
from opensearchpy.exceptions import ConnectionError as UnreachableError
from opensearchpy.exceptions import TransportError

ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.5
_TRANSIENT = (429, 502, 503, 504)


class WaitingTransport(Transport):
    """opensearch-py's own repetitions follow each other at once, which a domain that is busy does not survive.

    Args:
        sleep: waits some seconds.
        others: see opensearchpy.Transport.
    """

    def __init__(self, *positional: Any, sleep: Callable[[float], None] = time.sleep, **others: Any) -> None:
        super().__init__(*positional, **{**others, "max_retries": 0})
        self._sleep = sleep

    def perform_request(self, *positional: Any, **others: Any) -> Any:
        """Send a request, up to ATTEMPTS times."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return super().perform_request(*positional, **others)
            except TransportError as error:
                if not isinstance(error, UnreachableError) and error.status_code not in _TRANSIENT:
                    raise
            self._sleep(FIRST_WAIT_SECONDS * 2**attempt)
        return super().perform_request(*positional, **others)
