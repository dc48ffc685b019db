"""Run by LiteLLM's interpreter: what `proxy_authorization.authorize` decides of each case on standard input.

A case has `key`, `method`, `template` (of LiteLLM's route; null for a mounted application), `path`, `path_params`,
`body` (latin-1), `content_type`, `environment` and `router`. A result is the user and the role, or the status and the
text of the error.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import litellm
from litellm.proxy import proxy_server
from litellm.proxy._types import ProxyException
from starlette.requests import Request

from lisa_gateway.proxy_authorization import authorize

_SERVER = {"api_base": "http://127.0.0.1:1/v1", "api_key": "ignored"}


def deployment(name: str, info: dict[str, Any] | None, **parameters: Any) -> dict[str, Any]:
    """An entry of LiteLLM's model list."""
    served = {"model": f"openai/{name}", **_SERVER, **parameters}
    return {"model_name": name, "litellm_params": served, **({} if info is None else {"model_info": info})}


def router() -> litellm.Router:
    """A chat model, an embedding model, one of unknown mode, and one whose second deployment stores no answers."""
    return litellm.Router(
        model_list=[
            deployment("writer", {"mode": "chat"}),
            deployment("embedder", {"mode": "embedding"}),
            deployment("external", None),
            deployment("pair", {"mode": "chat"}),
            deployment("pair", {"mode": "chat"}, use_chat_completions_api=True),
        ]
    )


def request_of(case: dict[str, Any]) -> Request:
    """The request as LiteLLM has it when it calls `custom_auth`."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": case.get("method", "POST"),
        "path": case.get("path", "/"),
        "query_string": b"",
        "headers": [(b"content-type", case.get("content_type", "application/json").encode())],
        "path_params": case.get("path_params", {}),
    }
    if case.get("template"):
        scope["route"] = SimpleNamespace(path=case["template"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": case.get("body", "").encode("latin-1"), "more_body": False}

    return Request(scope, receive)


async def decide(case: dict[str, Any]) -> list[Any]:
    """The decision about one case."""
    try:
        found = await authorize(request_of(case), case.get("key"))
    except ProxyException as error:
        return [int(error.code or 0), error.message]
    return [found.user_id, str(getattr(found.user_role, "value", found.user_role))]


async def main() -> None:
    """Decide about all cases."""
    models = router()
    results = []
    for case in json.load(sys.stdin):
        os.environ.update(case.get("environment", {}))
        proxy_server.llm_router = models if case.get("router", True) else None
        before = dict(os.environ)
        results.append(await decide(case))
        os.environ.update(before)
        os.environ.update({"LITELLM_KEY": "sk-key", "LITELLM_ADMIN_KEY": "sk-admin"})
    sys.stdout.write("\n" + json.dumps(results))


asyncio.run(main())
