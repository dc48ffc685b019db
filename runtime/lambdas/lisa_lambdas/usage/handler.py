"""The handler that Lambda calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict

import boto3  # type: ignore[import-untyped]

from lisa_lambdas.environment import read_environment
from lisa_lambdas.rest import RestApi
from lisa_lambdas.usage.api import create_app
from lisa_lambdas.usage.settings import UsageEnvironment
from lisa_lambdas.usage.store import UsageStore


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    return _app().resolve(event, context)


@lru_cache(maxsize=None)
def _app() -> RestApi:
    """The endpoint, with a connection that is kept for as long as the process lives."""
    settings = read_environment(UsageEnvironment)
    store = UsageStore(boto3.client("dynamodb"), table=settings.usage_table_name)
    return create_app(store, web_origin=settings.web_origin)
