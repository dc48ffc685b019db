"""Every process's emitted environment, against a server whose certificate a private authority signed.

The environment and where its files come from are read from the compiled templates: a function's file from its layer, a
container's through its volume from what the instance's user data fetches from a real S3, with the instance's role.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.conftest import Project, manifest_of, resources, templates

from lisa_compiler.artifacts import assembly
from lisa_compiler.artifacts.archives import build
from lisa_compiler.output.write import write_environment
from weights.seaweedfs import STRANGER, Store, running

from .private_authority import Issued, authority, server, serving
from .tls_clients import BASE, CLIENTS, S5CMD, WEED, call
from .trusting_deployment import EVERYTHING, Deployed, fetch, functions, processes, user_data

SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


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


TRUST = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


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
