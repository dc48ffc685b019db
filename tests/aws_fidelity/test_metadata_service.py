"""The instance metadata service, as an instance and its containers reach it with the options of the launch templates.

Three network namespaces are the service, the instance and a container on its bridge; the kernel forwards, and counts
hops, as on an instance. Modeled is the service: IMDSv2 sends answers to PUT with the hop limit as their time to live
(Amazon EC2 User Guide, "Use the Instance Metadata Service"). The clients are those of the AWS SDK.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from tests.compiler.conftest import Project, resources, templates

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

ROLE = "/latest/meta-data/iam/security-credentials/"
CREDENTIALS = {
    "Code": "Success",
    "AccessKeyId": "INSTANCE",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z",
}

SERVICE = """
import http.server, json, socket, sys

hops, mode = int(sys.argv[2]), sys.argv[1]

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        self.reply(200, b"session")

    def do_GET(self):
        if mode == "agent":
            return self.reply(200, json.dumps({**CREDENTIALS, "AccessKeyId": "TASK"}).encode())
        if self.headers.get("x-aws-ec2-metadata-token") != "session":
            return self.reply(401, b"")
        self.reply(200, b"role" if self.path == ROLE else json.dumps(CREDENTIALS).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("0.0.0.0", 80), Handler)
print("ready", flush=True)
server.serve_forever()
"""

CLIENT = """
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

def key(found):
    return found.access_key if found else None

instance = InstanceMetadataProvider(InstanceMetadataFetcher(timeout=1, num_attempts=1)).load()
try:
    task = ContainerMetadataFetcher(sleep=lambda seconds: None).retrieve_uri("/credentials")["AccessKeyId"]
except Exception as error:
    task = type(error).__name__
print(key(instance), task)
"""


def run(*arguments: str, namespace: str = "") -> str:
    prefix = ["ip", "netns", "exec", namespace] if namespace else []
    return subprocess.run([*prefix, *arguments], check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@contextmanager
def served(namespace: str, mode: str, hops: int) -> Iterator[None]:
    script = f"CREDENTIALS = {CREDENTIALS!r}\nROLE = {ROLE!r}\n{SERVICE}"
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", script, mode, str(hops)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def network() -> Iterator[tuple[str, str, str]]:
    """The metadata service, an instance, and a container on the instance's bridge."""
    names = tuple(f"lisa-{part}-{os.getpid()}" for part in ("aws", "host", "task"))
    aws, host, task = names
    with ExitStack() as stack:
        for name in names:
            run("ip", "netns", "add", name)
            stack.callback(run, "ip", "netns", "delete", name)
            run("ip", "link", "set", "lo", "up", namespace=name)
        run("ip", "link", "add", "ens5", "netns", host, "type", "veth", "peer", "name", "eth0", "netns", aws)
        run("ip", "link", "add", "docker0", "netns", host, "type", "veth", "peer", "name", "eth0", "netns", task)
        for namespace, device, address in (
            (aws, "eth0", "169.254.169.254/32"),
            (host, "ens5", "10.0.0.9/24"),
            (host, "docker0", "172.17.0.1/16"),
            (task, "eth0", "172.17.0.2/16"),
            # The agent's address, which is on the instance: it translates it to its own port.
            (host, "lo", "169.254.170.2/32"),
        ):
            run("ip", "address", "add", address, "dev", device, namespace=namespace)
            run("ip", "link", "set", "dev", device, "up", namespace=namespace)
        run("ip", "route", "add", "default", "via", "10.0.0.9", "dev", "eth0", "onlink", namespace=aws)
        run("ip", "route", "add", "169.254.169.254/32", "dev", "ens5", namespace=host)
        run("ip", "route", "add", "default", "via", "172.17.0.1", namespace=task)
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=host)
        yield aws, host, task


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The metadata options of all launch templates, by stack."""
    files = Project(tmp_path_factory.mktemp("project")).write().compile().files
    found = {
        component: template["Properties"]["LaunchTemplateData"]["MetadataOptions"]
        for component, stack in templates(files).items()
        for template in resources(stack, "AWS::EC2::LaunchTemplate")
    }
    assert set(found) == {"serve", "model-small"}
    return found


def credentials_of(namespace: str) -> str:
    return run(sys.executable, "-c", CLIENT, namespace=namespace)


def test_containers_get_the_role_of_their_task_and_not_that_of_the_instance(options: dict[str, dict[str, Any]]) -> None:
    expected = {"HttpTokens": "required", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1}
    assert list(options.values()) == [expected, expected], json.dumps(options)
    with network() as (aws, host, task), served(host, "agent", 64):
        with served(aws, "service", expected["HttpPutResponseHopLimit"]):
            assert credentials_of(host) == "INSTANCE TASK"
            assert credentials_of(task) == "None TASK"
        # The model of the network notices the fault: with another hop, a container has the role of its instance.
        with served(aws, "service", 2):
            assert credentials_of(task) == "INSTANCE TASK"
