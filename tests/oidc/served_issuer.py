"""An issuer that answers over HTTP on this machine, as an identity provider does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oidc.issuer import SigningKey, claims


@dataclass
class ServedIssuer:
    """An issuer at `authority`; `asked` is what it was asked for, `down` makes it answer with 503."""

    authority: str = ""
    key: SigningKey = field(default_factory=lambda: SigningKey("first", "ES256"))
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def token(self, subject: str = "u-1", *groups: str, **others: Any) -> str:
        """A token for a person in groups, which are at `realm_access.roles`."""
        payload = claims(iss=self.authority, sub=subject, realm_access={"roles": list(groups)}, **others)
        return self.key.token(payload)

    def answer(self, path: str) -> dict[str, Any]:
        """The document at a path."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.authority, "jwks_uri": f"{self.authority}/keys"}
        return {"keys": [self.key.jwk()]}


@contextmanager
def serve_issuer() -> Iterator[ServedIssuer]:
    """An issuer that listens for as long as the context lasts."""
    issuer = ServedIssuer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            body = json.dumps(issuer.answer(self.path)).encode()
            self.send_response(503 if issuer.down else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening:
        issuer.authority = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield issuer
        listening.shutdown()
