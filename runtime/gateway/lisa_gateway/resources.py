"""What lives as long as a worker: connections, and what is known through them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from lisa_gateway.access.admission import AccessControl
from lisa_gateway.access.opening import open_access
from lisa_gateway.api_tokens import ApiTokens
from lisa_gateway.audit.content import ContentAudit, open_content_audit
from lisa_gateway.authentication import AnonymousAuthenticator, Authenticator, TokenAuthenticator
from lisa_gateway.configuration.follower import Follower
from lisa_gateway.configuration.state import Current
from lisa_gateway.direct.keys import ModelKeys, secrets_client
from lisa_gateway.direct.path import DirectPath
from lisa_gateway.health import Health
from lisa_gateway.issuer import Documents, Verifier
from lisa_gateway.last_used import LastUsed
from lisa_gateway.pacing import Pacing
from lisa_gateway.routing.current import Routing
from lisa_gateway.routing.document import RoutingTable
from lisa_gateway.settings import Settings
from lisa_gateway.sign_outs import DynamoSignOuts, SignOuts
from lisa_gateway.token_table import DynamoTable, dynamo_client
from lisa_gateway.upstream import Upstream
from lisa_gateway.v1.registry import Registry, parameter_client
from lisa_oidc import Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The resources of a worker.

    Attributes:
        authenticator: finds out who calls.
        upstream: the way to LiteLLM.
        routing: where requests for each model go.
        direct: the way to the servers of hosted models.
        access: what callers may use.
        content: records the content of audited requests.
        pacing: turns for requests that cost LiteLLM much.
        health: whether LiteLLM answers.
        registry: the hosted models, for `/v1`.
        admin_key: LiteLLM's key for what administrators may use.
    """

    authenticator: Authenticator
    upstream: Upstream
    routing: Routing
    direct: DirectPath
    access: AccessControl
    content: ContentAudit
    pacing: Pacing
    health: Health
    registry: Registry
    admin_key: SecretStr | None


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open the connections of a worker; none is used yet, so that a worker starts while other services are down."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(Upstream(settings))
        routing = Routing.from_file(settings.routes_file)
        secrets = await stack.enter_async_context(secrets_client(settings.aws_region))
        direct = DirectPath(settings, routing, ModelKeys(secrets))
        stack.callback(direct.close)
        parameters = await stack.enter_async_context(parameter_client(settings.aws_region))
        authenticator: Authenticator = AnonymousAuthenticator()
        if settings.use_auth:
            documents = Documents()
            stack.push_async_callback(documents.close)
            client = await stack.enter_async_context(dynamo_client(settings.aws_region))
            table = DynamoTable(client, settings.token_table_name, accepts_legacy=settings.legacy_tokens)
            last_used = LastUsed(table)
            stack.push_async_callback(last_used.close)
            expectation = Expectation(
                client_id=settings.client_id,
                groups_path=settings.jwt_groups_prop,
                admin_group=settings.admin_group,
            )
            sign_outs = None
            if settings.sign_out_table_name:
                sign_outs = SignOuts(DynamoSignOuts(client, settings.sign_out_table_name), grace=settings.token_grace)
            authenticator = TokenAuthenticator(
                ApiTokens(table, grace=settings.token_grace),
                Verifier(settings.authority, expectation, fetch=documents.fetch, sign_outs=sign_outs),
                last_used,
            )
        health = Health(upstream, routing)
        if settings.configuration_state:

            def adopt(current: Current, routes: bytes) -> None:
                # No request begins in between: this is one step of the event loop.
                routing.current = RoutingTable.read(routes)
                upstream.switch(current.litellm_url)
                health.has_started = health.has_started or current.is_ready

            await stack.enter_async_context(
                Follower(Path(settings.configuration_state), adopt=adopt, in_use=upstream.earlier_in_use)
            )
        access = await stack.enter_async_context(open_access(settings, lambda: routing.current.access))
        content = await stack.enter_async_context(open_content_audit(settings))
        yield Resources(
            authenticator=authenticator,
            upstream=upstream,
            routing=routing,
            direct=direct,
            access=access,
            content=content,
            pacing=Pacing.of(settings),
            health=health,
            registry=Registry(parameters, settings.registered_models_ps_name),
            admin_key=settings.litellm_admin_key,
        )
