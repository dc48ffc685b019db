"""The keys that hosted models require, as variables of LiteLLM, which its configuration refers to."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from lisa_gateway.configuration.document import Configuration
    from lisa_gateway.configuration.source import Source

NO_KEY = "none"
"""What LiteLLM sends while a model has no key; a server that requires none accepts it."""

_READ_SECONDS = 5.0
_AT_ONCE = 8

_log = logging.getLogger(__name__)


class KeyedSource:
    """Adds the keys to the configurations of another source.

    A key is read until it is there: the stack of a model creates it, after the gateway has the route. A key that is
    known is not read again, since that would be a call for each model and poll.

    Args:
        source: the other source.
        secrets: an aiobotocore client of Secrets Manager.
    """

    def __init__(self, source: Source, secrets: Any) -> None:
        self.name = source.name
        self._source = source
        self._secrets = secrets
        self._known: dict[str, str] = {}

    async def read(self) -> Configuration:
        """See `Source`; a key that cannot be read does not keep the configuration from being served."""
        configuration = await self._source.read()
        secrets = _secrets(configuration.routes)
        turns = asyncio.Semaphore(_AT_ONCE)
        missing = sorted(set(secrets.values()) - self._known.keys())
        await asyncio.gather(*(self._look_up(secret, turns) for secret in missing))
        keys = {variable: self._known.get(secret, NO_KEY) for variable, secret in secrets.items()}
        return replace(configuration, keys=keys) if keys else configuration

    async def _look_up(self, secret: str, turns: asyncio.Semaphore) -> None:
        try:
            async with turns, asyncio.timeout(_READ_SECONDS):
                answer = await self._secrets.get_secret_value(SecretId=secret)
            self._known[secret] = str(answer["SecretString"]).strip()
        except self._secrets.exceptions.ResourceNotFoundException:
            return
        except (BotoCoreError, ClientError, OSError, KeyError) as error:
            _log.warning("secret %s: %s", secret, type(error).__name__)


def _secrets(routes: bytes) -> Mapping[str, str]:
    """Names of secrets by variable; none in a document that is not valid, which is rejected later."""
    try:
        keys = [model["key"] for model in json.loads(routes)["models"] if model.get("key")]
        return {key["variable"]: key["secret"] for key in keys if "variable" in key}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
