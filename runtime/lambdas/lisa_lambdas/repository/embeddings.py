"""Embeddings of texts, from the REST API and with the caller's token."""

from __future__ import annotations

import json
import logging
import math
import ssl
import time
from typing import Callable, List, Mapping, Optional, Sequence

import urllib3

from lisa_lambdas.errors import (
    ApiError,
    BadRequestError,
    ForbiddenError,
    TooManyRequestsError,
    UnavailableError,
)

_log = logging.getLogger(__name__)

BATCH = 32
"""Texts in a request: what Text Embeddings Inference takes unless it is told otherwise (--max-client-batch-size)."""
_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 4.0
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0
_TRANSIENT = (429, 500, 502, 503, 504)


class Embeddings:
    """The embeddings endpoint of the REST API (OpenAI API Reference, "Create embeddings").

    Args:
        url: finds the address of the endpoint; raises UnavailableError.
        sleep: waits some seconds.
    """

    def __init__(self, url: Callable[[], str], *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = url
        self._sleep = sleep
        # The default context trusts what SSL_CERT_FILE and SSL_CERT_DIR name, a private authority for one.
        self._http = urllib3.PoolManager(ssl_context=ssl.create_default_context(), retries=False)

    def embed(
        self, texts: Sequence[str], *, model: str, authorization: str, seconds: float = math.inf
    ) -> List[List[float]]:
        """Embed texts, at most BATCH of them.

        Args:
            texts: what to embed.
            model: name of the embedding model.
            authorization: the caller's header Authorization.
            seconds: elapsed time for all attempts together; no attempt starts after it.

        Returns:
            A vector for each text, all of the same dimension.

        Raises:
            BadRequestError: the model is not served, or does not embed.
            ForbiddenError: the REST API does not accept the caller.
            TooManyRequestsError: it still asked for patience at the last attempt.
            UnavailableError: it did not answer at the last attempt, or answers what no embeddings are.
        """
        end = time.monotonic() + seconds
        url = self._url()
        body = json.dumps({"model": model, "input": list(texts)}).encode()
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        for attempt in range(1, _ATTEMPTS + 1):
            answer = self._post(url, body, headers, end - time.monotonic())
            status = answer.status if answer else 0
            if answer and status == 200:
                return _vectors(answer.data, len(texts))
            _log.warning("embeddings: status %d at attempt %d", status, attempt)
            if status and status not in _TRANSIENT:
                break
            wait = _wait(answer.headers.get("Retry-After") if answer else None, attempt)
            if attempt == _ATTEMPTS or time.monotonic() + wait >= end:
                break
            self._sleep(wait)
        raise _refusal(status, model)

    def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> Optional[urllib3.BaseHTTPResponse]:
        """The answer; None when there is none in time."""
        seconds = max(seconds, 0.001)
        timeout = urllib3.Timeout(
            total=None if math.isinf(seconds) else seconds, connect=_CONNECT_SECONDS, read=_READ_SECONDS
        )
        try:
            return self._http.request("POST", url, body=body, headers=headers, redirect=False, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            _log.warning("embeddings: %s", type(error).__name__)
            return None


def _wait(asked: Optional[str], attempt: int) -> float:
    """Seconds until the next attempt: what the server asks for, else twice as long each time, and never long."""
    wanted = float(asked) if asked and asked.isdigit() else 0.25 * 2**attempt
    return min(wanted, _LONGEST_WAIT_SECONDS)


def _refusal(status: int, model: str) -> ApiError:
    if status in (401, 403):
        return ForbiddenError("The gateway rejects your token. Sign in again.")
    if status == 429:
        return TooManyRequestsError(f"The embedding model {model} is busy; try again later.")
    if 400 <= status < 500:
        return BadRequestError(
            f"The gateway has no embedding model {model}, or the model rejects these texts ({status})."
        )
    return UnavailableError(f"The embedding model {model} does not respond; try again later.")


def _vectors(content: bytes, count: int) -> List[List[float]]:
    """The vectors of an answer in the order of the texts."""
    try:
        entries = sorted(json.loads(content)["data"], key=lambda entry: entry["index"])
        vectors = [[float(number) for number in entry["embedding"]] for entry in entries]
        lengths = [math.hypot(*vector) for vector in vectors]
    except (KeyError, OverflowError, TypeError, ValueError):
        raise UnavailableError("The embedding model returned no embeddings.") from None
    if [entry["index"] for entry in entries] != list(range(count)) or len({len(vector) for vector in vectors}) != 1:
        raise UnavailableError(
            "The number of embeddings does not match the number of texts. Use another embedding model."
        )
    # Nothing is near a vector without a direction, and stores refuse numbers that are not finite.
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        raise UnavailableError("The embedding model returned zero vectors. Use another embedding model.")
    return vectors
