"""Models change while requests are served: the supervisor with the gateway, a real S3, and a stand-in for LiteLLM."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from gateway.conftest import TOKEN, Aws
from gateway.supervised import Published, container, litellm_config, object_store, routes
from weights.seaweedfs import Store

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with object_store(tmp_path_factory.mktemp("store")) as found:
        yield found


@pytest.fixture
def published(aws: Aws, store: Store) -> Published:
    return Published(aws, store, f"/lisa/{next(_NUMBERS)}/gateway/configuration")


async def _chat(session: aiohttp.ClientSession, url: str, model: str, *, stream: bool = False) -> tuple[int, str]:
    body = {"model": model, "messages": [], "stream": stream}
    async with session.post(f"{url}/v2/serve/chat/completions", json=body) as answer:
        return answer.status, await answer.text()


def test_a_model_is_added_while_requests_are_served(published: Published, tmp_path: Path) -> None:
    published.put(routes("a"), litellm_config("a"))

    async def scenario(url: str) -> tuple[Counter[int], str, float]:
        statuses: Counter[int] = Counter()
        is_over = False

        async def load(session: aiohttp.ClientSession) -> None:
            while not is_over:
                status, _ = await _chat(session, url, "a")
                statuses[status] += 1

        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            callers = [asyncio.create_task(load(session)) for _ in range(8)]
            stream = asyncio.create_task(_chat(session, url, "a", stream=True))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            await asyncio.to_thread(published.put, routes("a", "b"), litellm_config("a", "b", starts_in=0.5))
            while (await _chat(session, url, "b"))[0] != 200:
                assert time.monotonic() < began + 60
                await asyncio.sleep(0.05)
            seconds = time.monotonic() - began
            await asyncio.sleep(1)
            is_over = True
            await asyncio.gather(*callers)
            return statuses, (await stream)[1], seconds

    with container(tmp_path, published, THREADS="2") as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        (before,) = made.litellms()
        statuses, stream, seconds = asyncio.run(scenario(made.url))
        assert set(statuses) == {200}
        assert statuses[200] > 50
        # It began on the LiteLLM that was replaced, which ends when its requests have.
        assert stream.count("word") == 30
        assert stream.endswith("data: [DONE]\n\n")
        made.wait(lambda: before not in made.litellms())
        assert len(made.litellms()) == 1
        assert seconds < 30
        assert made.metric("lisa_gateway_configuration_pending") == 0


def test_a_faulty_configuration_is_not_adopted(published: Published, tmp_path: Path) -> None:
    published.put(routes("a"), litellm_config("a"))
    with container(tmp_path, published, HANG_TIMEOUT="8") as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        before = made.litellms()

        def faults(fault: str) -> float:
            return made.metric(f'lisa_gateway_configuration_faults_total{{fault="{fault}"}}')

        wrong = {"bucket": "assets", "key": "gateway-x.json", "sha256": "0" * 64}
        published.s3().put_object(Bucket="assets", Key=wrong["key"], Body=b"{}")
        for fault, publish in {
            "litellm": lambda: published.put(routes("a", "b"), litellm_config("a", "b", ends=True)),
            "digest": lambda: published.put(routes("a"), litellm_config("a"), routes=wrong),
            "object": lambda: published.put(routes("a"), litellm_config("a"), routes=wrong | {"bucket": "missing"}),
            "parameter": lambda: published.put_value("{}"),
            "content": lambda: published.put(b"[", litellm_config("a")),
        }.items():
            publish()
            made.wait(lambda fault=fault: faults(fault) > 0)  # type: ignore[misc]
            assert made.ask("a")[0] == 200
        for reason, files in {
            "LiteLLM's config.yaml is not valid": (routes("a"), b"model_list: {"),
            "access document is not valid": (b'{"schemaVersion": 1, "access": {"groups": 3}}', litellm_config("a")),
        }.items():
            published.put(*files)
            made.wait(lambda reason=reason: reason in made.log())  # type: ignore[misc]
        published.remove()
        made.wait(lambda: faults("parameter") > 1)
        assert made.ask("a")[0] == 200
        assert made.litellms() == before
        assert made.metric("lisa_gateway_configuration_pending") == 1
        assert "the gateway serves with configuration" in made.log()
        # One that hangs while it starts is given up, and the container stays.
        published.put(routes("a", "d"), litellm_config("a", "d", starts_in=600))
        made.wait(lambda: faults("litellm") > 1)
        assert made.litellms() == before
        # What was rejected does not stand in the way of what follows.
        published.put(routes("a", "c"), litellm_config("a", "c"))
        made.wait(lambda: made.ask("c")[0] == 200)
        assert made.metric("lisa_gateway_configuration_pending") == 0


def test_litellm_is_started_again_where_it_ends_or_hangs(published: Published, tmp_path: Path) -> None:
    published.put(routes("a", direct=["d"]), litellm_config("a"))
    with container(tmp_path, published, HANG_TIMEOUT="8") as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        (first,) = made.litellms()
        os.kill(first, signal.SIGKILL)
        made.wait(lambda: made.get("/health/readiness")[0] == 503)
        assert made.get("/health")[0] == 200
        made.wait(lambda: made.ask("a")[0] == 200)
        (second,) = made.litellms()
        assert second != first
        (tmp_path / "hang").touch()
        made.wait(lambda: second not in made.litellms())
        (tmp_path / "hang").unlink()
        made.wait(lambda: made.ask("a")[0] == 200)
        assert made.metric("lisa_gateway_litellm_exits_total") >= 2


def test_litellm_runs_only_while_it_has_models(published: Published, tmp_path: Path) -> None:
    published.put(routes(direct=["d"]), litellm_config())
    with container(tmp_path, published) as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        assert made.get("/health/readiness")[0] == 200
        assert not made.litellms()
        published.put(routes("a", direct=["d"]), litellm_config("a"))
        made.wait(lambda: made.ask("a")[0] == 200)
        published.put(routes(direct=["d"]), litellm_config())
        made.wait(lambda: not made.litellms())
        assert made.get("/health/readiness")[0] == 200


def test_direct_routes_are_served_while_litellm_does_not_start(published: Published, tmp_path: Path) -> None:
    # LiteLLM has them too: it translates other APIs for them.
    published.put(routes(direct=["d"]), litellm_config("d", ends=True))
    with container(tmp_path, published, HANG_TIMEOUT="1") as made:
        made.wait(lambda: made.get("/health/readiness")[0] == 200)
        made.wait(lambda: made.metric("lisa_gateway_litellm_exits_total") > 3)
        # Its server does not exist.
        assert made.ask("d")[1]["error"]["code"] == "model_unavailable"
        published.put(routes(direct=["d"]), litellm_config("d"))
        made.wait(lambda: made.get("/v2/serve/models")[0] == 200 and made.litellms())


@pytest.mark.parametrize("end", ["the gateway is killed", "the supervisor is killed", "LiteLLM does not start again"])
def test_the_container_ends_with_its_programs(published: Published, tmp_path: Path, end: str) -> None:
    published.put(routes("a"), litellm_config("a"))
    with container(tmp_path, published, HANG_TIMEOUT="8") as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        if end == "LiteLLM does not start again":
            (tmp_path / "bin" / "litellm").write_text("#!/bin/sh\nexit 1\n")
            os.kill(*made.litellms(), signal.SIGKILL)
        elif end == "the supervisor is killed":
            made.process.kill()
        else:
            os.kill(made.gateway(), signal.SIGKILL)
        assert made.process.wait(60) != 0
        deadline = time.monotonic() + 60
        while made.litellms() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not made.litellms()


def test_a_container_without_a_configuration_does_not_start(aws: Aws, store: Store, tmp_path: Path) -> None:
    with container(tmp_path, Published(aws, store, "/lisa/missing")) as made:
        assert made.process.wait(120) == 1
        assert "without a configuration the gateway does not start" in made.log()
        assert "/lisa/missing" in made.log()


def test_a_directory_is_followed_where_there_is_no_aws(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    for name, content in {"gateway/routes.json": routes("a"), "litellm/config.yaml": litellm_config("a")}.items():
        (compiled / name).parent.mkdir(parents=True)
        (compiled / name).write_bytes(content)
    environment = {
        "AWS_REGION": "us-east-1",
        "GATEWAY_CONFIGURATION_DIRECTORY": str(compiled),
        "REGISTERED_MODELS_PS_NAME": "/none",
        "TOKEN_TABLE_NAME": "none",
        "USE_AUTH": "false",
    }
    with container(tmp_path, None, **environment) as made:
        made.wait(lambda: made.ask("a")[0] == 200)
        (compiled / "gateway/routes.json").write_bytes(routes("b"))
        (compiled / "litellm/config.yaml").write_bytes(litellm_config("b"))
        made.wait(lambda: made.ask("b")[0] == 200)
        shutil.rmtree(compiled)
        made.wait(lambda: "No such file" in made.log())
        assert made.ask("b")[0] == 200


def test_litellm_gets_the_key_of_a_model_when_its_stack_has_created_it(published: Published, tmp_path: Path) -> None:
    document = json.loads(routes("a"))
    document["models"][0]["key"] = {"secret": "d/models/a/key", "variable": "LISA_MODEL_KEY_A"}
    published.put(json.dumps(document).encode(), litellm_config("a"))

    def key_of(litellm: int) -> str:
        variables = Path(f"/proc/{litellm}/environ").read_bytes().split(b"\0")
        return dict(one.decode().partition("=")[::2] for one in variables).get("LISA_MODEL_KEY_A", "")

    with container(tmp_path, published, MODEL_KEY_POLL="1") as made:
        made.wait(lambda: made.get("/health")[0] == 200)
        (before,) = made.litellms()
        assert key_of(before) == "none"
        published.aws.client("secretsmanager").create_secret(Name="d/models/a/key", SecretString="generated")
        made.wait(lambda: before not in made.litellms() and len(made.litellms()) == 1)
        (after,) = made.litellms()
        assert key_of(after) == "generated"
        assert made.get("/health")[0] == 200
        # Nothing else changes, so that nothing is started again.
        time.sleep(2)
        assert list(made.litellms()) == [after]
        # Each other value comes with another LiteLLM, without a pause between them; requests do not notice.
        for value in ("second", "third"):
            replaced = list(made.litellms())
            published.aws.client("secretsmanager").put_secret_value(SecretId="d/models/a/key", SecretString=value)

            def is_replaced(replaced: list[int] = replaced) -> bool:
                assert made.ask("a")[0] == 200
                found = list(made.litellms())
                return len(found) == 1 and found != replaced

            made.wait(is_replaced, seconds=50)
            assert [key_of(litellm) for litellm in made.litellms()] == [value]
        # A key that cannot be read any more stays.
        (last,) = made.litellms()
        published.aws.client("secretsmanager").delete_secret(SecretId="d/models/a/key", ForceDeleteWithoutRecovery=True)
        time.sleep(3)
        assert list(made.litellms()) == [last]
