"""MiniStack: an AWS on this machine whose CloudFormation makes real functions behind a real API.

What it does not know is in the table of `stand_ins`, with which it is started.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

ACCOUNT = "123456789012"
REGION = "us-east-1"
STAND_INS = Path(__file__).with_name("stand_ins.py")


@contextmanager
def local_aws(folder: Path) -> Iterator[str]:
    """Its address, for as long as the context lasts. Functions run with this Python and what is installed in it."""
    port = _free_port()
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    # Functions find their own packages in their archive, as in AWS.
    environment.pop("PYTHONPATH", None)
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(STAND_INS)], env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def client(service: str, endpoint_url: str) -> Any:
    """A client of the local AWS."""
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
    )


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"MiniStack ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("MiniStack does not listen")
