"""Programs that the tests run: the gateway, LiteLLM, the OpenID provider."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lisa_compiler.dev.processes import free_port

ROOT = Path(__file__).parents[2]
LITELLM_PYTHON = ROOT / ".venv" / "gateway" / "bin" / "python"
"""The environment with what the container installs: `requirements/install.sh gateway` makes it."""


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program with its output in a file, and end it and its children."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "HOME": str(log.parent), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_answers(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Wait until something answers at an address, whatever the status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{url} does not answer:\n{log.read_text()[-3000:]}")


@contextmanager
def gateway(
    folder: Path, environment: Mapping[str, str], *, healthy: bool = True, seconds: float = 30
) -> Iterator[Gateway]:
    """Run the gateway as the container does, with this environment; it has so many seconds to start."""
    port, metrics_port = free_port(), free_port()
    log = folder / f"gateway-{port}.log"
    settings = {"PORT": str(port), "METRICS_PORT": str(metrics_port), "PYTHONPATH": "runtime/gateway:runtime/oidc"}
    with running([sys.executable, "-m", "lisa_gateway"], log=log, environment=settings | environment) as process:
        if healthy:
            wait_until_answers(f"http://127.0.0.1:{port}/health", process, log, seconds=seconds)
        yield Gateway(port, metrics_port, log, process)


class Gateway:
    """A gateway that runs."""

    def __init__(self, port: int, metrics_port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
        self.log = log
        self.process = process
