"""A real S3 on this machine: SeaweedFS, which checks signatures and rights."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.dev.processes import free_port

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
    """Start a server, which keeps its data in a directory, and kill it in the end."""
    (directory / "data").mkdir()
    (directory / "identities.json").write_text(json.dumps(IDENTITIES))
    s3 = free_port()
    ports = [f"-s3.port={s3}", f"-s3.port.grpc={free_port()}"]
    for part in ("master", "volume", "filer"):
        ports += [f"-{part}.port={free_port()}", f"-{part}.port.grpc={free_port()}"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                weed, "server", f"-dir={directory / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                *ports, "-filer", "-s3", f"-s3.config={directory / 'identities.json'}",
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
