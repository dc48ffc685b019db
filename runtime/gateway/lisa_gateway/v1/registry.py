"""The hosted models, as the serve stack publishes them in Parameter Store."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lisa_gateway.errors import NotFoundError, UnavailableError
from lisa_gateway.single_flight import SingleFlight
from lisa_gateway.timed_cache import TimedCache

FRESH_SECONDS = 60.0
_LOOKUP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class RegisteredModel(BaseModel):
    """A hosted model.

    Attributes:
        provider: `<modelHosting>.<modelType>.<inferenceContainer>`.
        name: its name as it was configured, `modelName`.
        identifier: what LiteLLM calls it, `modelId`.
        kind: `textgen` or `embedding`.
        streaming: whether it can stream; None for an embedding model.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    provider: str
    name: str = Field(alias="modelName")
    identifier: str = Field(alias="modelId")
    kind: Literal["textgen", "embedding"] = Field(alias="modelType")
    streaming: bool | None = None

    @property
    def container(self) -> str:
        """What serves it: `tgi`, `vllm`, `tei`, `instructor` …"""
        return self.provider.rpartition(".")[2]

    @property
    def openai_id(self) -> str:
        """Its id below `/v1/openai`."""
        return f"{self.name} ({self.provider})"


_MODELS = TypeAdapter(tuple[RegisteredModel, ...])


class Registry:
    """Reads the parameter at a request, and remembers it for a minute.

    The text of a long list is in parts: the parameter has their number, and they are below it, numbered from 0.

    Args:
        client: an aiobotocore client of SSM.
        name: name of the parameter.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name
        self._fresh: TimedCache[None, tuple[RegisteredModel, ...]] = TimedCache(seconds=FRESH_SECONDS, size=1)
        self._last: tuple[RegisteredModel, ...] | None = None
        self._reads: SingleFlight[None, tuple[RegisteredModel, ...]] = SingleFlight()

    async def models(self) -> tuple[RegisteredModel, ...]:
        """The hosted models; those of the last time when Parameter Store cannot be asked.

        Raises:
            UnavailableError: it cannot be asked, and has not been before.
        """
        known = self._fresh.get(None)
        if known is None:
            known = await self._reads.run(None, self._read)
            self._fresh.put(None, known)
            self._last = known
        return known

    async def find(self, provider: str, name: str, kind: str | None = None) -> RegisteredModel:
        """The model of a provider and name.

        Raises:
            NotFoundError: there is none, or it is not of that kind.
            UnavailableError: see `models`.
        """
        for model in await self.models():
            if (model.provider, model.name) == (provider, name) and kind in (None, model.kind):
                return model
        raise NotFoundError(f"Unknown {kind or ''} model {name} of provider {provider}.".replace("  ", " "))

    async def find_openai(self, openai_id: str) -> RegisteredModel:
        """The model of an id as `<modelName> (<provider>)`.

        Raises:
            NotFoundError: there is none.
            UnavailableError: see `models`.
        """
        for model in await self.models():
            if model.openai_id == openai_id:
                return model
        raise NotFoundError(f"Unknown model {openai_id}.")

    async def _read(self) -> tuple[RegisteredModel, ...]:
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                content = json.loads(await self._value(self._name))
                if isinstance(content, dict):
                    content = _joined([await self._value(f"{self._name}/{n}") for n in range(int(content["parts"]))])
            return _MODELS.validate_python(content)
        except (BotoCoreError, ClientError, OSError, ValueError, KeyError, ValidationError) as error:
            _log.warning("parameter %s: %s %s", self._name, type(error).__name__, error)
            if self._last is not None:
                return self._last
            raise UnavailableError("The list of models cannot be read at the moment; try again.") from error

    async def _value(self, name: str) -> str:
        answer = await self._client.get_parameter(Name=name)
        value: str = answer["Parameter"]["Value"]
        return value


def _joined(parts: list[str]) -> Any:
    """The value whose text is in parts. Earlier versions published a list in each part: an upgrade meets both."""
    try:
        return json.loads("".join(parts))
    except ValueError:
        return [entry for part in parts for entry in json.loads(part)]


def parameter_client(region: str) -> AbstractAsyncContextManager[Any]:
    """A client of SSM that gives up soon."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})
    client: AbstractAsyncContextManager[Any] = get_session().create_client("ssm", region_name=region, config=config)
    return client
