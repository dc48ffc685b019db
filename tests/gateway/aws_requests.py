"""Calls LiteLLM with models as litellmConfig writes them, and lists the requests that it would send.

Reads a JSON list of [kind, parameters] and writes a JSON list of requests for each. Run by LiteLLM's Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from typing import Any
from urllib.parse import unquote

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import httpx
import litellm
from botocore.httpsession import URLLib3Session

SEEN: list[dict[str, str]] = []
_STS = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAX</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/a/b</Arn>
<AssumedRoleId>x:y</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""


def note(method: str, url: str, headers: Any, body: bytes) -> None:
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", headers.get("Authorization", "") or "")
    host, _, path = url.partition("://")[2].partition("/")
    SEEN.append(
        {
            "method": method,
            "host": host,
            "path": unquote("/" + path),
            "region": scope[2] if scope else "",
            "service": scope[3] if scope else "",
            "key": scope[1] if scope else "",
            "body": body.decode(errors="replace") if host.startswith("sts.") else "",
        }
    )


def handle(self: Any, request: httpx.Request) -> httpx.Response:
    note(request.method, str(request.url), request.headers, request.read())
    return httpx.Response(418, json={"message": "probe"}, request=request)


def send(self: Any, request: Any) -> Any:
    from botocore.awsrequest import AWSResponse

    body = request.body or b""
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
    note(request.method, request.url, headers, body if isinstance(body, bytes) else str(body).encode())

    class Raw:
        def stream(self, *_: Any, **__: Any) -> Any:
            yield _STS.encode()

        def read(self, *_: Any, **__: Any) -> bytes:
            return b""

    return AWSResponse(request.url, 200 if "sts" in request.url else 418, {"content-type": "text/xml"}, Raw())


async def handle_async(self: Any, request: httpx.Request) -> httpx.Response:
    note(request.method, str(request.url), request.headers, await request.aread())
    return httpx.Response(418, json={"message": "probe"}, request=request)


httpx.HTTPTransport.handle_request = handle
httpx.AsyncHTTPTransport.handle_async_request = handle_async
URLLib3Session.send = send
litellm.num_retries = 0
litellm.disable_aiohttp_transport = True


async def count(params: dict[str, Any]) -> None:
    """Count tokens as `POST /v1/messages/count_tokens` of the proxy does."""
    from litellm.proxy.proxy_server import _get_provider_token_counter

    deployment = {"litellm_params": params}
    counter, model, provider = _get_provider_token_counter(deployment, params["model"])
    assert counter is not None
    assert counter.should_use_token_counting_api(custom_llm_provider=provider)
    messages = [{"role": "user", "content": "x"}]
    await counter.count_tokens(
        model_to_use=model or "", messages=messages, contents=None, deployment=deployment, request_model="x"
    )


def call(kind: str, params: dict[str, Any]) -> list[dict[str, str]]:
    SEEN.clear()
    error = ""
    try:
        if kind == "chat":
            litellm.completion(messages=[{"role": "user", "content": "x"}], max_retries=0, **params)
        elif kind == "stream":
            messages = [{"role": "user", "content": "x"}]
            list(litellm.completion(messages=messages, stream=True, max_retries=0, **params))
        elif kind == "embedding":
            litellm.embedding(input=["x"], max_retries=0, **params)
        elif kind == "rerank":
            litellm.rerank(query="x", documents=["y"], top_n=1, **params)
        elif kind == "image":
            litellm.image_generation(prompt="x", max_retries=0, **params)
        elif kind == "speech":
            litellm.speech(input="x", voice="Joanna", **params)
        elif kind == "count":
            asyncio.run(count(params))
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    found = [request for request in map(dict, SEEN) if request["host"] != "huggingface.co"]
    return found or [{"error": error}]


if __name__ == "__main__":
    answers = [call(kind, params) for kind, params in json.load(sys.stdin)]
    print("\n" + json.dumps(answers))  # noqa: T201  # the answer, below what LiteLLM prints
