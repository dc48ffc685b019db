"""The handler that Lambda calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict

import boto3  # type: ignore[import-untyped]

from lisa_lambdas.environment import read_environment
from lisa_lambdas.rest import RestApi
from lisa_lambdas.tokens.api import create_app
from lisa_lambdas.tokens.settings import TokensEnvironment
from lisa_lambdas.tokens.store import TokenStore


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    return _app().resolve(event, context)


@lru_cache(maxsize=None)
def _app() -> RestApi:
    """The endpoints, with a connection that is kept for as long as the process lives."""
    settings = read_environment(TokensEnvironment)
    store = TokenStore(
        boto3.client("dynamodb"), table=settings.token_table_name, index=settings.tokens_by_owner_index_name
    )
    return create_app(store, web_origin=settings.web_origin)
