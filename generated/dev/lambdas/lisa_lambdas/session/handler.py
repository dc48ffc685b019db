"""The handler that Lambda calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict

import boto3  # type: ignore[import-untyped]

from lisa_lambdas.environment import read_environment
from lisa_lambdas.rest import RestApi
from lisa_lambdas.session.api import create_app
from lisa_lambdas.session.settings import SessionEnvironment
from lisa_lambdas.session.store import SessionStore


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    return _app().resolve(event, context)


@lru_cache(maxsize=None)
def _app() -> RestApi:
    """The endpoints, with a connection that is kept for as long as the process lives."""
    settings = read_environment(SessionEnvironment)
    store = SessionStore(
        boto3.client("dynamodb"),
        table=settings.sessions_table_name,
        index=settings.sessions_by_update_index_name,
    )
    return create_app(store, web_origin=settings.web_origin)
