"""What lives as long as a worker: connections, and what is known through them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from lisa_gateway.api_tokens import ApiTokens, DynamoTable, dynamo_client
from lisa_gateway.authentication import AnonymousAuthenticator, Authenticator, TokenAuthenticator
from lisa_gateway.configuration.follower import Follower
from lisa_gateway.configuration.state import Current
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
        admin_key: LiteLLM's key for what administrators may use.
    """

    authenticator: Authenticator
    upstream: Upstream
    health: Health
    registry: Registry
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
        health = Health(upstream)
        if settings.configuration_state:

            def adopt(current: Current, routes: bytes) -> None:  # noqa: ARG001
                upstream.switch(current.litellm_url)
                health.has_started = health.has_started or current.is_ready

            await stack.enter_async_context(
                Follower(Path(settings.configuration_state), adopt=adopt, in_use=upstream.earlier_in_use)
            )
        yield Resources(
            authenticator=authenticator,
            upstream=upstream,
            health=health,
            registry=Registry(parameters, settings.registered_models_ps_name),
            admin_key=settings.litellm_admin_key,
        )
