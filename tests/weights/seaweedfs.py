"""A real S3 on this machine: SeaweedFS, which checks signatures and rights."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_ATTEMPTS = 4

OWNER = {"AWS_ACCESS_KEY_ID": "owner-key", "AWS_SECRET_ACCESS_KEY": "owner-secret", "AWS_REGION": "us-east-1"}
STRANGER = {**OWNER, "AWS_ACCESS_KEY_ID": "stranger-key", "AWS_SECRET_ACCESS_KEY": "stranger-secret"}
IDENTITIES = {
    "identities": [
        {
            "name": "owner",
            "credentials": [{"accessKey": "owner-key", "secretKey": "owner-secret"}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "stranger",
            "credentials": [{"accessKey": "stranger-key", "secretKey": "stranger-secret"}],
            "actions": ["Read:elsewhere"],
        },
    ]
}


@dataclass(frozen=True)
class Store:
    """A running server."""

    endpoint_url: str
    s5cmd: str

    def do(self, *arguments: str) -> None:
        """Call s5cmd as another tool than LISA would."""
        command = [self.s5cmd, "--endpoint-url", self.endpoint_url, *arguments]
        subprocess.run(command, env=OWNER, check=True, capture_output=True)

    def total_bytes(self, bucket: str) -> int:
        """Bytes of all objects of a bucket."""
        command = [self.s5cmd, "--json", "--endpoint-url", self.endpoint_url, "ls", f"s3://{bucket}/*"]
        listed = subprocess.run(command, env=OWNER, check=True, capture_output=True, text=True).stdout
        return sum(int(json.loads(line).get("size", 0)) for line in listed.splitlines())

    def empty(self, bucket: str) -> None:
        """Remove all objects of a bucket, which may have none."""
        command = [self.s5cmd, "--endpoint-url", self.endpoint_url, "rm", f"s3://{bucket}/*"]
        subprocess.run(command, env=OWNER, check=False, capture_output=True)


def binary(name: str) -> str | None:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


@contextmanager
def running(directory: Path, weed: str, s5cmd: str) -> Iterator[Store]:
    """Start a server; again with other ports, if another program took one of them meanwhile."""
    for attempt in range(_ATTEMPTS):
        place = directory / str(attempt)
        place.mkdir()
        started = ExitStack()
        try:
            store = started.enter_context(_server(place, weed, s5cmd))
        except RuntimeError:
            if attempt + 1 == _ATTEMPTS:
                raise
            continue
        with started:
            yield store
        return


@contextmanager
def _server(directory: Path, weed: str, s5cmd: str) -> Iterator[Store]:
    (directory / "data").mkdir()
    (directory / "identities.json").write_text(json.dumps(IDENTITIES))
    master, volume, filer, s3 = _free_ports(4)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                weed, "server", f"-dir={directory / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}",
                "-s3", f"-s3.port={s3}", f"-s3.config={directory / 'identities.json'}",
                "-s3.port.lance=0", "-s3.port.iceberg=0", "-master.telemetry=false",
                "-volume.max=400", "-master.volumeSizeLimitMB=256",
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            store = Store(f"http://127.0.0.1:{s3}", s5cmd)
            _wait(store, process, directory / "log")
            yield store
        finally:
            process.kill()  # a polite end takes ten seconds, and the data are of no use
            process.wait()


def _wait(store: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            store.do("--retry-count", "0", "mb", "s3://ready")
        except subprocess.CalledProcessError:
            time.sleep(0.3)
        else:
            return
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """Ports that are free together with the one 10,000 above, which SeaweedFS takes for gRPC."""
    taken: list[socket.socket] = []
    found: list[int] = []
    try:
        for port in range(21_000 + time.monotonic_ns() % 20_000, 50_000):
            pair = [socket.socket(), socket.socket()]
            taken += pair
            try:
                pair[0].bind(("127.0.0.1", port))
                pair[1].bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    finally:
        for each in taken:
            each.close()
    raise RuntimeError("no free ports")
