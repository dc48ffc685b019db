"""Simon Willison's `llm`, with models of extra-openai-models.yaml as docs/gateway.md has them."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

folder = Path(tempfile.mkdtemp())
os.environ["LLM_USER_PATH"] = str(folder)
os.environ["LLM_LOAD_PLUGINS"] = ""

import llm  # noqa: E402  it reads the variables

from clients import cells  # noqa: E402
from clients.cells import PARIS, PNG, SCHEMA, Target, targets  # noqa: E402


def name(target: Target, kind: str = "chat") -> str:
    return f"{target.route}-{target.engine}-{kind}"


abilities: dict[str, Any] = {"supports_tools": True, "supports_schema": True, "vision": True}
entries: list[dict[str, Any]] = [
    {"model_id": name(target, kind), "model_name": target.model, "api_base": target.base_url}
    | {"api_key_name": "lisa"}
    | abilities
    | more
    for target in targets()
    for kind, more in (("chat", {}), ("complete", {"completion": True}))
]
(folder / "extra-openai-models.yaml").write_text(yaml.safe_dump(entries))


def ask(target: Target, kind: str = "chat", **more: Any) -> Any:
    return llm.get_model(name(target, kind)).prompt("hi", key=target.token, max_tokens=8, **more)


def chat(target: Target) -> None:
    answer = ask(target, stream=False)
    target.check_text(answer.text())
    target.check_usage(answer.usage().input, answer.usage().output)


def stream(target: Target) -> None:
    answer = ask(target)
    target.check_text("".join(answer))
    target.check_usage(answer.usage().input, answer.usage().output)


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert {"city": city} == PARIS
    return "sun"


def use_tools(target: Target, stream: bool) -> None:
    chain = llm.get_model(name(target)).chain("hi", key=target.token, tools=[get_weather], stream=stream)
    assert chain.text().endswith("It is sunny."), chain


def structured(target: Target) -> None:
    assert json.loads(ask(target, schema=SCHEMA, stream=False).text()) == PARIS


def vision(target: Target) -> None:
    picture = llm.Attachment(type="image/png", content=base64.b64decode(PNG))
    target.check_text(ask(target, attachments=[picture], stream=False).text(), "A red square.")


cells.run(
    "llm",
    {
        "Chat": chat,
        "Stream": stream,
        "Tools": lambda target: use_tools(target, False),
        "Tools, streamed": lambda target: use_tools(target, True),
        "Structured output": structured,
        "Images": vision,
        "Complete": lambda target: target.check_text(ask(target, "complete", stream=False).text()),
    },
)
