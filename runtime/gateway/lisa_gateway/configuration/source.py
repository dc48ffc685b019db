"""Where the configuration is read: from AWS, or from a directory on a machine without."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.configuration.document import Configuration, ConfigurationFaultError, Fault, read_reference

if TYPE_CHECKING:
    from lisa_gateway.configuration.document import File, Reference

LONGEST_BYTES = 16 * 1024 * 1024
"""Longest file of a configuration; ten thousand models take a third of it."""

_READ_SECONDS = 20.0
ROUTES_PATH = "gateway/routes.json"
LITELLM_PATH = "litellm/config.yaml"


class Source(Protocol):
    """Where configurations come from."""

    name: str

    async def read(self) -> Configuration:
        """The configuration that is published now.

        Raises:
            ConfigurationFaultError: it cannot be read, or its content is not what its digests name.
        """


class PublishedSource:
    """Reads the SSM parameter, and the objects that it names when it has changed.

    Args:
        parameters: an aiobotocore client of SSM.
        objects: an aiobotocore client of S3.
        name: name of the parameter.
    """

    def __init__(self, parameters: Any, objects: Any, name: str) -> None:
        self.name = f"SSM parameter {name}"
        self._parameters = parameters
        self._objects = objects
        self._parameter = name
        self._last: tuple[Reference, Configuration] | None = None

    async def read(self) -> Configuration:
        """See `Source`."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return await self._read()
        except TimeoutError as error:
            raise ConfigurationFaultError(Fault.OBJECT, f"{self.name}: reading took too long") from error

    async def _read(self) -> Configuration:
        try:
            answer = await self._parameters.get_parameter(Name=self._parameter)
        except (BotoCoreError, ClientError, OSError) as error:
            raise ConfigurationFaultError(Fault.PARAMETER, f"{self.name}: {error}") from error
        reference = read_reference(answer["Parameter"]["Value"])
        if self._last is not None and self._last[0] == reference:
            return self._last[1]
        found = Configuration(
            routes=await self._file(reference.routes),
            litellm=await self._file(reference.litellm),
        )
        self._last = (reference, found)
        return found

    async def _file(self, file: File) -> bytes:
        place = f"s3://{file.bucket}/{file.key}"
        try:
            answer = await self._objects.get_object(Bucket=file.bucket, Key=file.key)
            async with answer["Body"] as body:
                if answer["ContentLength"] > LONGEST_BYTES:
                    raise ConfigurationFaultError(Fault.OBJECT, f"{place} is longer than {LONGEST_BYTES} bytes")
                content: bytes = await body.read()
        except (BotoCoreError, ClientError, OSError) as error:
            raise ConfigurationFaultError(Fault.OBJECT, f"{place}: {error}") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != file.sha256:
            raise ConfigurationFaultError(
                Fault.DIGEST, f"{place} has SHA-256 {digest[:12]}…, not {file.sha256[:12]}… as published"
            )
        return content


class DirectorySource:
    """Reads compiled output, `gateway/routes.json` and `litellm/config.yaml` below a directory."""

    def __init__(self, directory: Path) -> None:
        self.name = f"directory {directory}"
        self._directory = directory

    async def read(self) -> Configuration:
        """See `Source`."""
        try:
            return Configuration(
                routes=(self._directory / ROUTES_PATH).read_bytes(),
                litellm=(self._directory / LITELLM_PATH).read_bytes(),
            )
        except OSError as error:
            raise ConfigurationFaultError(Fault.OBJECT, f"{self.name}: {error}") from error


@asynccontextmanager
async def published_source(region: str, parameter: str) -> AsyncIterator[Source]:
    """Open the clients that read from AWS; they give up soon, since the next poll tries again."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    config = AioConfig(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 2})
    session = get_session()
    async with AsyncExitStack() as stack:
        parameters, objects = [
            await stack.enter_async_context(session.create_client(service, region_name=region, config=config))
            for service in ("ssm", "s3")
        ]
        yield PublishedSource(parameters, objects, parameter)
