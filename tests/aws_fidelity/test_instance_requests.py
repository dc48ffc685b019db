"""Requests of the programs on an instance: what they sign, and that whatever is broken ends in an OSError."""

from __future__ import annotations

import importlib
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from types import ModuleType

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lisa_compiler.resources import templates_dir

KEYS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret/key+x", "Token": "token=="}
ROLE = "/latest/meta-data/iam/security-credentials/"


def answer(body: bytes | str, *, status: str = "200 OK", length: int | None = None) -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    size = len(content) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + content


@contextmanager
def service(answers: Mapping[str, bytes]) -> Iterator[str]:
    """A server that sends the given bytes for a path, and then closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    path = connection.recv(65536).decode().split(" ")[1]
                    connection.sendall(answers[path])

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(templates_dir() / "instance")
    return importlib.import_module("aws_requests")


def metadata(role: bytes, keys: bytes = b"") -> Mapping[str, bytes]:
    return {"/latest/api/token": answer("session"), ROLE: role, f"{ROLE}instance-role": keys}


@pytest.mark.parametrize(
    "answers",
    [
        metadata(answer("", status="404 Not Found")),
        metadata(answer("instance-role"), answer("", status="404 Not Found")),
        metadata(answer("instance-role"), answer("<html>")),
        metadata(answer("instance-role"), answer(b"\xff")),
        metadata(answer("instance-role"), answer("[]")),
        metadata(answer("instance-role"), answer("null")),
        metadata(answer("instance-role"), answer(json.dumps({"Code": "AssumeRoleUnauthorizedAccess"}))),
        metadata(answer("instance-role"), answer("", status="500 Internal Server Error")),
        metadata(answer("instance-role"), answer('{"AccessKeyId": "A', length=300)),
        metadata(answer("instance-role"), b"nonsense\r\n\r\n"),
        {"/latest/api/token": b""},
    ],
)
def test_broken_metadata_is_an_os_error(
    answers: Mapping[str, bytes], requests: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(answers) as url:
        monkeypatch.setattr(requests, "METADATA", url)
        with pytest.raises(OSError, match=r".+"):
            requests.call("GET", f"{url}/object", region="us-east-1", service="s3")


def test_item_that_does_not_exist_is_none(requests: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with service(metadata(answer("", status="404 Not Found"))) as url:
        monkeypatch.setattr(requests, "METADATA", url)
        assert requests.metadata("iam/security-credentials/") is None


@pytest.mark.parametrize("token", [KEYS["Token"], None])
def test_request_to_s3_has_the_signature_of_botocore(
    token: str | None, requests: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """POST requests to the other APIs are compared in test_lifecycle.py."""
    url = "https://bucket.s3.us-gov-west-1.amazonaws.com/" + "0" * 64 + ".zip"
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(requests, "credentials", lambda: (KEYS["AccessKeyId"], KEYS["SecretAccessKey"], token))
    monkeypatch.setattr(requests, "send", lambda *given: sent.append(given))
    requests.call("GET", url, region="us-gov-west-1", service="s3")
    ((address, body, headers, method),) = sent
    assert (address, body, method) == (url, None, "GET")
    assert isinstance(headers, dict)
    signer = S3SigV4Auth(Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], token), "s3", "us-gov-west-1")
    unsigned = {name: value for name, value in headers.items() if name != "Authorization"}
    request = AWSRequest("GET", url, headers=unsigned)
    request.context["timestamp"] = headers["X-Amz-Date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
        f"Signature={signer.signature(text, request)}"
    )
