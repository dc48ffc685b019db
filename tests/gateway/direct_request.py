"""A request through the gateway's direct path, in this process, to any server of a model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lisa_gateway.access.admission import AccessControl
from lisa_gateway.audit.content import ContentAudit
from lisa_gateway.direct.path import DirectPath
from lisa_gateway.disconnect import Disconnect
from lisa_gateway.errors import GatewayError
from lisa_gateway.pass_through import PassThrough
from lisa_gateway.request_context import Caller, RequestContext
from lisa_gateway.routing.current import Routing
from lisa_gateway.routing.document import RoutedModel, RoutingTable
from lisa_gateway.settings import Settings


class _OpenAccess(AccessControl):
    """Everything is permitted, and tokens are counted as a test says."""

    def __init__(self, *, counts_tokens: bool) -> None:
        super().__init__(lambda: None)
        self._counts_tokens = counts_tokens

    def counts_tokens(self, caller: Caller | None) -> bool:  # noqa: ARG002
        return self._counts_tokens


def settings(**changed: float) -> Settings:
    """The gateway's settings."""
    names = {"token_table_name": "t", "registered_models_ps_name": "m", "aws_region": "r", "use_auth": False}
    return Settings.model_validate({**names, **changed})


def ask(
    address: str,
    body: dict[str, Any],
    *,
    path: str = "/chat/completions",
    counts_tokens: bool = False,
    former_name: str = "",
) -> tuple[RequestContext, int, bytes]:
    """The context after a request, and the status and the body of its response.

    Args:
        address: the model's server.
        body: the body; its `model` is the public name.
        path: the operation, below `/v2/serve`.
        counts_tokens: whether the token counts are required.
        former_name: what the server calls the model if it was started by an earlier version.
    """
    context = RequestContext(request_id="r", began=0.0, caller=Caller(kind="token", key=b"k"))
    received: list[dict[str, Any]] = []
    routed = RoutedModel(
        name=body["model"],
        route="direct",
        kind="textgen",
        address=address,
        former_name=former_name,
        operations=frozenset(("chat", "completions")),
    )

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        received.append(message)

    async def main() -> None:
        routing = Routing(RoutingTable((routed,)))
        direct = DirectPath(settings(), routing, keys=None)  # type: ignore[arg-type]
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": f"/v2/serve{path}"}
        scope |= {"raw_path": f"/v2/serve{path}".encode(), "query_string": b"", "headers": []}
        access = _OpenAccess(counts_tokens=counts_tokens)
        content = ContentAudit(keys=None, folder=Path(), limit=0, part_bytes=0)  # type: ignore[arg-type]  # of no group
        resources = SimpleNamespace(routing=routing, direct=direct, access=access, content=content)
        scope["state"] = {"resources": resources}
        context.attach(scope)
        Disconnect().attach(scope)
        await PassThrough()(scope, receive, send)
        direct.close()

    try:
        asyncio.run(main())
    except GatewayError as error:
        return context, error.status, error.body("r")
    return context, received[0]["status"], b"".join(message["body"] for message in received[1:])
