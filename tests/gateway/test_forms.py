"""The model that a form names: access, metrics and the audit log know it, wherever it is in the form."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.conftest import LIMITS, USAGE, Aws, settings, stored_item
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel
from gateway.test_pass_through import wait_for
from lisa_gateway.errors import BodyTooLargeError, GatewayError, InvalidBodyError, UnsupportedParameterError
from lisa_gateway.form_meter import FormMeter
from lisa_gateway.form_model import read_form_model
from lisa_tokens import new_token

URL = "/v2/serve/audio/transcriptions"
MODELS = [{"name": name, "route": "litellm", "reason": "external"} for name in ("whisper", "secret-whisper")]
ACCESS = {"groups": {}, "everyone": {"models": ["whisper"], "perCaller": {"requestsPerMinute": 1000}}}
OTHER = ("file", "a.wav", b"RIFF" * 10)


def form(*fields: tuple[str, str | None, bytes], boundary: str = "limit") -> bytes:
    """A multipart body: name, file name and content of each part."""
    parts = []
    for name, file_name, content in fields:
        shown = "" if file_name is None else f'; filename="{file_name}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def met(body: bytes, kind: str = "multipart/form-data; boundary=limit", *, step: int = 7) -> str | None:
    """The model of a form that comes in parts of a few bytes."""
    meter = FormMeter(kind.encode(), 10_000)
    for start in range(0, len(body), step):
        meter.feed(body[start : start + step])
    return meter.model.name


def test_the_model_is_found_before_and_behind_a_file() -> None:
    named = ("model", None, b"whisper")
    assert met(form(named, OTHER)) == met(form(OTHER, named)) == met(form(named, OTHER), step=1000) == "whisper"
    assert met(form(OTHER)) is None
    assert met(form(("remodel", None, b"x"), ("file", "model", b"x"), OTHER)) is None
    # What is within a file is content.
    assert met(form(("file", "a", form(named, boundary="other")))) is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ([("model", None, b"a"), ("model", None, b"b")], UnsupportedParameterError),
        ([("model", None, b"a"), OTHER, ("model", None, b"a")], UnsupportedParameterError),
        ([("model", "a.txt", b"a")], UnsupportedParameterError),
        ([("model[]", None, b"a")], UnsupportedParameterError),
        ([("model", None, b"a"), ("model[]", None, b"b")], UnsupportedParameterError),
        ([("Model", None, b"a")], UnsupportedParameterError),
        ([(" model", None, b"a")], UnsupportedParameterError),
        ([("model", None, b"a" * 2000)], BodyTooLargeError),
        ([("model", None, b"\xff\xfe")], InvalidBodyError),
    ],
)
def test_what_could_be_read_as_another_model_is_refused(
    fields: list[tuple[str, str | None, bytes]], error: type[GatewayError]
) -> None:
    with pytest.raises(error):
        met(form(*fields))


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=limit; charset=utf-16",
        "multipart/form-data; boundary=limit; charset=utf-7",
        "multipart/form-data; boundary=limit; charset=x-none",
    ],
)
def test_boundary_and_encoding(kind: str) -> None:
    with pytest.raises(InvalidBodyError):
        met(form(("model", None, b"whisper")), kind)


def test_utf8_may_be_declared() -> None:
    kind = 'multipart/form-data; charset="UTF-8"; boundary="limit"'
    assert met(form(("model", None, "\N{GREEK SMALL LETTER PI}".encode())), kind) == "\N{GREEK SMALL LETTER PI}"


def test_url_encoded_forms() -> None:
    assert read_form_model(b"prompt=a&model=whi%73per&n=1").name == "whisper"
    assert read_form_model(b"prompt=a&mod%65l=a+b").name == "a b"
    assert read_form_model(b"prompt=model").name is None
    for body in (b"model=a&model=b", b"model=a&mod%65l=b", b"model%5B%5D=a", b"MODEL=a"):
        with pytest.raises(UnsupportedParameterError):
            read_form_model(body)


_NAMES = st.sampled_from(
    ['name="model"', "name=model", 'name="mod%65l"', 'name="x"; name="model"', "name*=utf-8''model"]
)
_REST = st.sampled_from(
    ["", '; filename="a"', "; filename*=utf-8''a", '; name="x"', "; NAME=model", ' ; x="; name=model"']
)
_HEAD = st.sampled_from(
    ["Content-Disposition: form-data; ", "CONTENT-DISPOSITION:form-data;", "X: ", "Content-Disposition: "]
)


@given(
    parts=st.lists(st.tuples(_HEAD, _NAMES, _REST, st.sampled_from(["a", "b", "\xe9"])), max_size=3),
    step=st.integers(1, 40),
)
def test_the_model_is_the_one_that_litellms_framework_finds(parts: list[tuple[str, str, str, str]], step: int) -> None:
    kind = "multipart/form-data; boundary=limit"
    written = [f"--limit\r\n{head}{name}{rest}\r\n\r\n{value}\r\n" for head, name, rest, value in parts]
    body = ("".join(written) + "--limit--\r\n").encode()

    async def stream() -> AsyncIterator[bytes]:
        yield body

    try:
        framework = asyncio.run(MultiPartParser(Headers({"content-type": kind}), stream()).parse())
    except MultiPartException:
        return
    try:
        found = met(body, kind, step=step)
    except (InvalidBodyError, UnsupportedParameterError):
        return
    assert framework.getlist("model") == ([] if found is None else [found])


@pytest.fixture(scope="module")
def audited(
    aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, str, Path]]:
    """A gateway with access and an audit log, a token for one of its models, and the records' directory."""
    folder: Path = tmp_path_factory.mktemp("forms")
    routes = folder / "routes.json"
    routes.write_text(json.dumps({"schemaVersion": 1, "models": MODELS, "access": ACCESS}))
    token = new_token()
    aws.put(stored_item(token, owner="forms"))
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url) | {
        "ROUTES_FILE": str(routes),
        "LIMITS_TABLE_NAME": LIMITS,
        "USAGE_TABLE_NAME": USAGE,
        "AUDIT_LOG_GROUP": "audit",
        "AUDIT_FOLDER": str(folder / "audit"),
    }
    with gateway(folder, environment) as found:
        yield found, token, folder / "audit"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ([("model", None, b"whisper"), OTHER], 200, ""),
        ([OTHER, ("model", None, b"whisper")], 200, ""),
        ([("model", None, b"secret-whisper"), OTHER], 403, "model_not_permitted"),
        ([OTHER, ("model", None, b"secret-whisper")], 403, "model_not_permitted"),
        ([OTHER, ("model", None, b"unknown")], 400, "unsupported_parameter"),
        ([OTHER, ("model", None, b"whisper"), ("model", None, b"secret-whisper")], 400, "unsupported_parameter"),
    ],
)
@pytest.mark.parametrize("big", [False, True])
def test_access_metrics_and_audit_log_know_the_model_of_an_upload(
    audited: tuple[Gateway, str, Path],
    stub: StubModel,
    fields: list[tuple[str, str | None, bytes]],
    status: int,
    code: str,
    *,
    big: bool,
) -> None:
    served, token, _ = audited
    if big:  # It comes in many parts, the first of which go on before the last have come.
        fields = [(name, file, content * 100_000 if file else content) for name, file, content in fields]
    headers = {"Api-Key": token, "Content-Type": "multipart/form-data; boundary=limit", "X-Request-ID": f"r{big:d}"}
    body = form(*fields)
    answer = requests.post(f"{served.url}{URL}", data=body, headers=headers, timeout=30)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json() == {"text": f"{len(body)} bytes"}
        assert stub.last.body == body
        wait_for(
            lambda: (
                'lisa_gateway_model_requests_total{model="whisper"' in requests.get(served.metrics_url, timeout=5).text
            )
        )
    else:
        assert answer.json()["error"]["code"] == code
        assert stub.seen == []


def test_a_forbidden_model_behind_a_file_ends_the_upload_before_its_end(
    audited: tuple[Gateway, str, Path], stub: StubModel
) -> None:
    served, token, _ = audited
    whole = form(OTHER, ("model", None, b"secret-whisper"), ("more", "b.wav", b"x" * 1000))
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
        head = f"POST {URL} HTTP/1.1\r\nHost: x\r\nApi-Key: {token}\r\nContent-Length: {len(whole)}\r\n"
        client.sendall((head + "Content-Type: multipart/form-data; boundary=limit\r\n\r\n").encode() + whole[:60])
        wait_for(lambda: served.process.poll() is None)
        client.sendall(whole[60:-900])
        assert client.recv(12) == b"HTTP/1.1 403"
    assert stub.seen == []


def test_a_url_encoded_form(audited: tuple[Gateway, str, Path], stub: StubModel) -> None:
    served, token, _ = audited

    def ask(**data: Any) -> int:
        return requests.post(f"{served.url}{URL}", data=data, headers={"Api-Key": token}, timeout=30).status_code

    assert (ask(model="whisper"), ask(model="secret-whisper"), ask(model="unknown")) == (200, 403, 400)
    assert len(stub.seen) == 1


def test_audit_records_have_the_model(audited: tuple[Gateway, str, Path], stub: StubModel) -> None:
    served, token, folder = audited
    headers = {"Api-Key": token, "Content-Type": "multipart/form-data; boundary=limit", "X-Request-ID": "recorded"}
    body = form(OTHER, ("model", None, b"whisper"))
    assert requests.post(f"{served.url}{URL}", data=body, headers=headers, timeout=30).status_code == 200

    def recorded() -> bool:
        lines = "".join(path.read_text() for path in folder.rglob("*") if path.is_file()).splitlines()
        return any('"recorded"' in line and '"model":"whisper"' in line.replace(": ", ":") for line in lines)

    wait_for(recorded)
