"""What is measured: ingestions on a real PostgreSQL with pgvector, searches, and cold imports of the handlers."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import REPOSITORY, RunError, measure
from benchmarks.rag import embedder
from runtime.lambdas.proxy_events import proxy_event
from runtime.lambdas.repository import files, postgres
from runtime.lambdas.repository.deployment import Deployment, aws, deploy, pgvector_connection
from runtime.lambdas.repository.http_server import serving

PAGES, FILES = 200, 500
HANDLERS = {"authorizer": 1.0, "session": 1.0, "repository": 3.0, "models": None}
"""Functions, and the seconds that a cold import may take."""
_WORDS_OF_A_PAGE = 450
_WORDS_OF_A_FILE = 120
_LAMBDA = {"CHUNK_SIZE": "512", "CHUNK_OVERLAP": "51"}


@dataclass(frozen=True)
class Ingested:
    """One run of the function.

    Attributes:
        seconds: from the request to the answer, without imports.
        chunks: chunks that it names.
        changed: documents that were not there already.
        peak_mib: most resident memory of the process.
        ids: ids of the chunks.
    """

    seconds: float
    chunks: int
    changed: int
    peak_mib: float
    ids: tuple[str, ...]


class Function:
    """The repository function with its services on this machine."""

    def __init__(self, directory: Path, deployed: Deployment, endpoint: str) -> None:
        self._directory = directory
        self._deployed = deployed
        self._endpoint = endpoint

    def put(self, key: str, content: bytes) -> str:
        """Put a document into the bucket; returns its key."""
        self._deployed.put(key, content)
        return key

    def ingest(self, keys: list[str]) -> Ingested:
        """Start the function, and let it ingest.

        Raises:
            RunError: it fails.
        """
        headers = {"Authorization": "Bearer token"}
        body = {"embeddingModel": {"modelName": "stub"}, "keys": keys}
        event = proxy_event("POST", "/repository/docs/bulk", body=body, headers=headers)
        request = self._directory / "request.json"
        request.write_text(json.dumps({"environment": self._deployed.environment, "event": event}), encoding="utf-8")
        answer = self._directory / "answer.json"
        script = 'exec "$0" "$@" > "$ANSWER"'
        usage = measure(
            ["sh", "-c", script, sys.executable, str(REPOSITORY / "benchmarks/rag/child.py"), str(request)],
            cwd=self._directory,
            env={**_environment(), "AWS_ENDPOINT_URL": self._endpoint, "ANSWER": str(answer)},
        )
        found = json.loads(answer.read_text(encoding="utf-8"))
        return Ingested(found["seconds"], found["chunks"], found["changed"], usage.peak_mib, tuple(found["ids"]))

    def search(self, count: int) -> list[float]:
        """Seconds of each of some searches in this process, after one that does not count."""
        seconds = []
        for number in range(count + 1):
            began = time.perf_counter()
            query = {"modelName": "stub", "query": f"question {number}", "topK": "10"}
            answer = self._deployed.call("GET", "/repository/docs/similaritySearch", query=query)
            if answer["statusCode"] != 200:
                raise RunError(f"a search answers {answer['body']}")
            seconds.append(time.perf_counter() - began)
        return seconds[1:]


@contextmanager
def function(directory: Path) -> Iterator[Function]:
    """A function with an empty database, a local AWS and a stub of the embeddings.

    Raises:
        RunError: there is no PostgreSQL to run.
    """
    if reason := postgres.missing():
        raise RunError(reason)
    os.environ.update({name: value for name, value in _environment().items() if name.startswith("AWS_")})
    with postgres.running() as server, aws() as endpoint, serving(embedder.answer) as rest_api:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        deployed = deploy(endpoint, rest_api, {"docs": pgvector_connection(endpoint, server)}, **_LAMBDA)
        yield Function(directory, deployed, endpoint)


def large_pdf() -> bytes:
    """A PDF of 200 pages, the same each time."""
    chooser = random.Random(1)
    return files.pdf(*(_prose(chooser, _WORDS_OF_A_PAGE) for _ in range(PAGES)))


def small_files() -> Iterator[tuple[str, bytes]]:
    """500 small texts by name, the same each time."""
    chooser = random.Random(2)
    for number in range(FILES):
        yield f"subject-ann/{number:03}.txt", _prose(chooser, _WORDS_OF_A_FILE).encode()


def cold_import(handler: str, runs: int) -> float:
    """Median seconds of importing a handler in a fresh process whose byte code is compiled."""
    code = (
        f"import time; t = time.perf_counter(); import lisa_lambdas.{handler}.handler; print(time.perf_counter() - t)"
    )
    seconds = []
    for _ in range(runs + 1):
        done = subprocess.run(
            [sys.executable, "-c", code], env=_environment(), check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RunError(f"the handler of {handler} cannot be imported:\n{done.stderr[-2000:]}")
        seconds.append(float(done.stdout))
    return statistics.median(seconds[1:])


def _environment() -> dict[str, str]:
    packages = os.pathsep.join(str(REPOSITORY / name) for name in ("runtime/lambdas", "runtime/oidc"))
    credentials = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": packages, **credentials}


def _prose(chooser: random.Random, count: int) -> str:
    words = ["".join(chooser.choices("abcdefghijklmnoprstuvw", k=chooser.randint(2, 9))) for _ in range(count)]
    return " ".join(f"{word}." if place % 12 == 11 else word for place, word in enumerate(words))
