"""What the gateway's keys reach in the real LiteLLM, asked directly and through the gateway."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.litellm_proxy import ADMIN_KEY, CREDENTIALS, KEY, MASTER_KEY
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk
from lisa_gateway.operations import Access, operations

pytestmark = pytest.mark.xdist_group("litellm")

HELLO: Any = [{"role": "user", "content": "hi"}]
CHAT = {"model": "writer", "messages": HELLO}


def ask(proxy: str, method: str, path: str, key: str | None = KEY, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.request(method, f"{proxy}{path}", json=body, headers=headers, timeout=60, allow_redirects=False)


def through(whole: Gateway, path: str, body: Any, **headers: str) -> requests.Response:
    url = f"{whole.url}/v2/serve{path}"
    return requests.post(url, json=body, headers={"Api-Key": TOKEN, **headers}, timeout=60)


@pytest.fixture
def listener() -> Iterator[Any]:
    """An address of the caller's choice, with what came there."""
    came: list[tuple[str, str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            came.append((self.command, self.path, dict(self.headers)))
            self.send_response(200)
            self.end_headers()

        do_GET = do_POST = do_HEAD = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.came = came  # type: ignore[attr-defined]
    server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield server
    server.shutdown()


def filled(path: str) -> str:
    """A template with a name for each parameter."""
    return path.replace("{model:path}", "writer").replace("{model_id}", "writer")


def test_no_operation_opens_without_a_key(proxy: str, stub: StubModel) -> None:
    open_to_all = {"/health/liveliness", "/health/liveness", "/health/readiness"}
    for operation in operations():
        if operation.access is Access.CLOSED or operation.method == "MOUNT" or operation.path in open_to_all:
            continue
        for key in (None, "sk-wrong", MASTER_KEY):
            answer = ask(
                proxy, operation.method, filled(operation.path), key, {} if operation.method == "POST" else None
            )
            assert answer.status_code == 401, (operation, key)


def test_the_inference_key_does_not_administer(proxy: str, stub: StubModel) -> None:
    refused = 0
    for operation in operations():
        if operation.access is Access.ADMINISTRATION and not operation.path.startswith(("/health/l", "/health/ready")):
            if operation.path == "/health/readiness" or operation.method == "MOUNT":
                continue
            body = {} if operation.method == "POST" else None
            answer = ask(proxy, operation.method, operation.path, KEY, body)
            assert answer.status_code == 403, operation
            refused += 1
    assert refused > 25
    assert ask(proxy, "GET", "/model/info", ADMIN_KEY).status_code == 200
    assert ask(proxy, "GET", "/router/settings", ADMIN_KEY).status_code == 200


@pytest.mark.parametrize("key", [KEY, ADMIN_KEY])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/mcp-rest/test/connection"),
        ("POST", "/search_tools/test_connection"),
        ("POST", "/coordination_redis/settings/test"),
        ("POST", "/health/test_connection"),
        ("POST", "/key/generate"),
        ("POST", "/model/new"),
        ("PATCH", "/model/x/update"),
        ("POST", "/config/update"),
        ("GET", "/config/yaml"),
        ("POST", "/credentials"),
        ("POST", "/user/new"),
        ("POST", "/guardrails/test_custom_code"),
        ("POST", "/bedrock/model/x/converse"),
        ("POST", "/openai/v1/responses/x/y"),
        ("GET", "/v1/files"),
    ],
)
def test_neither_key_reaches_closed_operations(proxy: str, listener: Any, key: str, method: str, path: str) -> None:
    body = {"url": listener.url, "server_id": "x", "transport": "http", "auth_type": "aws_sigv4", "host": listener.url}
    answer = ask(proxy, method, path, key, body if method != "GET" else None)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/json")
    assert not listener.came


ATTACKS: list[tuple[str, dict[str, Any]]] = [
    ("/chat/completions", {"api_base": "URL"}),
    ("/chat/completions", {"base_url": "URL"}),
    ("/chat/completions", {"api_base": "URL", "api_key": "x", "custom_llm_provider": "openai"}),
    ("/chat/completions", {"extra_body": {"api_base": "URL"}}),
    ("/chat/completions", {"extra_headers": {"Authorization": "x"}}),
    (
        "/chat/completions",
        {"user_config": {"model_list": [{"model_name": "writer", "litellm_params": {"api_base": "URL"}}]}},
    ),
    ("/chat/completions", {"router_settings_override": {"fallbacks": [{"writer": ["external"]}]}}),
    ("/chat/completions", {"fallbacks": [{"model": "openai/x", "api_base": "URL"}]}),
    ("/chat/completions", {"mock_response": "made up"}),
    ("/chat/completions", {"metadata": {"langfuse_host": "URL"}}),
    ("/chat/completions", {"aws_bedrock_runtime_endpoint": "URL"}),
    ("/chat/completions", {"aws_sts_endpoint": "URL", "aws_role_name": "x"}),
    ("/chat/completions", {"tools": [{"type": "mcp", "server_label": "x", "server_url": "URL"}]}),
    ("/responses", {"input": "hi", "tools": [{"type": "mcp", "server_label": "x", "server_url": "URL"}]}),
    ("/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "URL"}]}]}),
    ("/v1/messages", {"max_tokens": 5, "mcp_servers": [{"type": "url", "url": "URL", "name": "x"}]}),
    (
        "/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "URL"}}]}]},
    ),
    (
        "/chat/completions",
        {
            "extra_body": {
                "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "URL"}}]}]
            }
        },
    ),
    ("/responses", {"model": "external", "input": "hi", "extra_body": {"model": "a-dearer-one"}}),
    ("/chat/completions", {"model": "openai/anything"}),
    ("/moderations", {"model": "openai/omni-moderation-latest", "input": "x"}),
    ("/rerank", {"model": "cohere/x", "query": "x", "documents": ["x"]}),
    ("/audio/speech", {"model": "openai/tts-1", "input": "x", "voice": "x"}),
    ("/images/generations", {"model": "bedrock/x", "prompt": "x"}),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: json.dumps(attack)[:60])
def test_fields_that_litellm_acts_on_are_refused(
    whole: Gateway, stub: StubModel, listener: Any, attack: tuple[str, dict[str, Any]]
) -> None:
    path, fields = attack
    body = CHAT | json.loads(json.dumps(fields).replace("URL", f"{listener.url}/taken"))
    answer = through(whole, path, body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json"), answer.text
    assert answer.json()["error"]["message"]
    assert not listener.came
    assert not [seen for seen in stub.seen if seen.method == "POST"]


def test_a_form_may_not_have_such_fields_either(whole: Gateway, stub: StubModel, listener: Any) -> None:
    for name in ("api_base", "metadata[aws_role_name]", "extra_headers"):
        files = {"file": ("a.wav", b"RIFF", "audio/wav"), "model": (None, "external"), name: (None, listener.url)}
        url = f"{whole.url}/v2/serve/audio/transcriptions"
        answer = requests.post(url, files=files, headers={"Api-Key": TOKEN}, timeout=60)
        assert answer.status_code in (400, 500)
        assert answer.json()["error"]["message"]
    assert not listener.came
    assert not stub.seen


@pytest.mark.parametrize(
    "body",
    [json.dumps(CHAT | {"api_base": "x"}).encode("utf-16"), b"[1]", b'"text"', b"{", b"\xff\xfe"],
    ids=["utf-16", "list", "text", "half", "bytes"],
)
def test_bodies_that_are_no_objects(whole: Gateway, stub: StubModel, body: bytes) -> None:
    headers = {"Api-Key": TOKEN, "Content-Type": "application/json"}
    answer = requests.post(f"{whole.url}/v2/serve/chat/completions", data=body, headers=headers, timeout=60)
    assert answer.status_code in (400, 500)
    assert answer.json()["error"]["message"]
    assert not stub.seen


def test_parameters_of_the_model_are_forwarded(whole: Gateway, stub: StubModel) -> None:
    given = {"temperature": 0.5, "top_k": 7, "repetition_penalty": 1.1, "min_tokens": 2, "seed": 3}
    assert through(whole, "/chat/completions", CHAT | given).status_code == 200
    sent = json.loads(stub.last.body)
    assert {name: sent.get(name) for name in given} == given
    assert not [value for value in CREDENTIALS.values() if value in str(stub.last.headers)]


@pytest.mark.parametrize("stream", [False, True])
def test_answers_do_not_show_where_a_model_is(whole: Gateway, stub: StubModel, stream: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"OpenAI-Organization": "our-account", "OpenAI-Project": "our-project", "Set-Cookie": "session=ours"}
        if not stream:
            return web.json_response({"id": "c", "object": "chat.completion", "choices": []}, headers=headers)
        events = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
        await events.prepare(request)
        await events.write(chunk("hi", chat=True, finish="stop") + b"data: [DONE]\n\n")
        return events

    stub.behaviours["/chat/completions"] = answer
    found = through(whole, "/chat/completions", CHAT | {"model": "external", "stream": stream})
    shown = str(dict(found.headers)) + found.text
    assert found.status_code == 200
    assert not [each for each in (stub.url, "our-account", "our-project", "session=ours") if each in shown], shown


@pytest.mark.parametrize("status", [401, 404, 408])
def test_errors_of_one_caller_do_not_take_out_a_model(whole: Gateway, stub: StubModel, status: int) -> None:
    """With a name that has several deployments, so that cooldowns are on; `test_litellm` has a proxy without."""

    async def fail(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no"}}, status=status)

    for model in ("writer", "external", "pair"):
        stub.behaviours["/chat/completions"] = fail
        for _ in range(6):
            answered = through(whole, "/chat/completions", CHAT | {"model": model}).status_code
            assert answered == (502 if status == 401 else status)
        stub.behaviours.clear()
        for _ in range(4):
            assert through(whole, "/chat/completions", CHAT | {"model": model}).status_code == 200


def test_a_deployment_that_is_at_its_limit_is_left_for_the_other(whole: Gateway, stub: StubModel) -> None:
    asked = []

    async def limited(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "1"})

    stub.behaviours["/chat/completions"] = limited
    answers = [through(whole, "/chat/completions", CHAT | {"model": "pair"}) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {429}
    assert len(asked) < 6


@pytest.mark.parametrize(
    ("path", "model", "served"),
    [
        ("/chat/completions", "embedder", "/embeddings"),
        ("/completions", "embedder", "/embeddings"),
        ("/responses", "embedder", "/embeddings"),
        ("/messages", "embedder", "/embeddings"),
        ("/openai/deployments/embedder/chat/completions", "embedder", "/embeddings"),
        ("/openai/deployments/writer/chat/completions", "embedder", "/embeddings"),
        ("/embeddings", "writer", "/chat/completions, /completions, /responses, /v1/messages"),
        ("/images/generations", "writer", "/chat/completions, /completions, /responses, /v1/messages"),
    ],
)
def test_operations_that_a_model_does_not_serve(
    whole: Gateway, stub: StubModel, path: str, model: str, served: str
) -> None:
    answer = through(whole, path, {"model": model, "messages": HELLO, "input": "x", "prompt": "x", "max_tokens": 5})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].endswith(f"Use it with {served}.")
    assert not stub.seen


def test_one_model_is_described(whole: Gateway) -> None:
    client = openai.OpenAI(api_key=TOKEN, base_url=f"{whole.url}/v2/serve", max_retries=0)
    assert client.models.retrieve("writer").id == "writer"


def test_models_of_the_header_are_compared_with_the_body_that_litellm_has_parsed(proxy: str) -> None:
    def ask_for(models: list[str], path: str = "/chat/completions", **request: Any) -> int:
        headers = {"Authorization": f"Bearer {KEY}", "X-Lisa-Models": json.dumps(models)}
        return requests.post(f"{proxy}{path}", headers=headers, timeout=60, **request).status_code

    assert ask_for(["writer"], json=CHAT) == 200
    assert ask_for(["wr*"], json=CHAT) == 200
    assert ask_for(["embedder"], json=CHAT) == ask_for([], json=CHAT) == 403
    assert ask_for(["writer"], "/engines/stub/chat/completions", json=CHAT) == 403
    upload = {"data": {"model": "external"}, "files": {"file": ("a.wav", b"RIFF")}}
    assert ask_for(["writer"], "/audio/transcriptions", **upload) == 403
    assert ask_for(["external"], "/audio/transcriptions", **upload) != 403
