"""Applications whose requests are recorded: sends what they send, and reads the answers as they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests

from clients.cells import PARIS, PNG, TOOL, VECTOR, Feature, RejectedError, Target

RECORDED = Path(__file__).parent / "recorded"
NAMES = {
    "vLLM": ("ecs.textgen.vllm", "org/other-writer"),
    "TGI": ("ecs.textgen.tgi", "org/writer"),
    "TEI": ("ecs.embedding.tei", "org/embedder"),
}
"""Provider and name of the models in LISA 2.0.1's routes."""

Request = Mapping[str, Any]


def read(name: str) -> tuple[str, dict[str, Feature], dict[str, Feature]]:
    """Read a recording.

    Returns:
        The client's name, and what it does with models that generate text and with those that embed.
    """
    content = json.loads((RECORDED / f"{name}.json").read_bytes())
    features: dict[str, dict[str, Feature]] = {"textgen": {}, "embedding": {}}
    for request in content["requests"]:
        features[request.get("kind", "textgen")][request["feature"]] = partial(_play, request)
    return content["client"], features["textgen"], features["embedding"]


def _play(request: Request, target: Target) -> None:
    provider, model_name = NAMES[target.engine]
    values = {"token": target.token, "model": target.model, "provider": provider, "modelName": model_name}
    values |= {"modelType": target.kind, "png": PNG}
    body = _filled(request["body"], values) if "body" in request else None
    response = requests.request(
        request.get("method", "POST"),
        target.url + _filled(request["path"], values),
        headers=_filled(request["headers"], values),
        json=body,
        stream=request["answer"].endswith("events"),
        timeout=60,
    )
    with response:
        if response.status_code != 200:
            raise RejectedError(response.status_code, _message(response))
        _READERS[request["answer"]](response, request, target)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if value == "{tools}":
        return [TOOL]
    if isinstance(value, dict):
        return {name: _filled(inner, values) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace("{" + name + "}", text)
    return value


def _message(response: requests.Response) -> str:
    body = response.json()
    return str(body["error"]["message"])


def _events(response: requests.Response) -> list[Any]:
    """The events of a stream, which must end with `[DONE]`."""
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.iter_lines(decode_unicode=True) if line]
    assert lines[-1] == "[DONE]", lines
    return [json.loads(line) for line in lines[:-1]]


def _models(response: requests.Response, _: Request, target: Target) -> None:
    assert target.model in [model["id"] for model in response.json()["data"]]


def _chat(response: requests.Response, _: Request, target: Target) -> None:
    target.check_text(response.json()["choices"][0]["message"]["content"])


def _chat_events(response: requests.Response, request: Request, target: Target) -> None:
    events = _events(response)
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
    target.check_text(text, request.get("text", "Hello there"))
    usages = [event["usage"] for event in events if event.get("usage")]
    assert len(usages) == bool(request.get("usage")), usages
    for usage in usages:
        target.check_usage(usage["prompt_tokens"], usage["completion_tokens"])


def _tool_call_events(response: requests.Response, _: Request, __: Target) -> None:
    calls = [call for event in _events(response) for choice in event["choices"]
             for call in choice["delta"].get("tool_calls") or []]  # fmt: skip
    names = [call["function"]["name"] for call in calls if call["function"].get("name")]
    arguments = "".join(call["function"].get("arguments") or "" for call in calls)
    assert (names, json.loads(arguments)) == (["get_weather"], PARIS)


def _completion_events(response: requests.Response, _: Request, target: Target) -> None:
    texts = [choice.get("text") for event in _events(response) for choice in event["choices"]]
    target.check_text("".join(text or "" for text in texts))


def _embeddings(response: requests.Response, _: Request, __: Target) -> None:
    assert [entry["embedding"] for entry in response.json()["data"]] == [VECTOR, VECTOR]


def _vectors(response: requests.Response, _: Request, __: Target) -> None:
    assert response.json() == {"embeddings": [VECTOR, VECTOR]}


def _described_models(response: requests.Response, _: Request, target: Target) -> None:
    provider, name = NAMES[target.engine]
    described = response.json()[target.kind][provider]
    assert [model["modelName"] for model in described] == [name]
    assert {"provider", "modelName", "modelType", "modelKwargs"} <= set(described[0])


def _described_model(response: requests.Response, _: Request, target: Target) -> None:
    provider, name = NAMES[target.engine]
    described = response.json()
    assert (described["provider"], described["modelName"], described["streaming"]) == (provider, name, True)


def _generated(response: requests.Response, _: Request, target: Target) -> None:
    body = response.json()
    target.check_text(body["generatedText"])
    assert (body["generatedTokens"], body["finishReason"]) == (2, "stop"), body


def _generated_events(response: requests.Response, _: Request, target: Target) -> None:
    lines = [line for line in response.iter_lines(decode_unicode=True) if line]
    assert all(line.startswith("data:") for line in lines), lines
    events = [json.loads(line.removeprefix("data:")) for line in lines]
    target.check_text("".join(event["token"]["text"] for event in events))
    assert (events[-1]["generatedTokens"], events[-1]["finishReason"]) == (2, "stop"), events[-1]


_READERS: Mapping[str, Callable[[requests.Response, Request, Target], None]] = {
    "models": _models,
    "chat": _chat,
    "chat events": _chat_events,
    "tool call events": _tool_call_events,
    "completion events": _completion_events,
    "embeddings": _embeddings,
    "vectors": _vectors,
    "described models": _described_models,
    "described model": _described_model,
    "generated": _generated,
    "generated events": _generated_events,
}
