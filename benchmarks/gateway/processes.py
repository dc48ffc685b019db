"""The processes that are measured, on free ports, with a local AWS for the token table."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa_compiler.dev.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
LITELLM = ROOT / ".venv" / "gateway" / "bin" / "litellm"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
TOKEN = "sk-3c1f0a9b7d5e4826b1a4c7e9d2f05836"  # API token and LiteLLM's key in one; of this benchmark alone.
_TABLE, _REGION = "tokens", "us-east-1"
_TICKS = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))
_TASKSET = shutil.which("taskset") if len(_CORES) > 1 else None
# What is measured has a core of its own; the stub and the load share the others.
_ON_ONE = [_TASKSET, "-c", str(_CORES[0])] if _TASKSET else []
_ON_OTHERS = [_TASKSET, "-c", ",".join(map(str, _CORES[1:]))] if _TASKSET else []


_NGINX = """\
daemon off;
pid {folder}/pid;
worker_processes 1;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream stub {{ server 127.0.0.1:{stub}; keepalive 2048; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000;
    location /v2/serve/ {{
      proxy_pass http://stub/v1/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class PartError(Exception):
    """A part of the benchmark did not start, or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Part:
    """A process and its port."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the process and its children until now."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:  # Its process group.
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    @property
    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """Starts parts, and ends them all with the block that it belongs to."""

    stack: ExitStack
    folder: Path
    aws: Mapping[str, str]

    def stub(self, least: float = 0, most: float = 0, events: int = 20) -> Part:
        """A model stub that answers after so many milliseconds, or with so many events."""
        port = free_port()
        command = [*_ON_OTHERS, sys.executable, HERE / "stub.py", str(port), str(least), str(most), str(events)]
        return self._start(port, command, {})

    def litellm(self, stub: Part) -> Part:
        """LiteLLM with one worker in front of a stub."""
        port = free_port()
        params = {"model": "openai/stub", "api_base": f"http://127.0.0.1:{stub.port}/v1", "api_key": "ignored"}
        config = self.folder / "litellm.yaml"
        config.write_text(json.dumps({"model_list": [{"model_name": "stub", "litellm_params": params}]}))
        command: list[str | Path] = [LITELLM, "--config", config, "--host", "127.0.0.1", "--port", str(port)]
        return self._start(port, command, {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": TOKEN})

    def nginx(self, stub: Part) -> Part:
        """A bare reverse proxy with one worker in front of a stub: what no gateway in Python reaches."""
        port = free_port()
        folder = self.folder / f"nginx-{port}"
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, stub=stub.port))
        return self._start(port, [*_ON_ONE, str(NGINX), "-c", config, "-p", folder, "-e", folder / "error.log"], {})

    def gateway(self, upstream: Part, *, hosts: bool = False) -> Part:
        """The gateway with one worker.

        Args:
            upstream: the server behind it.
            hosts: whether it is the model's own server, which requests go to directly; it is LiteLLM otherwise.
        """
        port = free_port()
        address = f"http://127.0.0.1:{upstream.port}"
        direct = {"name": "stub", "route": "direct", "type": "textgen", "address": address, "operations": ["chat"]}
        routes = self.folder / f"routes-{port}.json"
        routes.write_text(json.dumps({"schemaVersion": 1, "models": [direct]}))
        environment = {
            **self.aws,
            "AUTHORITY": "http://127.0.0.1:1",
            "CLIENT_ID": "lisa",
            "LITELLM_KEY": TOKEN,
            "LITELLM_URL": address,
            "MAX_CALLER_REQUESTS": "2048",
            "ROUTES_FILE": str(routes) if hosts else "",
            "METRICS_PORT": str(free_port()),
            "PORT": str(port),
            "PYTHONPATH": f"{ROOT / 'runtime' / 'gateway'}:{ROOT / 'runtime' / 'oidc'}",
            "REGISTERED_MODELS_PS_NAME": "/models",
            "TOKEN_TABLE_NAME": _TABLE,
        }
        return self._start(port, [*_ON_ONE, sys.executable, "-m", "lisa_gateway"], environment)

    def _start(self, port: int, command: Sequence[str | Path], environment: Mapping[str, str]) -> Part:
        log = self.folder / f"{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.stack.callback(_end, process)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return Part(port, process)
            time.sleep(0.1)
        raise PartError(f"{command[0]} did not start: {log.read_text(errors='replace')[-1000:]}")


def load(
    part: Part, path: str, *, concurrent: int, requests: int, ramp: float = 0.0, is_stream: bool = False
) -> dict[str, float]:
    """Put load on a part: see `load.py` for the figures.

    Raises:
        PartError: a request failed.
    """
    arguments = [str(part.port), path, str(concurrent), str(requests), TOKEN, str(ramp), str(int(is_stream))]
    command = [*_ON_OTHERS, sys.executable, str(HERE / "load.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise PartError(f"The load did not end well: {done.stderr[-1000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failed"]:
        raise PartError(f"{figures['failed']:.0f} requests to {path} failed.")
    return figures


@contextmanager
def parts() -> Iterator[Parts]:
    """A block in which parts can be started."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lisa-bench-")))
        yield Parts(stack, folder, stack.enter_context(_token_table()))


@contextmanager
def _token_table() -> Iterator[dict[str, str]]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    credentials: dict[str, Any] = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}
    client = boto3.client("dynamodb", endpoint_url=f"http://{host}:{port}", region_name=_REGION, **credentials)
    client.create_table(
        TableName=_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
    )
    client.put_item(TableName=_TABLE, Item={"token": {"S": TOKEN}})
    try:
        yield {
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": _REGION,
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }
    finally:
        server.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
