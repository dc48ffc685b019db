"""Data keys of KMS: a key encrypts the content of many requests, within bounds, and is in no file in clear."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lisa_gateway.access.document import ContentStore
from lisa_gateway.single_flight import SingleFlight

RENEW_SECONDS: Final = 600.0
"""Age from which a key is replaced, while it can still be used."""

LAST_SECONDS: Final = 3600.0
"""Age from which a key is no longer used: how long content can be recorded while KMS does not answer."""

RENEW_LINES: Final = 100_000
"""Lines from which a key is replaced."""

_CALL_SECONDS: Final = 3.0
_RETRY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class DataKeyError(Exception):
    """KMS makes no data key at the moment."""


@dataclass(slots=True)
class DataKey:
    """A data key.

    Attributes:
        cipher: AES-256-GCM with the key.
        wrapped: the key as KMS encrypted it, in base64.
        deployment: part of its encryption context.
        group: the other part.
        made: when it was made, in `time.monotonic` seconds.
        lines: how many lines it has encrypted.
    """

    cipher: AESGCM
    wrapped: str
    deployment: str
    group: str
    made: float
    lines: int = 0


class DataKeys:
    """Gives data keys, one for each group at a time.

    Args:
        client: an aiobotocore client of KMS.
        now: seconds of a clock that does not go back.
    """

    def __init__(self, client: Any, *, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._keys: dict[tuple[str, str, str], DataKey] = {}
        self._failed: dict[tuple[str, str, str], float] = {}
        self._calls: SingleFlight[tuple[str, str, str], DataKey] = SingleFlight()

    async def get(self, store: ContentStore, group: str) -> DataKey:
        """A key for the content of a group's request. It waits only if there is none yet, or the last one is too old.

        Raises:
            DataKeyError: KMS makes none.
        """
        name = (store.key_arn, store.deployment, group)
        key, now = self._keys.get(name), self._now()
        if key is not None and now - key.made < LAST_SECONDS:
            if (now - key.made >= RENEW_SECONDS or key.lines >= RENEW_LINES) and not self._has_just_failed(name, now):
                self._calls.start(name, lambda: self._make(name))
            return key
        self._keys.pop(name, None)
        if self._has_just_failed(name, now):
            raise DataKeyError
        return await self._calls.run(name, lambda: self._make(name))

    def _has_just_failed(self, name: tuple[str, str, str], now: float) -> bool:
        return now - self._failed.get(name, -_RETRY_SECONDS) < _RETRY_SECONDS

    async def _make(self, name: tuple[str, str, str]) -> DataKey:
        key_arn, deployment, group = name
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                made = await self._client.generate_data_key(
                    KeyId=key_arn, KeySpec="AES_256", EncryptionContext=encryption_context(deployment, group)
                )
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            self._failed[name] = self._now()
            _log.error("audited content: KMS makes no data key of %s: %s %s", key_arn, type(error).__name__, error)
            raise DataKeyError from error
        wrapped = base64.b64encode(made["CiphertextBlob"]).decode("ascii")
        key = DataKey(AESGCM(made["Plaintext"]), wrapped, deployment, group, self._now())
        self._keys[name] = key
        return key


def encryption_context(deployment: str, group: str) -> dict[str, str]:
    """What KMS requires again to decrypt a data key, and what key policies and roles can require."""
    return {"lisa-deployment": deployment, "lisa-group": group}


def kms_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of KMS that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 2})
    client: AbstractAsyncContextManager[Any] = get_session().create_client("kms", region_name=region, config=config)
    return client
