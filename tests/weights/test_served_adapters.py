"""Adapters through `lisa weights`, a real S3, `lisa compile` and the generated container into the real vLLM."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compiler.conftest import MINIMAL, configuration
from typer.testing import CliRunner

import parts
from gateway.direct_request import ask as direct
from lisa_compiler.cli.app import app
from weights import seaweedfs

BASE = "acme/base-model"
PUBLIC = "small-model"
NAMES = {"small": "acme/small-lora", "large": "assistant"}
"""What clients call the adapters; the second has weights of another name."""

SECONDS = 600
PROMPT = [5, 17, 99, 3]


def lisa(project: Path, *arguments: str) -> None:
    result = CliRunner().invoke(app, [*arguments, "--project", str(project)])
    assert result.exit_code == 0, result.output


def built(directory: Path) -> dict[str, list[int]]:
    """The base model, its adapters, and the tokens that transformers answers with."""
    program = parts.ROOT / "tests/weights/pytorch/lora.py"
    done = subprocess.run(
        [parts.PYTORCH / "bin/python", "-P", str(program), str(directory)],
        env=parts.pytorch_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[int]] = json.loads(done.stdout.splitlines()[-1])
    return found


def compiled(carried: Path, project: Path, store: seaweedfs.Store) -> tuple[Path, str]:
    """Import, stage and compile; return the build context of the model, and the bucket."""
    bucket = f"models-{uuid.uuid4().hex[:12]}"
    store.do("mb", f"s3://{bucket}")
    project.mkdir()
    adapters = [{"name": NAMES["small"]}, {"name": NAMES["large"], "weights": "acme/large-lora"}]
    (first,) = MINIMAL["ecsModels"]
    image = {"image": {"baseImage": "vllm/vllm-openai:v0.32.0"}}
    hosted = {**first, "modelName": BASE, "inferenceContainer": "vllm", "containerConfig": image, "adapters": adapters}
    content = {"env": "dev", "dev": configuration(s3BucketModels=bucket, ecsModels=[hosted])}
    (project / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    for name, as_name in (("base", BASE), ("small", NAMES["small"]), ("large", "acme/large-lora")):
        lisa(project, "weights", "import", str(carried / name), "--as", as_name)
    lisa(project, "weights", "stage", "--yes", "--endpoint-url", store.endpoint_url)
    shutil.rmtree(project / "models")
    lisa(project, "compile", "--env", "dev")
    return project / "generated/dev/containers/small", bucket


@contextmanager
def container(context: Path, bucket: str, store: seaweedfs.Store, folder: Path) -> Iterator[str]:
    """Run the entrypoint with the real vLLM on a free port; yields its address."""
    tools = folder / "bin"
    tools.mkdir(parents=True)
    (tools / "vllm").write_text(f'#!/bin/sh\nexec {parts.PYTORCH}/bin/python -P -m vllm.entrypoints.cli.main "$@"\n')
    (tools / "vllm").chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **parts.pytorch_environment(VLLM_ENABLE_V1_MULTIPROCESSING="1"),
        **seaweedfs.OWNER,
        "PATH": f"{tools}:{Path(store.s5cmd).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "S3_ENDPOINT_URL": store.endpoint_url,
        "S3_BUCKET_MODELS": bucket,
        "MODEL_NAME": BASE,
        "PUBLIC_MODEL_NAME": PUBLIC,
        "LOCAL_MODEL_PATH": str(folder / "nvme/model"),
        "DRAIN_TIMEOUT": "1",
        "SERVER_ARGS": f"--host 127.0.0.1 --port {port} --dtype float32 --enforce-eager --max-model-len 64",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", str(context / "entrypoint.sh")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + SECONDS
        while not is_healthy(url):
            assert process.poll() is None, (folder / "log").read_text()[-5000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-5000:]
            time.sleep(1)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    path, data = ("models", None) if body is None else ("completions", json.dumps(body).encode())
    request = urllib.request.Request(f"{url}/v1/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def tokens(url: str, name: str) -> list[int]:
    body = {"model": name, "prompt": PROMPT, "max_tokens": 8, "temperature": 0, "ignore_eos": True}
    (choice,) = ask(url, {**body, "return_token_ids": True})["choices"]
    found: list[int] = choice["token_ids"]
    return found


def check_direct_path(url: str) -> None:
    """The gateway's direct path by the public name: answers, streams and token counts of the real vLLM."""
    body = {"model": PUBLIC, "prompt": PROMPT, "max_tokens": 8, "temperature": 0, "ignore_eos": True}
    path = "/completions"
    context, status, content = direct(url, body, path=path, former_name=BASE)
    answer = json.loads(content)
    assert (status, answer["model"], context.completion_tokens) == (200, PUBLIC, 8)
    plain, _, shown = direct(url, {**body, "stream": True}, path=path)
    counted, _, hidden = direct(url, {**body, "stream": True}, path=path, counts_tokens=True)
    assert plain.has_estimated_tokens
    assert not counted.has_estimated_tokens
    assert (counted.prompt_tokens, counted.completion_tokens) == (len(PROMPT), 8)
    # A busy vLLM sends several tokens in one event.
    assert text(hidden) == text(shown) == answer["choices"][0]["text"]
    assert b'"choices":[]' not in shown + hidden
    assert hidden.endswith(b"data: [DONE]\n\n")
    asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
    assert b'"choices":[]' in direct(url, asked, path=path, counts_tokens=True)[2]
    _, status, content = direct(url, {**body, "model": "not-served"}, path=path)
    assert (status, "does not exist" in json.loads(content)["error"]["message"]) == (404, True)
    refused = direct(url, {**body, "max_tokens": 10_000}, path=path)
    assert (refused[1], json.loads(refused[2])["error"]["type"]) == (400, "BadRequestError")


def text(stream: bytes) -> str:
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
    return "".join(choice["text"] for event in events for choice in event["choices"])


def test_adapters_answer_as_their_merged_weights_do(
    store: seaweedfs.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch, transformers and vLLM are not installed: `make weights-parts`")
    for name, value in seaweedfs.OWNER.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "carried").mkdir()
    expected = built(tmp_path / "carried")
    assert len({str(answer) for answer in expected.values()}) == 3, "the adapters change nothing"
    context, bucket = compiled(tmp_path / "carried", tmp_path / "project", store)
    with container(context, bucket, store, tmp_path / "instance") as url:
        assert {each["id"] for each in ask(url)["data"]} == {BASE, PUBLIC, *NAMES.values()}
        check_direct_path(url)
        found = {"base": tokens(url, BASE)} | {key: tokens(url, name) for key, name in NAMES.items()}
    assert found == expected
