"""A proxy before the local AWS that refuses what a role does not allow, and records what was called with it.

The local AWS knows neither policies nor who calls. Requests that are signed with the caller's own key are evaluated
with the role's policies; those that are signed with keys of an assumed role are let through: what the roles of the
bootstrap may do is not LISA's. Actions and resources are read from requests as AWS's service models have them.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from permissions.evaluation import Policies, Request, is_allowed

ACCOUNT, REGION = "123456789012", "us-east-1"
OWN_KEY = ACCOUNT
"""The access key of the caller; the local AWS takes the account's number for one."""

_CREDENTIAL = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/aws4_request")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
_OPEN = frozenset({"sts:GetCallerIdentity"})
"""What needs no permission."""


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A request as IAM sees it."""

    action: str
    on: str


@dataclass
class Enforced:
    """What a role was asked for.

    Attributes:
        url: address of the proxy.
        documents: policies of the role.
        allowed: requests that it allows.
        denied: requests that were refused.
    """

    url: str
    documents: Sequence[Mapping[str, Any]]
    allowed: set[Asked] = field(default_factory=set)
    denied: set[Asked] = field(default_factory=set)

    def permits(self, asked: Asked) -> bool:
        context = {"iam:PassedToService": "cloudformation.amazonaws.com"} if asked.action == "iam:PassRole" else {}
        request = Request(
            principal=f"arn:aws:iam::{ACCOUNT}:role/pipeline",
            action=asked.action,
            on=asked.on,
            account=ACCOUNT,
            context=context,
        )
        trust = _TRUST if asked.action == "sts:AssumeRole" else None
        found = is_allowed(Policies(identity=self.documents, resource=trust), request)
        (self.allowed if found else self.denied).add(asked)
        return found


def requests_of(service: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Iterator[Asked]:
    """What a request asks IAM for."""
    if service == "s3":
        yield from _of_s3(method, path, headers)
        return
    if target := headers.get("X-Amz-Target"):
        content = json.loads(body)
        operation = target.rpartition(".")[2]
        kinds = {"TableName": "table/", "repositoryName": "repository/", "Name": "parameter"}
        name = next((f"{kind}{content[key]}" for key, kind in kinds.items() if key in content), "*")
        yield Asked(f"{service}:{operation}", name if name == "*" else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
        return
    content = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    operation = content["Action"]
    if service == "sts":
        yield Asked(f"sts:{operation}", content.get("RoleArn", "*"))
        return
    stack = content.get("StackName", "*")
    if stack != "*" and not stack.startswith("arn:"):
        stack = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}/0"
    # A role is passed with the request, under a permission of its own.
    if "RoleARN" in content:
        yield Asked("iam:PassRole", content["RoleARN"])
    yield Asked(f"{service}:{operation}", stack)


def _of_s3(method: str, path: str, headers: Mapping[str, str]) -> Iterator[Asked]:
    place = urlsplit(path)
    query = parse_qs(place.query, keep_blank_values=True)
    bucket, _, key = unquote(place.path).lstrip("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    if not key:
        special = {"location": "GetBucketLocation", "encryption": "GetEncryptionConfiguration"}
        operation = next((name for part, name in special.items() if part in query), "ListBucket")
        yield Asked(f"s3:{operation}", arn)
        return
    if source := headers.get("X-Amz-Copy-Source"):
        yield Asked("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}")
    operation = {"GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}.get(method, "PutObject")
    yield Asked(f"s3:{operation}", f"{arn}/{key}")


def _refusal(service: str, asked: Asked) -> tuple[str, bytes]:
    said = f"User: arn:aws:iam::{ACCOUNT}:role/pipeline is not authorized to perform: {asked.action} on {asked.on}"
    if service in {"dynamodb", "ssm", "ecr"}:
        return "application/x-amz-json-1.1", json.dumps({"__type": "AccessDeniedException", "message": said}).encode()
    error = f"<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>"
    text = error if service == "s3" else f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
    return "text/xml", text.encode()


@contextmanager
def enforcing(upstream: str, documents: Sequence[Mapping[str, Any]]) -> Iterator[Enforced]:
    """Run the proxy; commands whose AWS_ENDPOINT_URL is its address have the role."""
    there = urlsplit(upstream)
    role = Enforced("", documents)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _handle(self) -> None:
            if self.headers.get("Expect", "").lower() == "100-continue":
                pass  # the base class has answered
            body = self._body()
            found = _CREDENTIAL.search(self.headers.get("Authorization", ""))
            if found and found[1] == OWN_KEY:
                service = found[2]
                for asked in requests_of(service, self.command, self.path, self.headers, body):
                    if asked.action not in _OPEN and not role.permits(asked):
                        kind, content = _refusal(service, asked)
                        self._answer(403, {"Content-Type": kind}, content)
                        return
            passed = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
            connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=300)
            try:
                connection.request(
                    self.command, self.path, body=body, headers={**passed, "Content-Length": str(len(body))}
                )
                answer = connection.getresponse()
                self._answer(answer.status, dict(answer.getheaders()), answer.read())
            finally:
                connection.close()

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"connection", "content-length", "date", "server", "transfer-encoding"}:
                    self.send_header(name, value)
            length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  # as the base class calls them

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    role.url = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield role
    finally:
        server.shutdown()
        server.server_close()
