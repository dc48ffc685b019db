"""`/v2/serve` for models with a direct route: bytes go to the model's own server, and come back as they are."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from gateway.conftest import TOKEN, Aws, settings
from gateway.direct_cases import ERRORS, GOES_TO_LITELLM, REFUSED, chat, html
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel, serving
from gateway.test_pass_through import AUTHORIZED, wait_for
from lisa_compiler.dev.processes import free_port

CHAT = b'{"model" : "hosted","messages":[{"role":"user","content":"hi \\u00e9 {\\"model\\": 1}"}],\n "seed": 7 }'
TEXTGEN = {"route": "direct", "type": "textgen", "engine": "vllm", "operations": ["chat", "completions"]}
SERVE = "/v2/serve"


def routes(*models: dict[str, Any]) -> str:
    return json.dumps({"schemaVersion": 1, "models": list(models)})


@pytest.fixture(scope="module")
def _model_server() -> Iterator[StubModel]:
    with serving() as stub:
        yield stub


@pytest.fixture
def model(_model_server: StubModel) -> StubModel:
    """The model's own server, as if it had just started."""
    _model_server.reset()
    return _model_server


@pytest.fixture(scope="module")
def _gateway(
    aws: Aws, _shared_stub: StubModel, _model_server: StubModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("direct")
    address = _model_server.url
    aws.client("secretsmanager").create_secret(Name="models/keyed", SecretString="first-key")
    document = routes(
        {"name": "hosted", "address": address, **TEXTGEN},
        {"name": "renamed", "address": address, "serverName": "org/\N{LATIN SMALL LETTER E WITH ACUTE}", **TEXTGEN},
        {"name": "keyed", "address": address, "key": {"secret": "models/keyed"}, **TEXTGEN},
        {"name": "unkeyed", "address": address, "key": {"secret": "models/unkeyed"}, **TEXTGEN},
        {"name": "down", "address": f"http://127.0.0.1:{free_port()}", **TEXTGEN},
        {"name": "black-hole", "address": "http://192.0.2.1:81", **TEXTGEN},
        {
            "name": "embedder",
            "address": address,
            "route": "direct",
            "type": "embedding",
            "engine": "tei",
            "operations": ["embeddings"],
        },
        {"name": "writer", "address": address, **TEXTGEN},
        {"name": "nightly", "address": address, "closed": "from 20:00 to 07:00, Etc/UTC", **TEXTGEN},
        {"name": "external", "route": "litellm", "reason": "external"},
    )
    (folder / "routes.json").write_text(document, encoding="utf-8")
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url)
    environment |= {"ROUTES_FILE": str(folder / "routes.json"), "ANSWER_TIMEOUT": "2", "CONNECT_TIMEOUT": "1"}
    with gateway(folder, environment) as found:
        yield found


@pytest.fixture
def direct(_gateway: Gateway, stub: StubModel, model: StubModel) -> Gateway:
    """A gateway with direct routes to `model`, and with `stub` in LiteLLM's place."""
    return _gateway


def post(
    served: Gateway, body: bytes | dict[str, Any], path: str = "/chat/completions", **headers: str
) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = AUTHORIZED | {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return requests.post(f"{served.url}{SERVE}{path}", data=data, headers=named, timeout=20)


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_a_body_goes_to_the_models_server_byte_for_byte(
    direct: Gateway, model: StubModel, stub: StubModel, path: str
) -> None:
    answer = post(direct, CHAT, path, X_Data_Parallel_Rank="3", Cookie="a=b", Api_Key="of-the-caller", User_Agent="me")
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "Hello there"
    assert [(seen.target, seen.body) for seen in model.seen] == [("/v1/chat/completions", CHAT)]
    sent = {name.lower(): value for name, value in model.last.headers.items()}
    assert sent.pop("x-request-id") == answer.headers["X-Request-ID"]
    assert sent.pop("host") == model.url.removeprefix("http://")
    assert sent == {
        "accept": "*/*",
        "content-length": str(len(CHAT)),
        "content-type": "application/json",
        "user-agent": "me",
    }
    assert not stub.seen


def test_a_stream_comes_back_byte_for_byte(direct: Gateway, model: StubModel) -> None:
    events = [b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', b"da", b"ta: [DONE]\n", b"\n"]

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        for event in events:
            await answer.write(event)
        return answer

    model.behaviours["/chat/completions"] = stream
    assert post(direct, chat(stream=True)).content == b"".join(events)
    assert json.loads(model.last.body) == chat(stream=True)


def test_only_the_models_name_changes_where_the_server_has_another(direct: Gateway, model: StubModel) -> None:
    body = b'{ "metadata":{"model":"x"}, "mod\\u0065l": "renamed" , "messages":[{"role":"user","content":"]}"}]}'
    assert post(direct, body).status_code == 200
    assert model.last.body == body.replace(b'"renamed"', '"org/\N{LATIN SMALL LETTER E WITH ACUTE}"'.encode())


def test_a_models_server_gets_its_key_and_a_new_one_after_a_rejection(
    direct: Gateway, model: StubModel, aws: Aws
) -> None:
    accepted = {"Bearer first-key"}

    async def with_key(request: web.Request) -> web.Response:
        is_known = request.headers.get("Authorization") in accepted
        return web.json_response({"ok": 1}) if is_known else web.json_response({"error": "no"}, status=401)

    model.behaviours["/chat/completions"] = with_key
    assert post(direct, chat("keyed")).json() == {"ok": 1}
    accepted = {"Bearer second-key"}
    refused = post(direct, chat("keyed"))
    # A caller whose own token is good must not be told that it is not.
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_credentials")
    aws.client("secretsmanager").put_secret_value(SecretId="models/keyed", SecretString="second-key")
    assert post(direct, chat("keyed")).json() == {"ok": 1}
    model.behaviours.clear()
    assert post(direct, chat()).status_code == 200
    assert "Authorization" not in model.last.headers


def test_a_model_whose_key_is_created_later_is_called_without_and_then_with_it(
    direct: Gateway, model: StubModel, aws: Aws
) -> None:
    """An update with `modelKeys` reaches the gateway before the stack of the model, which creates the secret."""
    required = ""

    async def answer(request: web.Request) -> web.Response:
        is_known = not required or request.headers.get("Authorization") == f"Bearer {required}"
        return web.json_response({"signed": "Authorization" in request.headers}, status=200 if is_known else 401)

    model.behaviours["/chat/completions"] = answer
    assert post(direct, chat("unkeyed")).json() == {"signed": False}
    aws.client("secretsmanager").create_secret(Name="models/unkeyed", SecretString="later")
    required = "later"
    assert post(direct, chat("unkeyed")).json() == {"signed": True}


@pytest.mark.parametrize("case", GOES_TO_LITELLM)
def test_what_only_litellm_does_goes_to_litellm(direct: Gateway, model: StubModel, stub: StubModel, case: str) -> None:
    path, body = GOES_TO_LITELLM[case]
    post(direct, body, path)
    assert [seen.target for seen in stub.seen] == [path]
    assert not model.seen


@pytest.mark.parametrize("case", REFUSED)
def test_what_must_not_reach_a_model_is_refused(direct: Gateway, model: StubModel, stub: StubModel, case: str) -> None:
    body, words = REFUSED[case]
    answer = post(direct, body)
    if case == "two models":
        # What the gateway and a server would find is the last one, which LiteLLM serves and judges.
        assert [seen.target for seen in stub.seen] == ["/chat/completions"]
    else:
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["code"]) == (
            400,
            "invalid_request_error",
            "unsupported_parameter",
        )
        assert words in error["message"]
    assert not model.seen


def test_a_model_that_is_down_is_unavailable_for_its_callers_alone(direct: Gateway) -> None:
    for name in ("down", "down", "black-hole"):
        began = time.monotonic()
        answer = post(direct, chat(name))
        assert time.monotonic() - began < 3
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["error"]["code"] == "model_unavailable"
    assert post(direct, chat()).status_code == 200


def test_a_model_that_comes_back_serves_at_once(direct: Gateway) -> None:
    routed = json.loads((direct.log.parent / "routes.json").read_text())
    address = next(each["address"] for each in routed["models"] if each["name"] == "down")
    assert post(direct, chat("down")).status_code == 503
    port = int(address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        assert post(direct, chat("down")).content == b"{}"


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_openais_or_the_gateways(direct: Gateway, model: StubModel, case: str) -> None:
    sent, status, words = ERRORS[case]

    async def fail(request: web.Request) -> web.Response:
        return web.Response(status=sent.status, body=sent.body, content_type=sent.content_type)

    model.behaviours["/chat/completions"] = fail
    answer = post(direct, chat())
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]


def test_a_model_without_instances_names_the_times_of_its_schedule(direct: Gateway, model: StubModel) -> None:
    async def empty(_: web.Request) -> web.Response:
        return html(503)

    model.behaviours["/chat/completions"] = empty
    answer = post(direct, chat(model="nightly"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    error = answer.json()["error"]
    assert error["code"] == "model_unavailable"
    assert error["message"].endswith("By its schedule it has none from 20:00 to 07:00, Etc/UTC.")
    # One that always has instances is to be asked again soon.
    other = post(direct, chat())
    assert (other.headers["Retry-After"], "schedule" in other.text) == ("5", False)


def test_embeddings_and_completions(direct: Gateway, model: StubModel) -> None:
    assert post(direct, {"model": "embedder", "input": ["a", "b"]}, "/embeddings").json()["data"][1]["index"] == 1
    assert post(direct, {"model": "hosted", "prompt": "a"}, "/v1/completions").json()["choices"][0]["text"]
    assert [seen.target for seen in model.seen] == ["/v1/embeddings", "/v1/completions"]


def test_a_client_that_leaves_ends_the_models_work(direct: Gateway, model: StubModel) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    model.behaviours["/chat/completions"] = hang
    body = json.dumps(chat()).encode()
    head = (
        f"POST {SERVE}/chat/completions HTTP/1.1\r\nHost: x\r\nApi-Key: {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", direct.port)) as connection:
        connection.sendall(head.encode() + body)
        wait_for(lambda: bool(model.seen))
    wait_for(lambda: model.left == ["/v1/chat/completions"])


def test_models_are_listed_without_litellm(direct: Gateway, stub: StubModel) -> None:
    def get(path: str) -> requests.Response:
        return requests.get(f"{direct.url}{SERVE}{path}", headers=AUTHORIZED, timeout=10)

    # An external model is LiteLLM's to describe.
    assert [each["id"] for each in get("/models").json()["data"]] == ["stub"]
    one = get("/models/hosted").json()
    assert one == {"id": "hosted", "object": "model", "created": 1677610602, "owned_by": "openai", "mode": "chat"}
    assert get("/v1/models/embedder").json()["mode"] == "embedding"
    assert [seen.target for seen in stub.seen] == ["/models"]


def test_deprecated_routes_take_the_direct_path(direct: Gateway, model: StubModel, stub: StubModel) -> None:
    body = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "hi"}
    answer = requests.post(f"{direct.url}/v1/generate", json=body, headers=AUTHORIZED, timeout=10)
    assert answer.json()["generatedText"] == "Hello there"
    assert json.loads(model.last.body)["model"] == "writer"
    assert not stub.seen


def test_routes_that_are_not_valid_end_the_gateway(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "routes.json").write_text(routes({"name": "a", "route": "direct"}))
    environment = settings(aws, "http://127.0.0.1:1", "http://127.0.0.1:1")
    environment |= {"ROUTES_FILE": str(tmp_path / "routes.json")}
    with gateway(tmp_path, environment, healthy=False) as found:
        wait_for(lambda: "has no address or no operations" in found.log.read_text(), 20)
