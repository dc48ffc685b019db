"""A compiled project that trusts a private authority, and the processes of its functions and containers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.compiler.conftest import TGI, resources

from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.resources import templates_dir
from weights.seaweedfs import OWNER, Store

from .installed_programs import install_programs
from .private_authority import Issued


@dataclass(frozen=True)
class Process:
    """A function or a container: its environment, with paths of this machine for the files that it names."""

    name: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Deployed:
    """A compiled project whose artifact is in S3, and from there where processes find it."""

    compiled: Compiled
    templates: Mapping[str, Any]
    layer: Path
    instance: Path
    root: Issued


def small_model(container: str, kind: str = "textgen") -> dict[str, Any]:
    path = f"lib/serve/ecs-model/{'embedding/' if kind == 'embedding' else ''}{container}"
    return {
        **TGI,
        "modelName": f"org/{container}",
        "modelId": container,
        "modelType": kind,
        "streaming": True if kind == "textgen" else None,
        "inferenceContainer": container,
        "containerConfig": {"image": {"baseImage": f"{container}:1", "path": path}},
    }


PREBUILT = {
    **TGI,
    "modelId": "prebuilt",
    "containerConfig": {"image": {"type": "registry", "registry": "registry.example.com/tgi:1"}},
}
EVERYTHING: Mapping[str, Any] = {
    "certificateAuthorityBundle": "certificates/root.pem",
    "deployRag": True,
    "ragRepositories": [{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
    "ecsModels": [
        TGI,
        PREBUILT,
        small_model("vllm"),
        small_model("tei", "embedding"),
        small_model("instructor", "embedding"),
    ],
}


@contextmanager
def metadata_service(credentials: Mapping[str, str]) -> Iterator[str]:
    """Credentials of the instance's role, for requests with a token alone (IMDSv2)."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(200, b"session")

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != "session":
                self._answer(401, b"")
            elif self.path.endswith("/security-credentials/"):
                self._answer(200, b"instance-role")
            else:
                names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
                found = {name: credentials[variable] for name, variable in names.items()}
                self._answer(200, json.dumps(found).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def user_data(template: Mapping[str, Any]) -> str:
    (found,) = resources(template, "AWS::EC2::LaunchTemplate")
    content = found["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    if isinstance(content, str):
        return content
    separator, parts = content["Fn::Join"]
    return str(separator).join(part if isinstance(part, str) else "known-at-deployment" for part in parts)


def fetch(
    text: str, store: Store, folder: Path, *, credentials: Mapping[str, str] = OWNER, sha256: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run what user data installs, as its unit does, with this machine's S3 and directory."""
    script = install_programs(text, folder) / "trust-bundle.py"
    url, region, digest = re.findall(r"^ExecStart=/usr/bin/python3 -sE \S+/trust-bundle.py (.*)$", text, re.M)[
        0
    ].split()
    bucket, _, key = url.removeprefix("https://").partition(f".s3.{region}.amazonaws.com/")
    with metadata_service(credentials) as metadata:
        return subprocess.run(
            [
                *(sys.executable, "-sE", str(script), f"{store.endpoint_url}/{bucket}/{key}"),
                *(region, sha256 or digest),
            ],
            env={
                "PATH": "/usr/bin:/bin",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
                "ATTEMPTS": "1",
                "DIRECTORY": str(folder / "instance"),
            },
            capture_output=True,
            text=True,
            check=False,
        )


def plain(variables: Mapping[str, Any]) -> dict[str, str]:
    """Variables without those that only a deployment knows."""
    return {name: value for name, value in variables.items() if isinstance(value, str)}


def functions(deployed: Deployed) -> Iterator[Process]:
    (layer,) = [
        one
        for one in resources(deployed.templates["core"], "AWS::Lambda::LayerVersion")
        if one["Properties"]["LayerName"].endswith("-trust")
    ]
    assets = json.loads(deployed.compiled.files["cloudformation/core.assets.json"])["files"]
    key = layer["Properties"]["Content"]["S3Key"]
    (source,) = [
        asset["source"]
        for asset in assets.values()
        if key in {place["objectKey"] for place in asset["destinations"].values()}
    ]
    assert source == {"path": "../trust", "packaging": "zip"}
    for template in deployed.templates.values():
        for function in resources(template, "AWS::Lambda::Function"):
            properties = function["Properties"]
            references = {reference["Ref"] for reference in properties["Layers"]}
            assert references & {"TrustLayer", "TrustLayerArn"}, properties["FunctionName"]
            variables = plain(properties["Environment"]["Variables"])
            yield Process(
                properties["FunctionName"],
                {name: value.replace("/opt", str(deployed.layer), 1) if value.startswith("/opt/") else value
                 for name, value in variables.items()},
            )  # fmt: skip


def containers(deployed: Deployed) -> Iterator[Process]:
    for template in deployed.templates.values():
        for task in resources(template, "AWS::ECS::TaskDefinition"):
            directories = {
                volume["Name"]: volume["Host"]["SourcePath"]
                for volume in task["Properties"]["Volumes"]
                if "Host" in volume
            }
            fetched = re.findall(r'"DIRECTORY", "(.*?)"', (templates_dir() / "instance/trust-bundle.py").read_text())[0]
            for container in task["Properties"]["ContainerDefinitions"]:
                if "Environment" not in container:
                    # It changes the owner of a directory, and connects to nothing.
                    assert container["Name"] == "weights-owner"
                    continue
                variables = plain({one["Name"]: one["Value"] for one in container["Environment"]})
                for mount in container["MountPoints"]:
                    if directories.get(mount["SourceVolume"]) == fetched:
                        assert mount["ReadOnly"]
                        inside = mount["ContainerPath"]
                        variables = {
                            name: value.replace(inside, str(deployed.instance), 1)
                            if value.startswith(inside)
                            else value
                            for name, value in variables.items()
                        }
                yield Process(container["Name"], variables)


def processes(deployed: Deployed) -> list[Process]:
    return [*functions(deployed), *containers(deployed)]
