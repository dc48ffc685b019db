"""A stand-in for the instance metadata service of EC2 that refuses tokens, and may give credentials without one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ROLE = "/latest/meta-data/iam/security-credentials/"
_NO_OTHER_SOURCE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


@contextmanager
def refusing_tokens(credentials: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve on a free port; the address is for AWS_EC2_METADATA_SERVICE_ENDPOINT.

    Args:
        credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to give to requests without a token (IMDSv1); None
            answers 403 to these too.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(403, b"")

        def do_GET(self) -> None:
            if credentials is None:
                self._answer(403, b"")
            elif self.path == _ROLE:
                self._answer(200, b"role")
            elif self.path == f"{_ROLE}role":
                self._answer(200, json.dumps(_document(credentials)).encode())
            else:
                self._answer(404, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def environment(endpoint: str, home: str) -> dict[str, str | None]:
    """Variables with which the metadata service is the only source of credentials; None is to be unset."""
    return {
        **dict.fromkeys(_NO_OTHER_SOURCE),
        "HOME": home,
        "AWS_EC2_METADATA_DISABLED": None,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": f"{home}/none",
        "AWS_CONFIG_FILE": f"{home}/none",
    }


def _document(credentials: Mapping[str, str]) -> dict[str, str]:
    return {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": credentials["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
        "Token": "",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "Expiration": "2099-01-01T00:00:00Z",
    }
