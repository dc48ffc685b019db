"""Which keys of the issuer are known, and when they may be asked for again. It opens no connection itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from lisa_oidc.discovery import Issuer
from lisa_oidc.keys import Key

RETRY_SECONDS = 10.0
"""At most one request for keys in this time, however many tokens with invented key ids come in."""

FRESH_SECONDS = 300.0
"""Keys are asked for again after this time, so that one that the issuer withdrew stops to count."""

LIMIT_SECONDS = 86400.0
"""Keys count this long at most while the issuer cannot be reached."""


class KeyStore:
    """An issuer and its keys, as they were when they were last fetched.

    Whoever has the connection fetches when `is_due` says so: call `begin`, then `replace` after a success. A token with
    an unknown key waits for that; one with a known key need not.
    """

    def __init__(
        self,
        *,
        retry: float = RETRY_SECONDS,
        fresh: float = FRESH_SECONDS,
        limit: float = LIMIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry = retry
        self._fresh = fresh
        self._limit = limit
        self._clock = clock
        self._issuer: Issuer | None = None
        self._keys: tuple[Key, ...] = ()
        self._fetched: float | None = None
        self._tried: float | None = None

    @property
    def issuer(self) -> Issuer | None:
        """The issuer; None until it has answered, and when that is too long ago."""
        if self._fetched is None or self._clock() - self._fetched >= self._limit:
            return None
        return self._issuer

    def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The key for a token's header, None when there is none.

        A token without a key id means the only key of its algorithm; of several keys it means none.
        """
        if self.issuer is None:
            return None
        fitting = [key for key in self._keys if algorithm in key.algorithms]
        if key_id is not None:
            fitting = [key for key in fitting if key.id == key_id]
        return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None

    def is_due(self, key: Key | None) -> bool:
        """Whether to ask the issuer now, after `find` gave `key`: it was None, or the keys are not fresh any more."""
        now = self._clock()
        if self._tried is not None and now - self._tried < self._retry:
            return False
        return key is None or self._fetched is None or now - self._fetched >= self._fresh

    def begin(self) -> None:
        """Note that the issuer is being asked."""
        self._tried = self._clock()

    def replace(self, issuer: Issuer, keys: tuple[Key, ...]) -> None:
        """Take what the issuer answered."""
        self._issuer = issuer
        self._keys = keys
        self._fetched = self._clock()
