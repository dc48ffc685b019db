"""Content of audited requests: what is recorded, encrypted, and read again by those who may decrypt it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from aiohttp import web

from gateway.conftest import Aws
from gateway.content_store import BUCKET, CHAT, DEPLOYMENT, SECRET_WORDS, ContentStore, make_store
from gateway.processes import Gateway
from gateway.stub_model import StubModel, chunk, open_stream, serving
from gateway.test_pass_through import wait_for
from lisa_compiler.audit.reader import ContentAuditError, Selection
from lisa_compiler.dev.processes import free_port

SERVE = "/v2/serve"
MIB = 1024 * 1024
OLD = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "Once"}


@pytest.fixture(scope="module")
def store(aws: Aws) -> ContentStore:
    return make_store(aws)


@pytest.fixture(scope="module")
def _model() -> Iterator[StubModel]:
    with serving() as stub:
        yield stub


@pytest.fixture
def model(_model: StubModel) -> StubModel:
    _model.reset()
    return _model


@pytest.fixture(scope="module")
def _served(
    store: ContentStore, _shared_stub: StubModel, _model: StubModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with store.gateway(tmp_path_factory.mktemp("content"), _shared_stub.url, _model) as found:
        yield found


@pytest.fixture
def audited(_served: Gateway, stub: StubModel, model: StubModel) -> Gateway:
    """A gateway with the model behind a direct route, and with `stub` in LiteLLM's place."""
    return _served


def post(
    served: Gateway,
    store: ContentStore,
    group: str,
    request_id: str,
    body: Any = CHAT,
    *,
    path: str = f"{SERVE}/chat/completions",
) -> requests.Response:
    """Send a request; its body is the bytes of the JSON, or the bytes that are given."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = store.headers(group, request_id) | {"Content-Type": "application/json"}
    return requests.post(f"{served.url}{path}", data=data, headers=headers, timeout=60)


@pytest.mark.parametrize("name", ["hosted", "external"])
def test_request_and_response_are_recorded_as_they_were(audited: Gateway, store: ContentStore, name: str) -> None:
    body = json.dumps(CHAT | {"model": name, "seed": 7}, indent=1).encode()
    answer = post(audited, store, "research", f"whole-{name}", body)
    assert (answer.status_code, answer.headers["x-lisa-content-audit"]) == (200, "recorded")
    found = store.wait(f"whole-{name}")
    assert found.pop("time") <= found.pop("ended")
    token_id = hashlib.sha256(b"research").hexdigest()[:12]
    assert found.pop("caller") == {"kind": "token", "id": token_id, "owner": "research-service"}
    assert found == {
        "requestId": f"whole-{name}",
        "group": "research",
        "groups": ["research"],
        "route": f"{SERVE}/chat/completions",
        "model": name,
        "request": body.decode(),
        "response": answer.text,
        "responseEnd": "complete",
    }
    record = store.audit_record(f"whole-{name}")
    assert record["content"] == "recorded"
    assert "AuditContentLost" not in record


def test_nothing_is_readable_without_the_key(audited: Gateway, store: ContentStore, tmp_path: Path) -> None:
    post(audited, store, "research", "encrypted")
    store.wait("encrypted")
    everything = b"".join(store.objects()) + audited.log.read_bytes()
    assert b"encrypted" in everything
    for word in (SECRET_WORDS, "Hello there", "Hello"):
        assert word.encode() not in everything
        assert base64.b64encode(word.encode())[:-4] not in everything


@pytest.mark.parametrize("group", ["plain", "legacy"])
def test_other_callers_are_not_recorded(audited: Gateway, store: ContentStore, group: str) -> None:
    answer = post(audited, store, group, f"others-{group}")
    assert answer.status_code == 200
    assert "x-lisa-content-audit" not in answer.headers
    post(audited, store, "research", f"marker-{group}")
    store.wait(f"marker-{group}")
    assert not [text for text in store.objects() if f"others-{group}".encode() in text]
    assert "content" not in store.audit_record(f"others-{group}")


def test_one_audited_group_is_enough(audited: Gateway, store: ContentStore) -> None:
    post(audited, store, "both", "in-two-groups")
    found = store.wait("in-two-groups")
    assert (found["group"], found["groups"]) == ("research", ["plain", "research"])


@pytest.mark.parametrize("name", ["hosted", "external"])
@pytest.mark.parametrize("group", ["research", "strict"])
def test_stream_is_recorded_as_one_text(audited: Gateway, store: ContentStore, name: str, group: str) -> None:
    request_id = f"stream-{name}-{group}"
    body = CHAT | {"model": name, "stream": True, "stream_options": {"include_usage": True}}
    answer = post(audited, store, group, request_id, body)
    found = store.wait(request_id)
    assert (found["response"], found["responseEnd"]) == (answer.text, "complete")
    assert answer.text.endswith("data: [DONE]\n\n")


def test_embeddings_and_deprecated_routes_are_recorded(audited: Gateway, store: ContentStore) -> None:
    body = {"model": "embedder", "input": ["first text", "second text"]}
    answer = post(audited, store, "research", "embedded", body, path=f"{SERVE}/embeddings")
    found = store.wait("embedded")
    assert (json.loads(found["request"]), found["response"]) == (body, answer.text)
    old = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "Once upon a time"}
    assert post(audited, store, "research", "deprecated", old, path="/v1/generate").status_code == 200
    found = store.wait("deprecated")
    # In OpenAI's form, as the model got it and answered.
    assert json.loads(found["request"])["prompt"] == "Once upon a time"
    assert json.loads(found["response"])["choices"][0]["text"] == "Hello there"
    assert (found["route"], found["responseEnd"]) == ("/v1/generate", "complete")
    assert post(audited, store, "research", "deprecated-stream", old, path="/v1/generateStream").status_code == 200
    assert store.wait("deprecated-stream")["response"].endswith("data: [DONE]\n\n")


def test_errors_and_refused_requests(audited: Gateway, store: ContentStore, model: StubModel) -> None:
    async def fail(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "too long"}}, status=400)

    model.behaviours["/chat/completions"] = fail
    assert post(audited, store, "research", "failed").status_code == 400
    found = store.wait("failed")
    # What the model was sent is recorded; what the caller got is an error of the gateway's catalogue.
    assert (json.loads(found["request"]), found["response"], found["responseEnd"]) == (CHAT, "", "none")


def test_interrupted_streams_are_recorded_up_to_the_interruption(
    audited: Gateway, store: ContentStore, model: StubModel
) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("half a word", chat=True))
        assert request.transport
        request.transport.close()
        return answer

    model.behaviours["/chat/completions"] = cut
    body = CHAT | {"stream": True}
    answer = post(audited, store, "strict", "cut", body)
    assert "upstream_interrupted" in answer.text
    found = store.wait("cut")
    assert (found["response"], found["responseEnd"]) == (chunk("half a word", chat=True).decode(), "interrupted")

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        await answer.write(chunk("the client hears this", chat=True))
        await asyncio.sleep(300)
        return answer

    model.behaviours["/chat/completions"] = endless
    url, headers = f"{audited.url}{SERVE}/chat/completions", store.headers("research", "left")
    with requests.post(url, json=body, headers=headers, stream=True, timeout=30) as response:
        next(response.iter_lines())
    found = store.wait("left")
    assert "the client hears this" in found["response"]
    assert found["responseEnd"] == "interrupted"


def test_large_bodies_are_recorded_whole_in_short_lines(
    audited: Gateway, store: ContentStore, model: StubModel
) -> None:
    text = "".join(f"{number:07d}\u00e9" for number in range(400_000))

    async def long(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="application/json")

    model.behaviours["/chat/completions"] = long
    body = CHAT | {"messages": [{"role": "user", "content": "x" * (3 * MIB)}]}
    answer = post(audited, store, "strict", "large", body)
    assert answer.text == text
    found = store.wait("large")
    assert (json.loads(found["request"]), found["response"]) == (body, text)
    lines = [line for content in store.objects() for line in content.splitlines()]
    assert max(map(len, lines)) < 100_000


def test_uploads_are_recorded_up_to_the_limit(
    store: ContentStore, stub: StubModel, model: StubModel, tmp_path: Path
) -> None:
    audio = os.urandom(300_000)
    files = {"file": ("speech.wav", audio, "audio/wav"), "model": (None, "far/whisper")}
    with store.gateway(tmp_path, stub.url, model, AUDIT_CONTENT_PART_BYTES="100000") as served:
        url = f"{served.url}{SERVE}/audio/transcriptions"
        answer = requests.post(url, files=files, headers=store.headers("strict", "upload"), timeout=30)
        assert answer.status_code == 200
        sent = stub.last.body
        found = store.wait("upload")
    assert base64.b64decode(found["requestBase64"]) == sent[:100_000]
    assert found["problems"] == [f"request: the first 100000 of {len(sent)} bytes"]


def test_kms_that_does_not_answer(store: ContentStore, stub: StubModel, model: StubModel, tmp_path: Path) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    with store.gateway(tmp_path, stub.url, model, AWS_ENDPOINT_URL_KMS=closed) as served:
        refused = post(served, store, "strict", "no-key-strict")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert post(served, store, "strict", "", OLD, path="/v1/generate").status_code == 503
        assert not model.seen
        served_anyway = post(served, store, "research", "no-key")
        assert served_anyway.status_code == 200
        assert "x-lisa-content-audit" not in served_anyway.headers
        began = time.monotonic()
        for _ in range(20):
            assert post(served, store, "plain", "").status_code == 200
        assert time.monotonic() - began < 5
        for request_id in ("no-key", "no-key-strict"):
            record = store.audit_record(request_id)
            assert (record["content"], record["AuditContentLost"]) == ("missing", 1)
            (metric,) = record["_aws"]["CloudWatchMetrics"]
            assert metric["Metrics"] == [{"Name": "AuditContentLost", "Unit": "Count"}]
        assert not list((tmp_path / "records").rglob("content/*/*"))


def test_space_that_is_full(store: ContentStore, stub: StubModel, model: StubModel, tmp_path: Path) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    limits = {"AUDIT_CONTENT_MAX_BYTES": str(MIB), "AWS_ENDPOINT_URL_S3": closed}
    large = CHAT | {"messages": [{"role": "user", "content": "x" * (2 * MIB)}]}

    async def slow(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for _ in range(12):
            await answer.write(chunk("word", chat=True))
            await asyncio.sleep(0.5)
        return answer

    with store.gateway(tmp_path, stub.url, model, **limits) as served:
        model.behaviours["/chat/completions"] = slow
        url, headers = f"{served.url}{SERVE}/chat/completions", store.headers("strict", "filled-while-it-runs")
        with requests.post(url, json=CHAT | {"stream": True}, headers=headers, stream=True, timeout=30) as running:
            lines = running.iter_lines()
            assert b"word" in next(lines)
            model.behaviours.clear()
            # Its file is handed on, and waits for S3, which does not answer.
            assert post(served, store, "research", "fills", large).status_code == 200
            rest = b"\n".join(lines)
        assert b"audit_unavailable" in rest
        refused = post(served, store, "strict", "full-strict")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
        assert post(served, store, "research", "full").status_code == 200
        assert post(served, store, "plain", "").status_code == 200
        assert store.audit_record("full")["content"] == "missing"
        assert store.audit_record("filled-while-it-runs")["content"] == "incomplete"
        files = {"file": ("speech.wav", b"x" * 300_000, "audio/wav"), "model": (None, "far/whisper")}
        refused = requests.post(
            f"{served.url}{SERVE}/audio/transcriptions", files=files, headers=store.headers("strict"), timeout=30
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")


def test_kill_9_loses_a_second_at_most(store: ContentStore, stub: StubModel, model: StubModel, tmp_path: Path) -> None:
    """All processes of the container are killed; the next one on the same volume delivers what they left."""
    records = tmp_path / "volume"

    async def steady(request: web.Request) -> web.StreamResponse:
        answer = await open_stream(request)
        for number in range(1000):
            await answer.write(chunk(f"word-{number} {time.time()} ", chat=True))
            await asyncio.sleep(0.1)
        return answer

    model.behaviours["/chat/completions"] = steady
    with store.gateway(tmp_path / "first", stub.url, model, records=records) as served:
        url, headers = f"{served.url}{SERVE}/chat/completions", store.headers("research", "killed")
        with requests.post(url, json=CHAT | {"stream": True}, headers=headers, stream=True, timeout=30) as running:
            lines, began = running.iter_lines(), time.time()
            while time.time() - began < 4:
                next(lines)
            processes = [psutil.Process(served.process.pid)]
            processes += processes[0].children(recursive=True)
            killed = time.time()
            for process in processes:
                os.kill(process.pid, signal.SIGKILL)
    model.behaviours.clear()
    with store.gateway(tmp_path / "second", stub.url, model, records=records):
        wait_for(lambda: [each for each in store.read("killed") if "word-0" in each["response"]], 90)
        wait_for(lambda: not list(records.rglob("*.open")), 60)
        wait_for(lambda: not list(records.rglob("*.taken")) and not list(records.rglob("*.ready")), 60)
    (found,) = store.read("killed")
    assert found["problems"] == [
        "the end is missing: the request still runs, the gateway was killed, or the rest is not delivered"
    ]
    assert json.loads(found["request"])["messages"] == CHAT["messages"]
    last = max(float(event.split()[1]) for event in found["response"].split("word-")[1:] if len(event.split()) > 1)
    assert killed - last < 2.5, killed - last


def test_changed_and_foreign_lines_are_noticed(audited: Gateway, store: ContentStore) -> None:
    post(audited, store, "research", "to-change")
    original = store.wait("to-change")
    s3 = store.aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    for name in [each["Key"] for page in pages for each in page["Contents"]]:
        content = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        if b'"to-change"' in content:
            break
    lines = [json.loads(line) for line in content.splitlines()]
    (record,) = {line["record"] for line in lines if line.get("about", {}).get("requestId") == "to-change"}
    own = [line for line in lines if line["record"] == record]
    assert [line["kind"] for line in own] == ["begin", "request", "response", "end"]

    def with_lines(*changed: dict[str, Any]) -> dict[str, Any]:
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"\n".join(json.dumps(line).encode() for line in changed))
        (found,) = store.read("to-change")
        return found

    begin, request, response, end = own
    assert with_lines(*own, *own) == original
    assert with_lines(end, response, begin | {"x": 1}, request)["problems"][0].startswith("a part was changed")
    for changed in (
        request | {"n": 2},
        request | {"kind": "response"},
        request | {"content": response["content"]},
        request | {"record": "0" * 32},
        request | {"group": "strict"},
        request | {"deployment": f"{DEPLOYMENT}-2"},
        request | {"dataKey": "AAAA"},
        request | {"nonce": "!"},
    ):
        found = with_lines(begin, changed, response, end)
        assert SECRET_WORDS not in json.dumps(found)
        assert found["problems"], changed
    assert with_lines(begin, response, end)["problems"] == ["parts are missing"]
    other = store.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    reader = store.reader()
    reader.keys = [other]
    with_lines(*own)
    with pytest.raises(ContentAuditError, match="which is not the key"):
        list(reader.read(Selection(since=time.time() - 3600, until=time.time(), request_id="to-change")))
