"""The handler that Lambda calls."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict

import boto3  # type: ignore[import-untyped]

from lisa_lambdas.environment import read_environment
from lisa_lambdas.rest import RestApi
from lisa_lambdas.sign_outs.api import create_app
from lisa_lambdas.sign_outs.settings import SignOutsEnvironment
from lisa_lambdas.sign_outs.store import SignOutStore
from lisa_oidc import BlockingVerifier, Expectation


def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Answer a request of API Gateway."""
    return _app().resolve(event, context)


@lru_cache(maxsize=None)
def _app() -> RestApi:
    """The endpoint, with a connection and the issuer's keys, which are kept for as long as the process lives."""
    settings = read_environment(SignOutsEnvironment)
    store = SignOutStore(boto3.client("dynamodb"), table=settings.sign_out_table_name)
    verifier = BlockingVerifier(settings.authority, Expectation(client_id=settings.client_id))
    return create_app(store, verifier, web_origin=settings.web_origin)
