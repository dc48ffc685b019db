"""Load on a deployed gateway, with locust: `make loadtest URL=https://… TOKEN=… [MODEL=…] [ARGS='--users 50']`.

Each user lists the models once, then asks the first, or MODEL, half of the time for a stream, and waits a second or
two. Without other ARGS, 20 users ask for a minute, and the report is written to loadtest.html.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

_ARGUMENTS = ["--users", "20", "--spawn-rate", "5", "--run-time", "1m", "--html", "loadtest.html"]
_MOST_TOKENS = 64


def main() -> int:
    """Run locust without its web page; its exit status is 1 when a request failed."""
    missing = [name for name in ("URL", "TOKEN") if not os.environ.get(name)]
    if missing:
        print(f"Say {' and '.join(missing)}: make loadtest URL=https://… TOKEN=…", file=sys.stderr)
        return 2
    given = sys.argv[1:]
    # What is given later wins.
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--locustfile", __file__]
    return subprocess.run([*command, "--host", os.environ["URL"], *_ARGUMENTS, *given], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

from locust import HttpUser, between, task  # noqa: E402 - gevent must not patch the process that only starts locust


class Person(HttpUser):
    """Somebody who chats."""

    wait_time = between(1, 2)

    def on_start(self) -> None:
        """Find a model to ask."""
        self.client.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"
        models = self.client.get("/v2/serve/models", name="models").json()["data"]
        self._model = os.environ.get("MODEL") or models[0]["id"]

    @task
    def chat(self) -> None:
        """Ask, and wait for the whole answer."""
        self.client.post("/v2/serve/chat/completions", json=self._question(stream=False), name="chat")

    @task
    def stream(self) -> None:
        """Ask, and note when the first event came, beside when the answer was whole."""
        began = time.perf_counter()
        url, body = "/v2/serve/chat/completions", self._question(stream=True)
        with self.client.post(url, json=body, name="stream", stream=True, catch_response=True) as answer:
            first = 0.0
            last = b""
            for line in answer.iter_lines():
                if line and not first:
                    first = time.perf_counter() - began
                last = line or last
            if last == b"data: [DONE]":
                answer.success()
            else:
                answer.failure("the stream ended without its end")
        self.environment.events.request.fire(
            request_type="POST",
            name="stream: first event",
            response_time=first * 1000,
            response_length=0,
            exception=None,
            context={},
        )

    def _question(self, *, stream: bool) -> dict[str, Any]:
        question = [{"role": "user", "content": "Say hello in three languages."}]
        return {"model": self._model, "messages": question, "max_tokens": _MOST_TOKENS, "stream": stream}
