"""The keys that hosted models require, as variables of LiteLLM, which its configuration refers to."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class _Key:
    """A key, and when it is read again."""

    value: str
    due: float


class KeyedSource:
    """Adds the keys to the configurations of another source.

    A key is read until it is there: the stack of a model creates it, after the gateway has the route. Then it is read
    again from time to time, for it may be replaced; each reading is a call for each key.

    Args:
        source: the other source.
        secrets: an aiobotocore client of Secrets Manager.
        refresh: seconds after which a key is read again.
        clock: monotonic seconds.
    """

    def __init__(
        self, source: Source, secrets: Any, *, refresh: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = source.name
        self._source = source
        self._secrets = secrets
        self._refresh = refresh
        self._clock = clock
        self._known: dict[str, _Key] = {}

    async def read(self) -> Configuration:
        """See `Source`; a key that cannot be read does not keep the configuration from being served."""
        configuration = await self._source.read()
        secrets = _secrets(configuration.routes)
        turns = asyncio.Semaphore(_AT_ONCE)
        now = self._clock()
        names = set(secrets.values())
        self._known = {name: key for name, key in self._known.items() if name in names}
        due = sorted(name for name in names if name not in self._known or self._known[name].due <= now)
        await asyncio.gather(*(self._look_up(secret, turns, now) for secret in due))
        keys = {variable: self._value(secret) for variable, secret in secrets.items()}
        return replace(configuration, keys=keys) if keys else configuration

    def _value(self, secret: str) -> str:
        known = self._known.get(secret)
        return NO_KEY if known is None else known.value

    async def _look_up(self, secret: str, turns: asyncio.Semaphore, now: float) -> None:
        """Read a key; one that is known and cannot be read stays."""
        try:
            async with turns, asyncio.timeout(_READ_SECONDS):
                answer = await self._secrets.get_secret_value(SecretId=secret)
            self._known[secret] = _Key(str(answer["SecretString"]).strip(), now + self._refresh)
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
