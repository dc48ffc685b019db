"""`python -m lisa_gateway.supervisor`: the container's first program."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from pydantic import ValidationError

from lisa_gateway import logs
from lisa_gateway.configuration.source import DirectorySource, Source, published_source
from lisa_gateway.configuration.state import State
from lisa_gateway.direct.keys import secrets_client
from lisa_gateway.supervisor.container import Container
from lisa_gateway.supervisor.keys import make_environments
from lisa_gateway.supervisor.model_keys import KeyedSource
from lisa_gateway.supervisor.settings import SupervisorSettings, missing_variables


def main() -> int:
    """Run the container until a signal comes, the gateway ends, or nothing can be served.

    Returns:
        The container's status: 0 after a signal.
    """
    if missing := missing_variables(os.environ):
        return _refuse(f"set these environment variables: {' '.join(missing)}")
    try:
        settings = SupervisorSettings()
    except ValidationError as error:
        problems = error.errors(include_input=False)
        return _refuse(
            "; ".join(f"{'.'.join(map(str, each['loc'])).upper()} {each['msg']}".strip() for each in problems)
        )
    logs.configure(settings.log_level.upper())
    with tempfile.TemporaryDirectory(prefix="lisa-gateway-") as folder:
        return asyncio.run(_run(settings, Path(folder)))


async def _run(settings: SupervisorSettings, folder: Path) -> int:
    async with _source(settings) as source, secrets_client(settings.aws_region) as secrets:
        keyed = KeyedSource(source, secrets, refresh=settings.model_key_poll)
        return await Container(settings, keyed, State(folder), folder, make_environments(os.environ)).run()


def _source(settings: SupervisorSettings) -> AbstractAsyncContextManager[Source]:
    if settings.gateway_configuration_directory:
        return nullcontext(DirectorySource(Path(settings.gateway_configuration_directory)))
    return published_source(settings.aws_region, settings.gateway_configuration_ps_name)


def _refuse(reason: str) -> int:
    sys.stderr.write(f"rest-api: ERROR: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
