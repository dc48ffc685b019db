"""What callers may use, by their groups: models, lists of models, limits that gateways share, and usage."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from gateway.conftest import LIMITS, TOKEN, USAGE, Aws, Issuer, settings
from gateway.person import sign_in
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel, open_stream

OPEN: dict[str, Any] = {"models": ["*"], "repositories": []}
ACCESS = {
    "groups": {
        "staff": {"models": ["writer", "fast", "openai/*"], "perGroup": {"requestsPerMinute": 40}},
        "lisa-admins": {"models": ["embedder"], "perGroup": {"requestsPerMinute": 45}},
    },
    "everyone": {"models": ["writer"], "perCaller": {"dailyTokens": 100}},
}
# `far/*` is a pattern, so that LiteLLM alone knows all names.
MODELS = [{"name": name, "route": "litellm"} for name in ("writer", "embedder", "far/*")]
CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def guarded(
    aws: Aws, issuer: Issuer, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Gateway]]:
    """Two gateways with the same access and tables."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    routes = folder / "routes.json"
    fast = {"name": "fast", "route": "direct", "type": "textgen", "engine": "vllm", "address": _shared_stub.url}
    models = [*MODELS, fast | {"operations": ["chat", "completions"]}]
    routes.write_text(json.dumps({"schemaVersion": 1, "models": models, "access": ACCESS}))
    environment = settings(aws, issuer.url, _shared_stub.url) | {
        "ROUTES_FILE": str(routes),
        "LIMITS_TABLE_NAME": LIMITS,
        "USAGE_TABLE_NAME": USAGE,
    }
    with ExitStack() as stack:
        yield [stack.enter_context(gateway(folder, environment)) for _ in range(2)]


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens of users: bob is in staff, ada in staff and lisa-admins, eve in no group."""
    return {user: sign_in(issuer.url, user) for user in ("bob", "ada", "eve")}


def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def list_of_models(stub: StubModel) -> None:
    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in ("writer", "embedder", "far")]})

    stub.behaviours["/models"] = models


def test_list_of_models_has_what_the_caller_may_use(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel
) -> None:
    list_of_models(stub)

    def names(user: str) -> list[str]:
        found = requests.get(f"{guarded[0].url}/v2/serve/models", headers=headers(tokens[user]), timeout=10).json()
        return [entry["id"] for entry in found["data"]]

    assert names("ada") == ["writer", "embedder"]
    assert names("bob") == names("eve") == ["writer"]
    refused = requests.get(f"{guarded[0].url}/v2/serve/v1/models/far", headers=headers(tokens["bob"]), timeout=10)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "model_not_permitted"
    assert "/models" in refused.json()["error"]["message"]
    listed = requests.get(f"{guarded[0].url}/v1/listModels", headers=headers(tokens["bob"]), timeout=10).json()
    assert listed == {"textgen": {"ecs.textgen.tgi": ["org/writer"]}, "embedding": {}}


def test_deprecated_routes_check_the_model(guarded: list[Gateway], tokens: dict[str, str], stub: StubModel) -> None:
    def generate(user: str, model: str, provider: str, path: str = "generate") -> int:
        body = {"provider": provider, "modelName": model, "text": "Once"}
        url = f"{guarded[0].url}/v1/{path}"
        return requests.post(url, json=body, headers=headers(tokens[user]), timeout=10).status_code

    assert generate("bob", "org/writer", "ecs.textgen.tgi") == 200
    stub.seen.clear()
    assert generate("bob", "org/other-writer", "ecs.textgen.vllm") == 403
    assert generate("bob", "org/embedder", "ecs.embedding.tei", "embeddings") == 403
    assert stub.seen == []
    assert generate("ada", "org/embedder", "ecs.embedding.tei", "embeddings") == 200


def test_model_of_another_group_is_refused_before_it_is_asked(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel
) -> None:
    url = f"{guarded[0].url}/v2/serve"
    for path in ("chat/completions", "engines/embedder/completions"):
        body = CHAT | {"model": "embedder"}
        refused = requests.post(f"{url}/{path}", json=body, headers=headers(tokens["bob"]), timeout=10)
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "model_not_permitted"
    assert stub.seen == []
    # What the routes do not know, LiteLLM's side decides on.
    unknown = requests.post(
        f"{url}/chat/completions", json=CHAT | {"model": "openai/x"}, headers=headers(tokens["bob"]), timeout=10
    )
    assert unknown.status_code == 200


def test_litellms_side_is_told_the_models_and_callers_cannot_tell_it(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel
) -> None:
    url = f"{guarded[0].url}/v2/serve/chat/completions"
    forged = headers(tokens["bob"]) | {"X-Lisa-Models": '["*"]', "X_Lisa_Models": '["*"]'}
    assert requests.post(url, json=CHAT | {"model": "writer"}, headers=forged, timeout=10).status_code == 200
    told = [value for name, value in stub.last.headers.items() if "lisa" in name.lower()]
    assert [json.loads(value) for value in told] == [["fast", "openai/*", "writer"]]


def test_stream_of_a_hosted_model_is_charged_without_showing_what_the_caller_did_not_ask_for(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel
) -> None:
    url = f"{guarded[0].url}/v2/serve/chat/completions"
    body = CHAT | {"model": "fast", "stream": True}
    answer = requests.post(url, json=body, headers=headers(tokens["bob"]), timeout=10)
    assert answer.status_code == 200
    assert json.loads(stub.last.body)["stream_options"] == {"include_usage": True}
    assert "usage" not in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.headers["x-ratelimit-limit-requests"] == "40"
    stub.seen.clear()
    assert requests.post(url, json=body, headers=headers(tokens["eve"]), timeout=10).status_code == 403
    assert stub.seen == []


def test_gateways_share_a_limit_and_say_how_much_is_left(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel
) -> None:
    wait_for_a_minute_with(20)

    def ask(number: int) -> requests.Response:
        url = f"{guarded[number % 2].url}/v2/serve/chat/completions"
        return requests.post(url, json=CHAT | {"model": "writer"}, headers=headers(tokens["ada"]), timeout=10)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(70)))
    admitted = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    # The larger limit of both groups; at most an eighth of it, which the other gateway holds, is not used.
    assert len(admitted) + len(refused) == 70
    assert 45 - 6 <= len(admitted) <= 45
    assert admitted[0].headers["x-ratelimit-limit-requests"] == "45"
    assert int(admitted[0].headers["x-ratelimit-remaining-requests"]) < 45
    assert admitted[0].headers["x-ratelimit-reset-requests"].endswith("s")
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert refused[0].headers["x-ratelimit-limit-requests"] == "45"
    assert refused[0].json()["error"]["code"] == "rate_limit_exceeded"


def wait_for_a_minute_with(seconds: float) -> None:
    """Wait until a minute lasts for some time, so that a test does not run on both sides of its end."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left)


def test_budget_is_charged_with_what_the_server_reports(guarded: list[Gateway], stub: StubModel, aws: Aws) -> None:
    url = f"{guarded[0].url}/v2/serve/chat/completions"

    def ask() -> requests.Response:
        return requests.post(url, json=CHAT | {"model": "writer"}, headers=headers(TOKEN), timeout=10)

    async def reports(request: web.Request) -> web.Response:
        return web.json_response({"usage": {"prompt_tokens": 10, "completion_tokens": 15}})

    async def fails(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "no"}}, status=400)

    stub.behaviours["/chat/completions"] = fails
    assert [ask().status_code for _ in range(4)] == [400] * 4  # An error costs nothing.
    stub.behaviours["/chat/completions"] = reports
    # 25 tokens each; the reservation of a fifth request, by its bytes, does not fit any more.
    answers = [ask() for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    error = answers[-1].json()["error"]
    assert error["code"] == "insufficient_quota"
    assert "100 tokens per day" in error["message"]
    assert answers[-1].headers["x-should-retry"] == "false"


def usage_of(aws: Aws, subject: str) -> dict[str, dict[str, int]]:
    items = aws.client("dynamodb").query(
        TableName=USAGE, KeyConditionExpression="subject = :s", ExpressionAttributeValues={":s": {"S": subject}}
    )["Items"]
    return {
        item["period"]["S"]: {name: int(value["N"]) for name, value in item.items() if "N" in value} for item in items
    }


def test_usage_is_recorded_and_survives_the_end_of_a_gateway_but_not_a_kill_of_the_last_seconds(
    guarded: list[Gateway], tokens: dict[str, str], stub: StubModel, aws: Aws
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(6):
            await answer.write(b'data: {"choices": []}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return answer

    stub.behaviours["/chat/completions"] = broken
    urls = [f"{one.url}/v2/serve/chat/completions" for one in guarded]
    body = CHAT | {"model": "writer"}
    answer = requests.post(urls[0], json=body | {"stream": True}, headers=headers(tokens["eve"]), timeout=10)
    assert b'"error"' in answer.content.splitlines()[-2]
    stub.behaviours.clear()
    assert requests.post(urls[1], json=body, headers=headers(tokens["eve"]), timeout=10).ok
    day = time.strftime("%Y-%m-%d", time.gmtime())
    os.kill(guarded[0].process.pid, signal.SIGTERM)  # It writes what it has before it ends.
    guarded[0].process.wait(20)
    os.kill(guarded[1].process.pid, signal.SIGKILL)
    guarded[1].process.wait(20)
    eve = f"user#{hashlib.sha256(b'eve').hexdigest()[:12]}"
    totals = usage_of(aws, f"day#{day}")
    assert {"group#staff", "group#lisa-admins", "model#writer", "model#embedder", eve} <= totals.keys()
    # The stream that broke off: 6 events and the prompt, all of it an estimate. The other gateway may have written its
    # request, 5 and 2 tokens, before it was killed.
    found = totals[eve]
    other = found["requests"] - 1
    assert other in (0, 1)
    assert found["completionTokens"] == 6 + 2 * other
    assert found["estimatedTokens"] == found["promptTokens"] - 5 * other + 6
    assert usage_of(aws, eve).keys() == {f"{day}#writer"}
