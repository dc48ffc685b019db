"""What goes wrong is one of lisapy's errors, and says what to do."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lisapy import (
    BadRequestError,
    FoundationModel,
    Lisa,
    LisaError,
    RateLimitExceededError,
    RequestTimeoutError,
    ServerError,
    StreamError,
    UnauthorizedError,
    UnreachableError,
)
from lisapy.errors import error_of

from .conftest import Deployment


def test_no_token(deployment: Deployment) -> None:
    if deployment.stub is None and not deployment.headers:
        pytest.skip("the deployment asks for no token")
    with deployment.client(headers={}) as lisa, pytest.raises(UnauthorizedError, match="A token is required"):
        lisa.list_models()


def test_wrong_token(deployment: Deployment) -> None:
    if deployment.stub is None and not deployment.headers:
        pytest.skip("the deployment asks for no token")
    with deployment.client(headers={"Api-Key": "wrong"}) as lisa, pytest.raises(UnauthorizedError) as caught:
        lisa.list_models()
    assert caught.value.request_id


def test_wrong_token_of_a_stream(deployment: Deployment, textgen: FoundationModel) -> None:
    if deployment.stub is None and not deployment.headers:
        pytest.skip("the deployment asks for no token")

    async def stream() -> None:
        async with deployment.client(headers={"Api-Key": "wrong"}) as lisa:
            async for _ in lisa.agenerate_stream("test", textgen):
                pass

    with deployment.client(headers={"Api-Key": "wrong"}) as lisa, pytest.raises(UnauthorizedError):
        next(lisa.generate_stream("test", textgen))
    with pytest.raises(UnauthorizedError):
        asyncio.run(stream())


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadRequestError), (429, RateLimitExceededError), (500, ServerError), (503, ServerError)]
)
def test_error_of_the_model(
    lisa: Lisa, stub: Any, textgen: FoundationModel, status: int, kind: type[LisaError]
) -> None:
    from aiohttp import web

    async def fail(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "the model says no"}}, status=status)

    stub.behaviours["/completions"] = fail
    said = "the model says no" if status < 500 else "The model failed"  # what a server says of itself is not passed on
    with pytest.raises(kind, match=f"{status}: {said}"):
        lisa.generate("test", textgen)


def test_arguments_that_are_not_valid(lisa: Lisa, textgen: FoundationModel) -> None:
    textgen.model_kwargs = {"max_new_tokens": 0}  # type: ignore[assignment]
    with pytest.raises(BadRequestError, match="max_new_tokens"):
        lisa.generate("test", textgen)


def test_stream_that_breaks_off(lisa: Lisa, stub: Any, textgen: FoundationModel) -> None:
    from gateway.stub_model import chunk, open_stream

    async def break_off(request: Any) -> Any:
        answer = await open_stream(request)
        await answer.write(chunk("Hello", chat=False))
        request.transport.close()
        return answer

    stub.behaviours["/completions"] = break_off
    pieces = lisa.generate_stream("test", textgen)
    assert next(pieces).token == "Hello"
    with pytest.raises(StreamError, match="was interrupted") as caught:
        next(pieces)
    assert caught.value.request_id


def test_nothing_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with Lisa(url) as lisa, pytest.raises(UnreachableError, match="is unreachable"):
        lisa.list_models()


@pytest.mark.parametrize("url", ["lisa.example.com", "", "ftp://lisa.example.com", "https://lisa:port"])
def test_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not a( valid)? URL"):
        Lisa(url)


class _Server(BaseHTTPRequestHandler):
    """Answers what a test says, or nothing; to a POST, with a stream that ends without a fault of the connection."""

    answer: bytes | None = b"{}"
    status = 200

    def do_GET(self) -> None:
        if self.answer is None:
            threading.Event().wait(3)
            return
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(_Server):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(server: ThreadingHTTPServer, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.server_address[1]}"


def test_answer_that_does_not_come(server: ThreadingHTTPServer) -> None:
    server.RequestHandlerClass.answer = None  # type: ignore[attr-defined]
    with Lisa(address(server), timeout=0.2) as lisa, pytest.raises(RequestTimeoutError, match="longer timeout"):
        lisa.list_models()


TOKEN = b'data:{"token": {"text": "Hello"}}\n\n'
LAST = b'data:{"token": {"text": "!"}, "finishReason": "stop", "generatedTokens": 2}\n\n'
TEXTGEN = FoundationModel.model_validate(
    {"provider": "ecs.textgen.tgi", "modelName": "test", "modelType": "textgen", "modelKwargs": None}
)


def read_stream(server: ThreadingHTTPServer) -> list[str]:
    with Lisa(address(server)) as lisa:
        return [piece.token for piece in lisa.generate_stream("test", TEXTGEN)]


def read_stream_asynchronously(server: ThreadingHTTPServer) -> list[str]:
    async def read() -> list[str]:
        async with Lisa(address(server)) as lisa:
            return [piece.token async for piece in lisa.agenerate_stream("test", TEXTGEN)]

    return asyncio.run(read())


readers = pytest.mark.parametrize("read", [read_stream, read_stream_asynchronously], ids=["sync", "async"])


@readers
@pytest.mark.parametrize("answer", [b"", TOKEN, TOKEN + b": keep-alive\n\n"], ids=["nothing", "a token", "a comment"])
def test_stream_that_ends_without_its_last_token(
    server: ThreadingHTTPServer, read: Callable[[ThreadingHTTPServer], list[str]], answer: bytes
) -> None:
    """A load balancer or a proxy may end an answer in good order when what is behind it fails."""
    server.RequestHandlerClass.answer = answer  # type: ignore[attr-defined]
    with pytest.raises(StreamError, match="interrupted before its end"):
        read(server)


@readers
def test_stream_that_ends_with_its_last_token(
    server: ThreadingHTTPServer, read: Callable[[ThreadingHTTPServer], list[str]]
) -> None:
    server.RequestHandlerClass.answer = TOKEN + LAST  # type: ignore[attr-defined]
    assert read(server) == ["Hello", "!"]


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"textgen": {"p": [{}]}}', b'{"textgen": 1}'])
def test_answer_that_is_not_of_lisa(server: ThreadingHTTPServer, answer: bytes) -> None:
    server.RequestHandlerClass.answer = answer  # type: ignore[attr-defined]
    with Lisa(address(server)) as lisa, pytest.raises(LisaError):
        lisa.list_models()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "server.key", "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def secure(server: ThreadingHTTPServer, certificate: Path) -> ThreadingHTTPServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("server.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.RequestHandlerClass.answer = json.dumps({"textgen": {}, "embedding": {}}).encode()  # type: ignore[attr-defined]
    return server


def test_own_certificate(secure: ThreadingHTTPServer, certificate: Path) -> None:
    with Lisa(address(secure, "https")) as lisa, pytest.raises(UnreachableError, match="certificate as verify"):
        lisa.list_models()
    for verify in (str(certificate), certificate, False):
        with Lisa(address(secure, "https"), verify=verify) as lisa:
            assert lisa.list_models() == []


def test_certificate_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LisaError, match="is not a readable certificate"):
        Lisa("https://lisa.example.com", verify=tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "of OpenAI"}}, "of OpenAI"),
        ({"error": "plain"}, "plain"),
        ({"message": "of a function", "code": "NotFound"}, "of a function"),
        ({"detail": [{"msg": "of FastAPI"}]}, "of FastAPI"),
        ("  a page \n of text ", "a page of text"),
        ("", "no error message"),
        (None, "None"),
    ],
)
def test_words_of_an_answer(body: Any, words: str) -> None:
    assert words in str(error_of(418, body))
