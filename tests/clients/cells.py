"""What a client does with a model: a cell of the table is a client, a feature, an engine and a route to it.

A program of a client runs in the clients' environment, reads its targets from `LISA_TARGETS`, and prints a line of JSON
for each cell. It imports nothing of LISA.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
"""8 by 8 red pixels."""
MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
PICTURE_MESSAGES: list[dict[str, Any]] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is in this picture?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ],
    }
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "get_weather", "description": "The weather in a city.", "parameters": SCHEMA}
TOOL: dict[str, Any] = {"type": "function", "function": FUNCTION}
PARIS = {"city": "Paris"}
VECTOR = [0.25, 0.5, -1.0]
LOGPROB = -0.25
USAGE = (5, 2)

WORKS = "works"
REJECTED = "rejected"
ERROR = "error"
FAULT = "fault"


@dataclass(frozen=True)
class Target:
    """A model behind the gateway.

    Attributes:
        route: which way its requests take: `LiteLLM` or `direct`.
        engine: what serves it, as the table has it.
        kind: `textgen` or `embedding`.
        url: the gateway's address.
        token: an API token.
        model: its name.
        is_real: whether a real engine with random weights answers, so that its words are not known.
    """

    route: str
    engine: str
    kind: str
    url: str
    token: str
    model: str
    is_real: bool = False

    @property
    def base_url(self) -> str:
        """What OpenAI's clients take as their base URL."""
        return f"{self.url}/v2/serve"

    def check_text(self, text: Any, expected: str = "Hello there") -> None:
        """Assert that the text is the model's."""
        assert isinstance(text, str), repr(text)
        assert text if self.is_real else text == expected, repr(text)

    def check_usage(self, prompt: Any, completion: Any) -> None:
        """Assert that the numbers of tokens are the model's."""
        if self.is_real:
            assert min(prompt, completion) > 0, (prompt, completion)
        else:
            assert (prompt, completion) == USAGE, (prompt, completion)


@dataclass(frozen=True)
class Cell:
    """What came of a feature.

    Attributes:
        client: name of the client.
        feature: what was done.
        engine: what serves the model.
        route: which way the request took.
        outcome: `works`; `rejected` with a status of 4xx; `error` with one of 5xx; `fault` for a wrong answer, and for
            any other exception.
        detail: status and message, or the traceback of a fault.
    """

    client: str
    feature: str
    engine: str
    route: str
    outcome: str
    detail: str = ""


class RejectedError(Exception):
    """An answer with an error's status, for clients that are played back."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status


Feature = Callable[[Target], None]


def targets() -> list[Target]:
    """The targets that this process is to ask."""
    return [Target(**entry) for entry in json.loads(os.environ["LISA_TARGETS"])]


def run(client: str, textgen: Mapping[str, Feature], embedding: Mapping[str, Feature] = {}) -> None:
    """Use each feature with each target, and print the cells.

    Args:
        client: name of the client.
        textgen: what it does with models that generate text; those with a real engine get `MAIN_PATH` alone.
        embedding: what it does with models that embed.
    """
    for cell in cells(client, targets(), textgen, embedding):
        sys.stdout.write(f"{json.dumps(asdict(cell))}\n")


MAIN_PATH = ("List models", "Chat", "Stream", "Complete", "Responses API", "Messages", "Messages, streamed")
"""What a client does with a real engine, whose tiny model neither sees nor calls tools."""


def cells(
    client: str, asked: list[Target], textgen: Mapping[str, Feature], embedding: Mapping[str, Feature]
) -> Iterator[Cell]:
    """Use each feature with each target."""
    for target in asked:
        features = embedding if target.kind == "embedding" else textgen
        for name, feature in features.items():
            if target.is_real and name not in MAIN_PATH:
                continue
            outcome, detail = _outcome(feature, target)
            yield Cell(client, name, target.engine, target.route, outcome, detail)


def _outcome(feature: Feature, target: Target) -> tuple[str, str]:
    try:
        feature(target)
    except AssertionError:
        return FAULT, traceback.format_exc(limit=-2)
    except Exception as error:
        status = getattr(error, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return REJECTED if status < 500 else ERROR, f"{status} {_message(error)}"
        return FAULT, f"{type(error).__name__} {status or ''}: {error}\n{traceback.format_exc(limit=-2)}"
    return WORKS, ""


def _message(error: Exception) -> str:
    """The message in the error's body, else the error's own."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])
    return str(getattr(error, "message", "") or error)


def raises(expected: type[Exception] | tuple[type[Exception], ...], call: Callable[[], object]) -> Exception:
    """The error that a call must raise."""
    try:
        call()
    except expected as error:
        return error
    raise AssertionError(f"{expected} is not raised")
