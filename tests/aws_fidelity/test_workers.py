"""The gateway's container on a slow host: several workers on one processor, without bytecode."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import parts
from aws_fidelity import fleet
from aws_fidelity.emitted_task import PORT, RunningTask
from lisa_schema.connection_times import KEEP_ALIVE_SECONDS, LOAD_BALANCER_IDLE_SECONDS

pytestmark = [
    pytest.mark.xdist_group("workers"),
    pytest.mark.skipif(not parts.load_balancer().is_installed, reason=f"run {parts.load_balancer().command}, as root"),
]

WORKERS = 2
LITELLM_PORT = 4000
UNUSED_PORT = 9
"""Of the external model, which is not called."""
START_SECONDS = 500
KEEP_ALIVE = 7
"""Stands for `KEEP_ALIVE_SECONDS`, which is too long for a test; above uvicorn's 5."""

# Prints after how many seconds the server closes an idle connection.
IDLE_SECONDS = """
import http.client, socket, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
connection.request("GET", sys.argv[2])
connection.getresponse().read()
began = time.monotonic()
connection.sock.recv(1)
print(time.monotonic() - began)
"""


def idle_seconds(task: RunningTask, port: int, path: str) -> float:
    """How long a server in a container keeps an idle connection."""
    command = ["nsenter", f"--net=/proc/{task.process.pid}/ns/net", fleet.own_python(), "-c", IDLE_SECONDS]
    return float(subprocess.run([*command, str(port), path], check=True, capture_output=True, text=True).stdout)


def wait_for_workers(task: RunningTask) -> None:
    """Wait until LiteLLM answers and as many of its workers have started as there have to be.

    Raises:
        AssertionError: a worker was killed, or they take too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        printed = task.log.read_text(errors="replace")
        assert task.process.poll() is None, task.tail()
        assert re.findall(r".* died", printed) == []
        if printed.count("INFO:     Application startup complete.") >= WORKERS:
            try:
                urllib.request.urlopen(f"http://{task.address}:{PORT}/health", timeout=5).close()
            except OSError:
                pass
            else:
                return
        time.sleep(0.5)
    raise AssertionError(task.tail())


def test_workers_that_start_slowly_are_not_killed(tmp_path: Path) -> None:
    files = fleet.compiled(tmp_path, model_port=UNUSED_PORT, THREADS=str(WORKERS))
    services = fleet.fleet(tmp_path, files)
    if "rest-api" not in services:
        pytest.skip("LiteLLM is not installed: `make gateway-parts`")
    slow = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(tmp_path / "empty")}
    service = services["rest-api"]
    assert service.task.environment["KEEP_ALIVE_TIMEOUT"] == str(KEEP_ALIVE_SECONDS)
    assert KEEP_ALIVE_SECONDS > LOAD_BALANCER_IDLE_SECONDS
    processor = min(os.sched_getaffinity(0))
    with service.start(
        "slow",
        environment={**slow, "KEEP_ALIVE_TIMEOUT": str(KEEP_ALIVE)},
        # Other tests that run at the same time would make the host slower still.
        prefix=("nice", "-n", "-15", "taskset", "--cpu-list", str(processor)),
    ) as task:
        wait_for_workers(task)
        # One constant reaches both servers of the container.
        assert idle_seconds(task, PORT, "/health") == pytest.approx(KEEP_ALIVE, abs=3)
        assert idle_seconds(task, LITELLM_PORT, "/health/liveliness") == pytest.approx(KEEP_ALIVE, abs=3)
