"""Tokens of IAM database authentication: made by botocore, and sent to a verified server only."""

from __future__ import annotations

import datetime
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aws_fidelity.private_authority import Issued, authority, server
from lisa_lambdas.environment import read_environment
from lisa_lambdas.errors import UnavailableError
from lisa_lambdas.repository.environment import RepositoryEnvironment
from lisa_lambdas.repository.registry import PgVectorConnection
from lisa_lambdas.repository.stores import Collection
from lisa_lambdas.repository.stores.opening import open_store

COLLECTION = Collection("docs", "model")
USER = "demo_lisa_dev_docs_iam"
KEYS = ("ASIAEXAMPLE", "secret of a role", "session token of a role")


@contextmanager
def rds(issued: Issued, folder: Path) -> Iterator[tuple[int, list[str]]]:
    """A server that asks for a password in clear text within TLS, as RDS does for tokens, and refuses it."""
    files = folder / "rds.pem", folder / "rds.key"
    files[0].write_bytes(issued.pem)
    files[1].write_bytes(issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_alpn_protocols(["postgresql"])
    received: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8)
            self.request.sendall(b"S")
            with context.wrap_socket(self.request, server_side=True) as client:
                _message(client, typed=False)
                client.sendall(struct.pack("!cii", b"R", 8, 3))
                received.append(_message(client, typed=True).rstrip(b"\0").decode())
                text = b"SFATAL\0C28000\0MPAM authentication failed\0\0"
                client.sendall(struct.pack("!ci", b"E", len(text) + 4) + text)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust this server ends the connection."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield listening.server_address[1], received
        finally:
            listening.shutdown()


def _message(client: socket.socket, *, typed: bool) -> bytes:
    head = client.recv(5 if typed else 4)
    (length,) = struct.unpack("!i", head[-4:])
    body = b""
    while len(body) < length - 4:
        body += client.recv(length - 4 - len(body))
    return body


def search(port: int, bundle: Path, session: Any) -> None:
    variables = {
        "BUCKET_NAME": "documents",
        "CHUNK_SIZE": "512",
        "CHUNK_OVERLAP": "51",
        "LISA_API_URL_PS_NAME": "/api",
        "REST_API_VERSION": "v2",
        "REPOSITORIES_PS_PATH": "/x",
        "DATABASE_CA_FILE": str(bundle),
    }
    connection = PgVectorConnection(
        type="pgvector", dbHost="localhost", dbPort=port, dbName="postgres", username=USER, functionUser="iam"
    )
    environment = read_environment(RepositoryEnvironment, variables)
    open_store(connection, session=session, environment=environment).find(COLLECTION, "d")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A role's, which can reach no service: a token takes no request, and no secret is read."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda *_: pytest.fail("a request was made"))
    return boto3.Session(*KEYS, region_name="us-gov-west-1")


def test_token_is_for_this_user_of_this_database(session: Any, tmp_path: Path) -> None:
    root = authority("Amazon RDS us-gov-west-1 Root CA RSA2048 G1")
    (tmp_path / "bundle.pem").write_bytes(root.pem)
    with rds(server(root, "localhost"), tmp_path) as (port, received):
        for _ in range(2):
            with pytest.raises(UnavailableError, match="is unreachable") as refused:
                search(port, tmp_path / "bundle.pem", session)
            assert "PAM authentication failed" in str(refused.value.__cause__)
    assert len(received) == 2
    token = urlsplit(f"https://{received[0]}")
    asked = {name: value for name, (value,) in parse_qs(token.query, strict_parsing=True).items()}
    assert (token.hostname, token.port, token.path) == ("localhost", port, "/")
    assert (asked["Action"], asked["DBUser"], asked["X-Amz-Expires"]) == ("connect", USER, "900")
    scope = f"{KEYS[0]}/{asked['X-Amz-Date'][:8]}/us-gov-west-1/rds-db/aws4_request"
    assert (asked["X-Amz-Credential"], asked["X-Amz-Security-Token"]) == (scope, KEYS[2])
    assert asked["X-Amz-Signature"] == _signature(port, asked["X-Amz-Date"])


def _signature(port: int, date: str) -> str:
    """What RDS computes from the role's keys."""
    request = AWSRequest("GET", f"https://localhost:{port}/?Action=connect&DBUser={USER}")
    time = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    signer = SigV4QueryAuth(Credentials(*KEYS), "rds-db", "us-gov-west-1", expires=900)
    with pytest.MonkeyPatch.context() as frozen:
        frozen.setattr("botocore.auth.get_current_datetime", lambda *_, **__: time.replace(tzinfo=None))
        signer.add_auth(request)
    return parse_qs(urlsplit(request.url).query)["X-Amz-Signature"][0]


def test_token_is_not_sent_to_a_server_that_is_not_verified(session: Any, tmp_path: Path) -> None:
    (tmp_path / "bundle.pem").write_bytes(authority("Amazon RDS").pem)
    with rds(server(authority("Amazon RDS"), "localhost"), tmp_path) as (port, received):
        with pytest.raises(UnavailableError) as refused:
            search(port, tmp_path / "bundle.pem", session)
        assert "certificate verify failed" in str(refused.value.__cause__)
    assert received == []


def test_role_without_credentials_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda *_: None)
    root = authority("Amazon RDS")
    (tmp_path / "bundle.pem").write_bytes(root.pem)
    with pytest.raises(UnavailableError):
        search(9, tmp_path / "bundle.pem", boto3.Session(region_name="us-east-1"))
    assert "no token" in caplog.text
