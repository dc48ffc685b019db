"""The keys of model servers, from Secrets Manager."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.errors import UnavailableError
from lisa_gateway.single_flight import SingleFlight

_LOOKUP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class ModelKeys:
    """Reads a key at the first request that needs it, and again after the server has rejected it.

    Args:
        client: an aiobotocore client of Secrets Manager.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[str, bytes] = {}
        self._reads: SingleFlight[str, bytes] = SingleFlight()

    async def get(self, secret: str, *, rejected: bytes | None = None) -> bytes:
        """The key in a secret; empty while there is no secret, which is created with the model that requires it.

        Args:
            secret: its name.
            rejected: the key that the server has just rejected, which is read again.

        Raises:
            UnavailableError: the secret cannot be read.
        """
        known = self._known.get(secret)
        if known is None or known == rejected:
            known = await self._reads.run(secret, lambda: self._read(secret))
            self._known[secret] = known
        return known

    async def _read(self, secret: str) -> bytes:
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                answer = await self._client.get_secret_value(SecretId=secret)
            value: str = answer["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            return b""
        except (BotoCoreError, ClientError, OSError, KeyError) as error:
            _log.warning("secret %s: %s", secret, type(error).__name__)
            raise UnavailableError("The key of the model's server cannot be read at the moment; try again.") from error
        return value.strip().encode()


def secrets_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of Secrets Manager that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})
    client: AbstractAsyncContextManager[Any] = get_session().create_client(
        "secretsmanager", region_name=region, config=config
    )
    return client
