"""The address of `lisa dev`: files of the application, and the API's routes passed on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from lisa_compiler.dev import web
from lisa_compiler.dev.processes import Processes, free_port

ENV_JS = (
    b'// A comment with ${ApiUrl}.\nwindow.env = {"API_BASE_URL": "${ApiUrl}", "SYSTEM_BANNER": {"text": "${!x}"}};\n'
)
BUNDLE = {"index.html": b"<title>LISA</title>", "assets/app.js": b"start()"}


class Api(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = {"path": self.path, "body": body, "token": self.headers["Authorization"]}
        content = json.dumps(said).encode()
        self.send_response(409)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Request-ID", "abc")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as api, Processes() as processes:
        threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        program = web.plan(
            processes.folder(),
            BUNDLE,
            ENV_JS,
            port=port,
            stage="dev",
            api=f"http://127.0.0.1:{api.server_port}/base",
            settings={"API_BASE_URL": "http://here"},
        )
        processes.start(program)
        yield f"http://127.0.0.1:{port}"
        api.shutdown()


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/dev/", "text/html", "<title>LISA</title>"),
        ("/dev/assets/app.js", "text/javascript", "start()"),
        ("/", "text/html", "<title>LISA</title>"),
        ("/dev", "text/html", "<title>LISA</title>"),
    ],
)
def test_files_are_served_below_the_stage(address: str, path: str, kind: str, content: str) -> None:
    answer = requests.get(f"{address}{path}", timeout=10)
    assert (answer.headers["Content-Type"].split(";")[0], answer.text) == (kind, content)


@pytest.mark.parametrize(("path", "status"), [("/dev/none.js", 404), ("/dev/../etc/passwd", 403), ("/other/", 403)])
def test_there_is_nothing_else(address: str, path: str, status: int) -> None:
    assert requests.get(f"{address}{path}", timeout=10).status_code == status


def test_the_api_is_passed_on_as_it_comes(address: str) -> None:
    headers = {"Authorization": "Bearer t"}
    answer = requests.put(f"{address}/dev/models/a%2Fb?x=%20", data="body", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (409, "abc")
    assert answer.json() == {"path": "/base/models/a%2Fb?x=%20", "body": "body", "token": "Bearer t"}


def test_settings_differ_where_they_have_to() -> None:
    text = web.local_env_js(ENV_JS, {"API_BASE_URL": "http://here"})
    settings = json.loads(text.removeprefix("window.env = ").rstrip(";\n"))
    assert settings == {"API_BASE_URL": "http://here", "SYSTEM_BANNER": {"text": "${x}"}}
