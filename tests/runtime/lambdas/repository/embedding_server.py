"""A stub of the REST API's embeddings, whose vectors make nearest neighbours predictable."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runtime.lambdas.repository.http_server import Answer, Request

TOKEN = "Bearer ann's token"
MODEL = "stub-embedder"
WORDS = ("anchor", "bridge", "candle", "desert", "engine", "forest", "garden", "harbor")


def vector(text: str) -> list[float]:
    """A dimension for each word, which counts it, and one that is always a little: no text is without direction."""
    lower = text.lower()
    return [*(float(lower.count(word)) for word in WORDS), 0.125]


class EmbeddingServer:
    """Answers as OpenAI's "Create embeddings" does.

    Attributes:
        requests: the texts of each request that was answered with embeddings.
        failures: answers to give before; one is used up by each request.
        fail_after: embeddings are refused with 500 once so many requests were answered; None for never.
    """

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.failures: list[Answer] = []
        self.fail_after: int | None = None
        self.asked = 0

    def __call__(self, request: Request) -> Answer:
        self.asked += 1
        if self.failures:
            return self.failures.pop(0)
        if (request.method, request.path) != ("POST", "/v2/serve/embeddings"):
            return failure(404)
        if request.headers.get("authorization") != TOKEN:
            return failure(401)
        asked = json.loads(request.body)
        if asked["model"] != MODEL:
            return failure(400)
        if self.fail_after is not None and len(self.requests) >= self.fail_after:
            return failure(500)
        self.requests.append(asked["input"])
        return embeddings([vector(text) for text in asked["input"]])


def failure(status: int, **headers: str) -> Answer:
    """An error in OpenAI's form."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"error": {"message": "refused"}}).encode(), named)


def embeddings(vectors: Sequence[Sequence[object]]) -> Answer:
    """An answer with vectors, the last first: the index says which text each is of."""
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    return Answer(200, json.dumps({"object": "list", "model": MODEL, "data": data[::-1]}).encode())
