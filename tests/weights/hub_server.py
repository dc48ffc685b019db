"""A small hub on this machine that serves one model and answers as the real one does."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "c0ffee" + "0" * 34
MODEL = "org/name"


def git_blob(data: bytes) -> str:
    """What `git hash-object` prints for a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hub(ThreadingHTTPServer):
    """Serves one model."""

    def __init__(self, files: dict[str, bytes], model: str = MODEL) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.model = model
        self.served: dict[str, bytes] = {}
        self.reports_digests = True
        self.refusal: tuple[int, str] | None = None
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.pauses: str | None = None
        """A file of which only the first half is sent until `resumed` is set."""
        self.paused, self.resumed = threading.Event(), threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.server.refusal is not None:
            status, code = self.server.refusal
            self.answer(status, b"{}", {"X-Error-Code": code} if code else {})
        elif path.startswith(f"/api/models/{self.server.model}"):
            siblings = [self.described(name, data) for name, data in self.server.files.items()]
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.server.files.items()
            ]
            model = {
                "id": self.server.model,
                "modelId": self.server.model,
                "sha": COMMIT,
                "siblings": siblings,
                "tags": [],
            }
            self.answer(200, json.dumps(tree if "/tree/" in path else model).encode(), {})
        else:
            name = path.removeprefix(f"/{self.server.model}/resolve/{COMMIT}/")
            if name not in self.server.files:
                self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            data = self.server.served.get(name, self.server.files[name])
            if self.command == "GET":
                self.server.asked.append(name)
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
            self.answer(200, data, headers)

    def described(self, name: str, data: bytes) -> dict[str, object]:
        """A file as the Hub's API describes it; large files are in Git LFS."""
        entry: dict[str, object] = {"rfilename": name, "size": len(data)}
        if not self.server.reports_digests:
            return entry
        if name.endswith((".safetensors", ".bin")):
            pointer = b"version https://git-lfs.github.com/spec/v1\n"
            return entry | {
                "blobId": git_blob(pointer),
                "lfs": {"sha256": sha256(data), "size": len(data), "pointerSize": 1},
            }
        return entry | {"blobId": git_blob(data)}

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            half = len(body) // 2
            self.wfile.write(body[:half])
            if self.server.pauses and self.path.partition("?")[0].endswith(self.server.pauses):
                self.wfile.flush()
                self.server.paused.set()
                self.server.resumed.wait(30)
            self.wfile.write(body[half:])

    def log_message(self, *arguments: object) -> None:
        """Nothing."""


def patch_endpoint(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """huggingface_hub reads HF_ENDPOINT once, when it is imported."""
    for module in ("constants", "hf_api", "_snapshot_download", "file_download"):
        found = __import__(f"huggingface_hub.{module}", fromlist=["x"])
        for name in ("ENDPOINT", "HUGGINGFACE_CO_URL_HOME"):
            if hasattr(found, name):
                monkeypatch.setattr(found, name, endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
