"""A task as ECS runs it: the emitted build context with the image's variables and the task definition's environment.

What stands for Docker: a network namespace, so that every copy has the ports that its entrypoint binds, and this
machine's files instead of the image's. The programs come from the virtual environments that hold the image's packages.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_fidelity.container_sandbox import Isolation, give_to_owner

PORT = 8080
"""Where the load balancer reaches a container."""

_NETWORK = f"198.{18 + os.getpid() // 250 % 2}.{os.getpid() % 250}"
HOST = f"{_NETWORK}.1"
"""This machine as every container reaches it."""
_NUMBERS = itertools.count(2)

# Runs in the container's namespace; the other end of its interface appears when this machine has made it.
_JOIN_NETWORK = """
ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 0.02; done
ip address add "$0/32" dev eth0
ip route add "$1/32" dev eth0
ip route add default via "$1"
shift
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmittedTask:
    """What was compiled for a container.

    Attributes:
        context: directory of the build context.
        environment: the image's variables, and over them those of the task definition.
        stop_timeout: seconds between SIGTERM and SIGKILL.
        isolation: what the container cannot do.
        secrets: names of variables that ECS reads from secrets.
        owner: the container that runs before it, which gives the volume of the weights to its user; None without one.
    """

    context: Path
    environment: Mapping[str, str]
    stop_timeout: int
    isolation: Isolation
    secrets: tuple[str, ...]
    owner: Mapping[str, Any] | None


def emitted_task(files: Mapping[str, bytes], folder: Path, *, component: str, image: str) -> EmittedTask:
    """Write a container's build context and read its task definition.

    Args:
        files: a compiled environment.
        folder: where the context is written.
        component: stack with the task definition.
        image: name of the image.
    """
    context = folder / image
    prefix = f"containers/{image}/"
    for path, content in files.items():
        if path.startswith(prefix):
            target = context / path.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    container, *others = _containers(json.loads(files[f"cloudformation/{component}.template.json"]))
    # What is known only when it is deployed, such as the chat application's address, stays out.
    settings = {each["Name"]: each["Value"] for each in container["Environment"] if isinstance(each["Value"], str)}
    return EmittedTask(
        context=context,
        environment={**_image_environment(context), **settings},
        stop_timeout=container["StopTimeout"],
        isolation=Isolation.of(container),
        secrets=tuple(one["Name"] for one in container.get("Secrets", ())),
        owner=others[0] if others else None,
    )


def _containers(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    (task,) = (one for one in template["Resources"].values() if one["Type"] == "AWS::ECS::TaskDefinition")
    return list(task["Properties"]["ContainerDefinitions"])


def _image_environment(context: Path) -> dict[str, str]:
    """The variables that the Dockerfile sets, with the context in place of the directories that it is copied to."""
    text = (context / "Dockerfile").read_text().replace("\\\n", " ")
    words = " ".join(re.findall(r"^ENV (.*)$", text, re.MULTILINE)).split()
    pairs = (word.partition("=")[::2] for word in words)
    places = {"/opt/lisa": str(context), "${LOCAL_CODE_PATH}": str(context)}
    return {name: places.get(value, value) for name, value in pairs if name != "PATH"}


@dataclass(frozen=True, slots=True)
class Stop:
    """How a container stopped: after how many seconds, whether SIGKILL was needed, and then what it printed last."""

    seconds: float
    was_killed: bool
    printed: str = ""


class RunningTask:
    """A container that runs.

    Attributes:
        address: where it listens, on `PORT`.
        process: its entrypoint.
        log: what it prints.
    """

    def __init__(self, task: EmittedTask, address: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.address = address
        self.process = process
        self.log = log
        self._task = task

    def stop(self) -> Stop:
        """Stop it as ECS does: SIGTERM, and SIGKILL after the stop timeout."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self._task.stop_timeout)
        except subprocess.TimeoutExpired:
            tail = self.tail()
            _kill(self.process)
            return Stop(time.monotonic() - began, was_killed=True, printed=tail)
        return Stop(time.monotonic() - began, was_killed=False)

    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-6000:]


@contextmanager
def running_task(
    task: EmittedTask,
    log: Path,
    *,
    programs: Sequence[Path],
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    visible: Sequence[Path] = (),
) -> Iterator[RunningTask]:
    """Run a container until the block ends.

    Args:
        task: what was compiled.
        log: file for its output.
        programs: directories of the image's programs, searched first.
        environment: what the test adds to the emitted environment.
        prefix: a command that runs the entrypoint, such as `taskset`.
        visible: directories that the container reads, besides its context; the log's is its volume.
    """
    number = next(_NUMBERS)
    address, link = f"{_NETWORK}.{number}", f"l{os.getpid()}x{number}"
    path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
    volume = log.parent
    if task.owner is not None:
        give_to_owner(task.owner, volume)
    else:
        subprocess.run(["chown", "-R", task.isolation.user, volume], check=True)
    directories = [*visible, task.context, volume]
    for directory in directories:
        # Temporary directories of tests are private, and an image is readable.
        directory.chmod(0o755)
    isolated = task.isolation.command(visible=directories, writable=[volume])
    command = ["unshare", "--net", "bash", "-euc", _JOIN_NETWORK, address, HOST, *prefix, *isolated]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "bash", str(task.context / "entrypoint.sh")],
            env={**task.environment, **(environment or {}), "PATH": path},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _connect(process.pid, link, address)
        yield RunningTask(task, address, process, log)
    finally:
        _kill(process)


def _connect(pid: int, link: str, address: str) -> None:
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{pid}/ns/net").readlink() == own:
        time.sleep(0.01)
    for arguments in (
        ["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)],
        ["address", "add", HOST, "peer", address, "dev", link],
        ["link", "set", link, "up"],
    ):
        subprocess.run(["ip", *arguments], check=True)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
