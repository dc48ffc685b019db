"""`lisa tokens` as a process, and the gateway that accepts and rejects what it makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from tests.compiler.conftest import Project

from gateway.conftest import TABLE, Aws, settings, stored_item
from gateway.processes import ROOT, Gateway, gateway
from gateway.stub_model import serving
from lisa_tokens import new_token, stored_key

pytestmark = pytest.mark.xdist_group("token-commands")

CHAT = {"model": "stub", "messages": [{"role": "user", "content": "Hello?"}]}
Lisa = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def strict(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that accepts tokens whose digests are stored, and no others."""
    with serving() as stub:
        environment = settings(aws, "http://127.0.0.1:1", stub.url) | {"LEGACY_TOKENS": "false"}
        with gateway(tmp_path_factory.mktemp("strict"), environment) as found:
            yield found


@pytest.fixture(scope="module")
def lisa(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Lisa:
    """Run `lisa tokens` for the deployment whose gateway runs."""
    project = Project(tmp_path_factory.mktemp("project")).write()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "lisa_compiler", "tokens", *arguments, "--project", str(project.folder)]
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            command, cwd=ROOT, env=environment | aws.environment, capture_output=True, text=True, check=False
        )

    return run


def ask(gateway: Gateway, token: str, path: str = "/v2/serve/chat/completions", body: Any = CHAT) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    method = "GET" if body is None else "POST"
    return requests.request(method, f"{gateway.url}{path}", headers=headers, json=body, timeout=15)


def items(aws: Aws) -> dict[str, dict[str, Any]]:
    return {item["token"]["S"]: item for item in aws.client("dynamodb").scan(TableName=TABLE)["Items"]}


def test_a_token_is_created_used_listed_and_revoked(lisa: Lisa, strict: Gateway, aws: Aws) -> None:
    made = lisa("create", "nightly", "--owner", "ci", "--scope", "chat")
    assert made.returncode == 0, made.stderr
    secret = made.stdout.removesuffix("\n")
    assert ask(strict, secret).status_code == 200
    deadline = time.monotonic() + 10
    while "lastUsed" not in items(aws)[stored_key(secret)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    listed = lisa("list", "--format", "json", "--owner", "ci")
    (found,) = json.loads(listed.stdout)
    assert (found["name"], found["scopes"]) == ("nightly", ["chat"])
    assert time.time() - 60 < found["last_used"] <= time.time()
    # The log has the id of the token, and nothing that authenticates.
    log = strict.log.read_text()
    assert f"token:{found['token_id']}" in log
    assert secret not in log
    assert stored_key(secret).removeprefix("sha256:") not in log

    unused = lisa("create", "unused").stdout.strip()
    revoked = lisa("revoke", "unused", found["token_id"])
    assert revoked.returncode == 0, revoked.stderr
    assert ask(strict, unused).status_code == 401
    assert stored_key(secret) not in items(aws)
    assert lisa("revoke", "unused").returncode == 0


def test_plain_tokens_work_until_they_are_no_longer_accepted_and_hashed_ones_go_on(
    lisa: Lisa, strict: Gateway, served: Gateway, aws: Aws
) -> None:
    plain = uuid.uuid4().hex
    aws.put_token(plain, time.time() + 3600)
    assert (ask(served, plain).status_code, ask(strict, plain).status_code) == (200, 401)
    hashed = lisa("hash")
    assert hashed.returncode == 0, hashed.stderr
    assert plain not in items(aws)
    deadline = time.monotonic() + 10
    while ask(strict, plain).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert ask(served, plain).status_code == 200


def test_what_is_stored_authenticates_no_one(strict: Gateway, served: Gateway, aws: Aws) -> None:
    token = new_token()
    aws.put(stored_item(token))
    for found in (strict, served):
        assert ask(found, token).status_code == 200
        for header in ({"Api-Key": stored_key(token)}, {"Authorization": f"Bearer {stored_key(token)}"}):
            assert requests.get(f"{found.url}/v2/serve/models", headers=header, timeout=15).status_code == 401


def test_scopes_limit_every_route(strict: Gateway, aws: Aws) -> None:
    chat, embedding = new_token(), new_token()
    aws.put(stored_item(chat, scopes=["chat"]), stored_item(embedding, scopes=["embeddings", "models"]))
    assert ask(strict, chat).status_code == 200
    refused = ask(strict, embedding)
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("permission_error", "forbidden")
    assert "lacks the scope `chat` (it has `embeddings`, `models`)" in error["message"]
    text = {"provider": "ecs.embedding.tei", "modelName": "org/embedder", "text": "x"}
    generate = {"provider": "ecs.textgen.tgi", "modelName": "org/writer", "text": "x"}
    for path, body, scope in (
        ("/v2/serve/models", None, "models"),
        ("/v2/serve/v1/embeddings", {"model": "stub", "input": "x"}, "embeddings"),
        ("/v2/serve/completions", {"model": "stub", "prompt": "x"}, "completions"),
        ("/v1/listModels", None, "models"),
        ("/v1/describeModels", None, "models"),
        ("/v1/openai/models", None, "models"),
        ("/v1/embeddings", text, "embeddings"),
        ("/v1/generate", generate, "completions"),
        ("/v1/generateStream", generate, "completions"),
        ("/v1/openai/completions", {"model": "org/writer (ecs.textgen.tgi)", "prompt": "x"}, "completions"),
    ):
        answer = ask(strict, chat, path, body)
        assert answer.status_code == 403, path
        assert f"`{scope}`" in answer.json()["error"]["message"], path
        is_allowed = scope in ("embeddings", "models")
        assert (ask(strict, embedding, path, body).status_code == 403) is not is_allowed, path
    openai_chat = {"model": "org/writer (ecs.textgen.tgi)", "messages": CHAT["messages"]}
    assert ask(strict, chat, "/v1/openai/chat/completions", openai_chat).status_code != 403
    assert ask(strict, embedding, "/v1/openai/chat/completions", openai_chat).status_code == 403
