"""What lives as long as a worker: connections, and what is known through them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lisa_gateway.access.admission import AccessControl
from lisa_gateway.access.opening import open_access
from lisa_gateway.api_tokens import ApiTokens, DynamoTable, dynamo_client
from lisa_gateway.authentication import AnonymousAuthenticator, Authenticator, TokenAuthenticator
from lisa_gateway.health import Health
from lisa_gateway.issuer import Documents, Verifier
from lisa_gateway.settings import Settings
from lisa_gateway.upstream import Upstream
from lisa_gateway.v1.registry import Registry, parameter_client
from lisa_oidc import Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The resources of a worker.

    Attributes:
        authenticator: finds out who calls.
        upstream: the way to LiteLLM.
        health: whether LiteLLM answers.
        registry: the hosted models, for `/v1`.
        access: what callers may use.
        admin_key: LiteLLM's key for what administrators may use.
    """

    authenticator: Authenticator
    upstream: Upstream
    health: Health
    registry: Registry
    access: AccessControl
    admin_key: SecretStr | None


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open the connections of a worker; none is used yet, so that a worker starts while other services are down."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream(settings))
        parameters = await stack.enter_async_context(parameter_client(settings.aws_region))
        authenticator: Authenticator = AnonymousAuthenticator()
        if settings.use_auth:
            documents = Documents()
            stack.push_async_callback(documents.close)
            table = await stack.enter_async_context(dynamo_client(settings.aws_region))
            expectation = Expectation(
                client_id=settings.client_id,
                groups_path=settings.jwt_groups_prop,
                admin_group=settings.admin_group,
            )
            authenticator = TokenAuthenticator(
                ApiTokens(DynamoTable(table, settings.token_table_name), grace=settings.token_grace),
                Verifier(settings.authority, expectation, fetch=documents.fetch),
            )
        access = await stack.enter_async_context(open_access(settings, _access_of(settings)))
        yield Resources(
            authenticator=authenticator,
            upstream=upstream,
            health=Health(upstream),
            registry=Registry(parameters, settings.registered_models_ps_name),
            access=access,
            admin_key=settings.litellm_admin_key,
        )


def _access_of(settings: Settings) -> Callable[[], Mapping[str, Any] | None]:
    content = json.loads(Path(settings.routes_file).read_bytes()).get("access") if settings.routes_file else None
    return lambda: content
