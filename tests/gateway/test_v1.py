"""The deprecated routes, as LISA 2.x answered them."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk, open_stream

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
WRITER = {"provider": "ecs.textgen.tgi", "modelName": "org/writer"}
EMBEDDER = {"provider": "ecs.embedding.tei", "modelName": "org/embedder"}


def get(served: Gateway, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{served.url}/v1/{path}", params=query, headers=AUTHORIZED, timeout=10)


def post(served: Gateway, path: str, body: Any) -> requests.Response:
    return requests.post(f"{served.url}/v1/{path}", json=body, headers=AUTHORIZED, timeout=10)


def sent(stub: StubModel) -> Any:
    return json.loads(stub.last.body)


def test_list_models(served: Gateway) -> None:
    textgen = {"ecs.textgen.tgi": ["org/writer"], "ecs.textgen.vllm": ["org/other-writer"]}
    embedding = {"ecs.embedding.tei": ["org/embedder"], "ecs.embedding.instructor": ["org/instructed"]}
    assert get(served, "listModels").json() == {"textgen": textgen, "embedding": embedding}
    assert get(served, "listModels", modelTypes="textgen").json() == {"textgen": textgen}
    both = get(served, "listModels", modelTypes=["textgen", "embedding"])
    assert both.json() == {"textgen": textgen, "embedding": embedding}
    assert get(served, "listModels", modelTypes="image").status_code == 422


def test_describe_model(served: Gateway) -> None:
    found = get(served, "describeModel", **WRITER).json()
    arguments = found.pop("modelKwargs")
    assert found == {**WRITER, "modelType": "textgen", "streaming": True}
    assert (arguments["max_new_tokens"], arguments["do_sample"], arguments["stop_sequences"]) == (50, False, [])
    tei = get(served, "describeModel", **EMBEDDER).json()
    assert tei["modelKwargs"] == {"normalize": True, "truncate": True}
    assert "streaming" not in tei
    instructor = get(served, "describeModel", provider="ecs.embedding.instructor", modelName="org/instructed").json()
    assert instructor["modelKwargs"] == {"instruction": "Represent the document:"}


def test_describe_an_unknown_model(served: Gateway) -> None:
    answer = get(served, "describeModel", provider="ecs.textgen.tgi", modelName="org/none")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert get(served, "describeModel").status_code == 422


def test_describe_models(served: Gateway) -> None:
    found = get(served, "describeModels", modelTypes="embedding").json()
    assert list(found) == ["embedding"]
    assert found["embedding"]["ecs.embedding.tei"][0]["modelName"] == "org/embedder"


def test_generate(served: Gateway, stub: StubModel) -> None:
    answer = post(served, "generate", {**WRITER, "text": "Say", "modelKwargs": {"max_new_tokens": 9}})
    assert answer.json() == {"generatedText": "Hello there", "generatedTokens": 2, "finishReason": "stop"}
    assert stub.last.target == "/completions"
    assert sent(stub) == {"model": "writer", "prompt": "Say", "max_tokens": 9, "temperature": 0}


def test_arguments_of_generate(served: Gateway, stub: StubModel) -> None:
    arguments = {
        "top_k": 5,
        "top_p": 0.9,
        "typical_p": 0.8,
        "temperature": 0.7,
        "repetition_penalty": 1.1,
        "return_full_text": True,
        "truncate": 100,
        "stop_sequences": ["\n"],
        "seed": 3,
        "do_sample": True,
        "watermark": True,
    }
    answer = post(served, "generate", {**WRITER, "text": "Say: ", "modelKwargs": arguments})
    assert answer.json()["generatedText"] == "Say: Hello there"
    expected = {name: arguments[name] for name in ("top_k", "top_p", "typical_p", "temperature", "seed", "truncate")}
    expected |= {"model": "writer", "prompt": "Say: ", "max_tokens": 50, "stop": ["\n"], "repetition_penalty": 1.1}
    assert sent(stub) == expected


@pytest.mark.parametrize(("reason", "finish"), [("eos_token", "stop"), ("stop_sequence", "stop"), ("length", "length")])
def test_finish_reasons_are_those_of_openai(served: Gateway, stub: StubModel, reason: str, finish: str) -> None:
    """Text Generation Inference has others on its completions route."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if json.loads(await request.read()).get("stream"):
            events = await open_stream(request)
            await events.write(chunk("a", chat=False) + chunk("b", chat=False, finish=reason) + b"data: [DONE]\n\n")
            return events
        return web.json_response({"choices": [{"text": "ab", "finish_reason": reason}]})

    stub.behaviours["/completions"] = answer
    body = {**WRITER, "text": "Say", "modelKwargs": {}}
    assert post(served, "generate", body).json()["finishReason"] == finish
    last = json.loads(post(served, "generateStream", body).text.strip().splitlines()[-1].removeprefix("data:"))
    assert (last["finishReason"], last["details"]["finish_reason"]) == (finish, finish)


def test_vllm_truncates_by_another_name(served: Gateway, stub: StubModel) -> None:
    other = {"provider": "ecs.textgen.vllm", "modelName": "org/other-writer"}
    post(served, "generate", {**other, "text": "Say", "modelKwargs": {"truncate": 7, "do_sample": True}})
    assert (sent(stub)["truncate_prompt_tokens"], "temperature" in sent(stub)) == (7, False)


@pytest.mark.parametrize("arguments", [{"max_new_tokens": 0}, {"top_p": 2}, {"stop_sequences": "x"}])
def test_arguments_that_are_not_valid(served: Gateway, stub: StubModel, arguments: dict[str, Any]) -> None:
    answer = post(served, "generate", {**WRITER, "text": "a secret prompt", "modelKwargs": arguments})
    assert answer.status_code == 422
    assert "secret" not in answer.text
    assert not stub.seen


def test_generate_stream(served: Gateway) -> None:
    answer = post(served, "generateStream", {**WRITER, "text": "Say", "modelKwargs": {}})
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    lines = [json.loads(line.removeprefix("data:")) for line in answer.text.splitlines() if line]
    assert lines == [
        {"token": {"text": "Hello", "special": False}},
        {
            "token": {"text": " there", "special": False},
            "generatedTokens": 2,
            "finishReason": "stop",
            "generated_text": "Hello there",
            "details": {"finish_reason": "stop", "generated_tokens": 2},
        },
    ]


def test_a_generated_stream_that_breaks_ends_with_an_error(served: Gateway, stub: StubModel) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("a", chat=False))
        return answer

    stub.behaviours["/completions"] = half
    token, error = (
        json.loads(line[5:])
        for line in post(served, "generateStream", {**WRITER, "text": "Say"}).text.split("\n\n")[:-1]
    )
    assert token == {"token": {"text": "a", "special": False}}
    assert error["error"]["code"] == "upstream_interrupted"


@pytest.mark.parametrize("text", ["one", ["one", "two"]])
def test_embeddings(served: Gateway, stub: StubModel, text: str | list[str]) -> None:
    answer = post(served, "embeddings", {**EMBEDDER, "text": text, "modelKwargs": {"normalize": False}})
    texts = [text] if isinstance(text, str) else text
    assert answer.json() == {"embeddings": [[float(number), 0.5] for number in range(len(texts))]}
    expected = {"model": "embedder", "input": texts, "encoding_format": "float", "normalize": False, "truncate": True}
    assert sent(stub) == expected


def test_instructions_of_embeddings(served: Gateway, stub: StubModel) -> None:
    instructed = {"provider": "ecs.embedding.instructor", "modelName": "org/instructed"}
    post(served, "embeddings", {**instructed, "text": "one"})
    assert sent(stub)["instruction"] == "Represent the document:"


@pytest.mark.parametrize(
    ("path", "model"), [("generate", EMBEDDER), ("generateStream", EMBEDDER), ("embeddings", WRITER)]
)
def test_models_of_the_other_kind(served: Gateway, path: str, model: dict[str, str]) -> None:
    assert post(served, path, {**model, "text": "Say"}).status_code == 404


@pytest.mark.parametrize("path", ["generate", "generateStream", "embeddings"])
def test_errors_of_litellm_come_back(served: Gateway, stub: StubModel, path: str) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "slow down"}}, status=429)

    stub.behaviours |= {"/completions": fail, "/embeddings": fail}
    answer = post(served, path, {**(EMBEDDER if path == "embeddings" else WRITER), "text": "Say"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (429, "slow down")


@pytest.mark.parametrize("content", [b"no json", b"{}", b'{"choices": []}', b'{"choices": [1], "data": [2]}', b"[]"])
@pytest.mark.parametrize("path", ["generate", "embeddings"])
def test_answers_of_another_form(served: Gateway, stub: StubModel, path: str, content: bytes) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(body=content)

    stub.behaviours |= {"/completions": odd, "/embeddings": odd}
    answer = post(served, path, {**(EMBEDDER if path == "embeddings" else WRITER), "text": "Say"})
    assert answer.status_code == 502


def test_openai_models(served: Gateway) -> None:
    found = [model["id"] for model in get(served, "openai/models").json()["data"]]
    assert found == ["org/writer (ecs.textgen.tgi)", "org/other-writer (ecs.textgen.vllm)"]


@pytest.mark.parametrize("path", ["completions", "chat/completions"])
@pytest.mark.parametrize("stream", [False, True])
def test_openai_routes(served: Gateway, stub: StubModel, path: str, stream: bool) -> None:
    body = {"model": "org/writer (ecs.textgen.tgi)", "prompt": "Say", "messages": [], "stream": stream, "own": 1}
    answer = post(served, f"openai/{path}", body)
    assert answer.status_code == 200
    assert ("data: [DONE]" in answer.text) is stream
    assert (stub.last.target, sent(stub)) == (f"/{path}", body | {"model": "writer"})


def test_openai_models_that_are_unknown(served: Gateway) -> None:
    assert post(served, "openai/completions", {"model": "writer", "prompt": "Say"}).status_code == 404


@pytest.mark.parametrize("path", ["listModels", "describeModel", "nothing"])
def test_every_answer_says_that_the_route_goes_away(served: Gateway, path: str) -> None:
    answer = get(served, path)
    assert answer.headers["Deprecation"].startswith("@")
    assert answer.headers["Link"] == '</v2/serve>; rel="successor-version"'


def test_a_refusal_says_so_too(served: Gateway) -> None:
    url = f"{served.url}/v1/generate"
    refused = [requests.get(url, timeout=10), requests.get(url, headers={"X": "y" * 66_000}, timeout=10)]
    assert [answer.status_code for answer in refused] == [401, 431]
    assert all("Deprecation" in answer.headers for answer in refused)


def test_a_client_that_leaves_cancels_what_litellm_does(served: Gateway, stub: StubModel) -> None:
    begun = []

    async def slow(_: web.Request) -> web.StreamResponse:
        begun.append(True)
        await asyncio.sleep(20)
        return web.json_response({})

    stub.behaviours["/completions"] = slow
    body = json.dumps({**WRITER, "text": "a"}).encode()
    head = f"POST /v1/generate HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        wait_for(lambda: bool(begun))
    wait_for(lambda: bool(stub.left))


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_new_routes_do_not(served: Gateway) -> None:
    answer = requests.get(f"{served.url}/v2/serve/models", headers=AUTHORIZED, timeout=10)
    assert "Deprecation" not in answer.headers


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "parts",
    [
        (
            '[{"provider":"ecs.textgen.tgi","modelName":"a","modelId":"a","modelType":"textgen"},{"prov',
            'ider":"ecs.textgen.tgi","modelName":"b","modelId":"b","modelType":"textgen"}]',
        ),
        (
            '[{"provider":"ecs.textgen.tgi","modelName":"a","modelId":"a","modelType":"textgen"}]',
            '[{"provider":"ecs.textgen.tgi","modelName":"b","modelId":"b","modelType":"textgen"}]',
        ),
    ],
    ids=["text in parts", "a list in each part"],
)
async def test_a_list_of_models_in_parts(parts: tuple[str, str]) -> None:
    from lisa_gateway.v1.registry import Registry

    values = {"/m": '{"parts": 2}', "/m/0": parts[0], "/m/1": parts[1]}

    class Parameters:
        """Parameter Store in memory."""

        async def get_parameter(self, Name: str) -> Any:  # noqa: N803
            await asyncio.sleep(0)
            return {"Parameter": {"Value": values[Name]}}

    assert [model.name for model in await Registry(Parameters(), "/m").models()] == ["a", "b"]
