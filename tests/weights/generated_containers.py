"""The containers of a compiled environment, started as an instance starts them: their scripts, with their variables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parts
from lisa_compiler.dev.processes import free_port
from weights import seaweedfs

_RECORDER = """#!/bin/sh
printf '%s\\n' "$@" >"$LISA_TEST_ARGUMENTS"
"""
_SERVERS = {"tei": "text-embeddings-router", "tgi": "text-generation-launcher", "vllm": "vllm"}
_SECONDS = 900


@dataclass(frozen=True)
class GeneratedContainer:
    """One model's container.

    Attributes:
        context: directory of `generated/<env>/containers` with its image's files.
        variables: environment of the task definition.
        folder: the instance's disk, logs and programs.
        store: the S3 of the models bucket.
    """

    context: Path
    variables: Mapping[str, str]
    folder: Path
    store: seaweedfs.Store

    def record(self, kind: str) -> list[str]:
        """Start the container with a server that only records its arguments; return them."""
        self._program(_SERVERS[kind], _RECORDER)
        arguments = self.folder / "arguments"
        done = subprocess.run(
            ["bash", str(self.context / "entrypoint.sh")],
            env=self._environment() | {"LISA_TEST_ARGUMENTS": str(arguments)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return arguments.read_text().splitlines()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Start the container with the real vLLM, and end it as ECS does; yields its address when it is healthy.

        The server must have taken the place of the script, so that it gets the signals of the container.
        """
        python, server = parts.PYTORCH / "bin/python", parts.PYTORCH / "bin/vllm"
        self._program("vllm", f'#!/bin/sh\nexec {python} -P {server} "$@"\n')
        port = free_port()
        environment = self._environment()
        environment["SERVER_ARGS"] = f"{environment.get('SERVER_ARGS', '')} --host 127.0.0.1 --port {port}"
        log = self.folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", str(self.context / "entrypoint.sh")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            assert command[2:4] == [str(server).encode(), b"serve"], command
            yield url
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_SECONDS)  # its code depends on how long its engine takes to end
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def model(self) -> Path:
        """Where the script copies the weights."""
        return self.folder / "nvme" / "model"

    def _environment(self) -> dict[str, str]:
        programs = (self.folder / "bin", parts.PYTORCH / "bin", "/usr/local/bin", "/usr/bin", "/bin")
        self._program("s5cmd", f'#!/bin/sh\nexec {self.store.s5cmd} "$@"\n')
        of_the_machine = {
            "PATH": os.pathsep.join(map(str, programs)),
            "HOME": str(self.folder),
            "S3_ENDPOINT_URL": self.store.endpoint_url,
            "DO_NOT_TRACK": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            **seaweedfs.OWNER,
        }
        return {**self.variables, **of_the_machine, "LOCAL_MODEL_PATH": str(self.model)}

    def _program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)


def read(generated: Path, component: str, folder: Path, store: seaweedfs.Store) -> GeneratedContainer:
    """Read a model's container from compiled output: its context, and the variables of its task definition."""
    template = json.loads((generated / "cloudformation" / f"model-{component}.template.json").read_bytes())
    (task,) = (entry for entry in template["Resources"].values() if entry["Type"] == "AWS::ECS::TaskDefinition")
    container = task["Properties"]["ContainerDefinitions"][0]
    variables = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
    return GeneratedContainer(generated / "containers" / component, variables, folder, store)


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send JSON to a server; return its answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        found: dict[str, Any] = json.load(response)
    return found


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.3)
    raise AssertionError(f"the container does not serve: {log.read_text()[-5000:]}")
