"""Verification that fetches keys itself: rotation, an issuer that is down, invented key ids, and real connections."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lisa_compiler.starter.certificates import CERTIFICATE_FILE, KEY_FILE, KeyKind, make_certificate, save
from lisa_oidc import (
    BlockingVerifier,
    Expectation,
    IssuerError,
    KeyStore,
    UnknownKeyError,
    UnreachableIssuerError,
    UnusableIssuerError,
    fetch_json,
)
from oidc.issuer import AUTHORITY, CLIENT_ID, Clock, Documents, SigningKey

FIRST, SECOND = SigningKey("first"), SigningKey("second")


def verifier(documents: Documents, clock: Clock | None = None) -> BlockingVerifier:
    store = KeyStore(retry=10, fresh=300, limit=3600, clock=clock or Clock())
    return BlockingVerifier(AUTHORITY, Expectation(client_id=CLIENT_ID), fetch=documents, store=store)


def test_keys_are_fetched_once() -> None:
    documents = Documents(FIRST)
    subject = verifier(documents)
    assert [subject.verify(FIRST.token()).subject for _ in range(3)] == ["u-1"] * 3
    assert documents.asked == [f"{AUTHORITY}/.well-known/openid-configuration", f"{AUTHORITY}/keys"]


def test_a_rotated_key_is_fetched() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    subject.verify(FIRST.token())
    documents.keys = [SECOND]
    clock.now += 11
    assert subject.verify(SECOND.token()).subject == "u-1"
    with pytest.raises(UnknownKeyError):
        subject.verify(FIRST.token())


def test_invented_key_ids_do_not_flood_the_issuer() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    subject.verify(FIRST.token())
    for seconds in (0, 1, 8.9, 1):
        clock.now += seconds
        with pytest.raises(UnknownKeyError):
            subject.verify(SECOND.token())
    assert len(documents.asked) == 4


def test_a_withdrawn_key_stops_to_count() -> None:
    documents, clock = Documents(FIRST, SECOND), Clock()
    subject = verifier(documents, clock)
    subject.verify(FIRST.token())
    documents.keys = [SECOND]
    clock.now += 301
    with pytest.raises(UnknownKeyError):
        subject.verify(FIRST.token())


def test_an_issuer_that_is_down_at_the_start_is_asked_again() -> None:
    documents, clock = Documents(FIRST), Clock()
    documents.failure = UnreachableIssuerError("down")
    subject = verifier(documents, clock)
    with pytest.raises(UnreachableIssuerError, match="down"):
        subject.verify(FIRST.token())
    documents.failure = None
    with pytest.raises(UnreachableIssuerError, match="next attempt follows"):
        subject.verify(FIRST.token())
    clock.now += 11
    assert subject.verify(FIRST.token()).subject == "u-1"


def test_known_keys_count_while_the_issuer_is_down_for_a_time() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    subject.verify(FIRST.token())
    documents.failure = UnreachableIssuerError("down")
    clock.now += 3599
    assert subject.verify(FIRST.token()).subject == "u-1"
    clock.now += 11
    with pytest.raises(IssuerError):
        subject.verify(FIRST.token())


def test_a_token_without_key_id_means_the_only_key_that_fits() -> None:
    anonymous, other = SigningKey(None), SigningKey("e", "ES256")
    assert verifier(Documents(anonymous, other)).verify(anonymous.token()).subject == "u-1"
    with pytest.raises(UnknownKeyError):
        verifier(Documents(anonymous, FIRST)).verify(anonymous.token())


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/good": (200, b'{"a": 1}'),
            "/long": (200, b'"' + b"x" * (1024 * 1024) + b'"'),
            "/html": (200, b"<html>"),
        }.get(self.path, (500, b"{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_a_document_is_fetched(server: str) -> None:
    assert fetch_json(f"{server}/good") == {"a": 1}


@pytest.mark.parametrize(
    ("path", "error"),
    [("/missing", UnreachableIssuerError), ("/long", UnusableIssuerError), ("/html", UnusableIssuerError)],
)
def test_answers_that_are_refused(server: str, path: str, error: type[IssuerError]) -> None:
    with pytest.raises(error):
        fetch_json(f"{server}{path}")


def test_nothing_that_listens() -> None:
    with pytest.raises(UnreachableIssuerError, match="does not respond"):
        fetch_json("http://127.0.0.1:1/")


def test_files_are_no_documents() -> None:
    with pytest.raises(UnusableIssuerError):
        fetch_json(Path(__file__).as_uri())


@pytest.fixture
def private_server(tmp_path: Path) -> Iterator[str]:
    save(make_certificate(["127.0.0.1"], kind=KeyKind.EC), tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / CERTIFICATE_FILE, tmp_path / KEY_FILE)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_a_private_certificate_authority_is_trusted_when_it_is_named(
    private_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreachableIssuerError, match="certificate"):
        fetch_json(f"{private_server}/good")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / CERTIFICATE_FILE))
    assert fetch_json(f"{private_server}/good") == {"a": 1}
