"""What uvicorn makes in each worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_gateway import logs
from lisa_gateway.app import create_app
from lisa_gateway.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def make_worker() -> ASGIApp:
    """Make the application with the environment's settings, and send the process's logs to standard output.

    Raises:
        pydantic.ValidationError: the environment lacks a setting, or has one that is not valid.
    """
    settings = Settings()
    logs.configure(settings.log_level)
    return create_app(settings)
