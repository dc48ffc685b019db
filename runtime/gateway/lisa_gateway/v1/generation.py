"""LISA 2.x's way to ask for text and embeddings, told in OpenAI's terms and back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

from lisa_gateway.errors import UpstreamInterruptedError, UpstreamUnavailableError
from lisa_gateway.v1.registry import RegisteredModel

_TEXTGEN: Mapping[str, Any] = MappingProxyType(
    {
        "max_new_tokens": 50,
        "top_k": None,
        "top_p": None,
        "typical_p": None,
        "temperature": None,
        "repetition_penalty": None,
        "return_full_text": False,
        "truncate": None,
        "stop_sequences": [],
        "seed": None,
        "do_sample": False,
        "watermark": False,
    }
)
_DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "tgi": _TEXTGEN,
        "vllm": _TEXTGEN,
        "sglang": _TEXTGEN,
        "tei": MappingProxyType({"normalize": True, "truncate": True}),
        "instructor": MappingProxyType({"instruction": "Represent the document:"}),
    }
)
_SAMPLING = ("top_k", "top_p", "typical_p", "temperature")
_AS_THEY_ARE = (*_SAMPLING, "repetition_penalty", "seed")
_END = b"[DONE]"
_FINISH_REASONS: Mapping[str, str] = MappingProxyType({"eos_token": "stop", "stop_sequence": "stop"})


def default_arguments(container: str) -> dict[str, Any]:
    """The `modelKwargs` of a container, with their defaults; none for one that LISA 2.x did not know."""
    return {
        name: list(value) if isinstance(value, list) else value for name, value in _DEFAULTS.get(container, {}).items()
    }


def completion_request(
    model: RegisteredModel, text: str, arguments: Mapping[str, Any], *, stream: bool
) -> dict[str, Any]:
    """The body of OpenAI's completions route for a generate request.

    TGI samples when it is told to, or when an argument of sampling is given; otherwise it takes the likeliest token,
    which is a temperature of 0. `return_full_text` is for `full_text`; `watermark` has no counterpart.
    """
    given = {**default_arguments(model.container), **arguments}
    body: dict[str, Any] = {"model": model.identifier, "prompt": text, "max_tokens": given["max_new_tokens"]}
    body |= {name: given[name] for name in _AS_THEY_ARE if given.get(name) is not None}
    if not given["do_sample"] and not any(name in body for name in _SAMPLING):
        body["temperature"] = 0
    if given["stop_sequences"]:
        body["stop"] = given["stop_sequences"]
    if given["truncate"] is not None:
        body["truncate_prompt_tokens" if model.container == "vllm" else "truncate"] = given["truncate"]
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def embedding_request(model: RegisteredModel, text: str | list[str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The body of OpenAI's embeddings route for an embeddings request."""
    texts = [text] if isinstance(text, str) else text
    given = {**default_arguments(model.container), **arguments}
    return {"model": model.identifier, "input": texts, "encoding_format": "float", **given}


def generated(answer: Any, text: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to generate, from that of the completions route.

    Raises:
        UpstreamUnavailableError: it is not in the form of a completion.
    """
    try:
        choice = answer["choices"][0]
        written = choice["text"]
        return {
            "generatedText": text + written if arguments.get("return_full_text") else written,
            "generatedTokens": (answer.get("usage") or {}).get("completion_tokens") or 0,
            "finishReason": _finish_reason(choice),
        }
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise UpstreamUnavailableError("The model proxy did not return a completion.") from error


def embeddings(answer: Any) -> dict[str, Any]:
    """The answer to embeddings, from that of OpenAI's route.

    Raises:
        UpstreamUnavailableError: it is not in the form of embeddings.
    """
    try:
        entries = sorted(answer["data"], key=lambda entry: entry.get("index", 0))
        return {"embeddings": [entry["embedding"] for entry in entries]}
    except (KeyError, TypeError, AttributeError) as error:
        raise UpstreamUnavailableError("The model proxy did not return embeddings.") from error


async def token_events(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of generateStream, from the server-sent events of a streamed completion.

    Each is `data:{"token": {"text", "special"}}`. The last has the last token and, beside it, `generatedTokens` and
    `finishReason`, as LISA 2.x sent them, and `generated_text` and `details`, as Text Generation Inference sends them.
    A token is therefore held until the next one comes.

    Raises:
        UpstreamInterruptedError: the stream ends without its end, or holds something else than a completion.
    """
    texts: list[str] = []
    try:
        async for event in _token_events(parts, texts):
            yield event
    except UpstreamInterruptedError:
        # What came before the stream broke off is passed on.
        if texts:
            yield _event({"token": {"text": texts[-1], "special": False}})
        raise


async def _token_events(parts: AsyncIterator[bytes], texts: list[str]) -> AsyncIterator[bytes]:
    """The lines, each when the token after it has come; `texts` gets the tokens, of which the last is held."""
    reported, reason = 0, ""
    async for data in _data_lines(parts):
        if data == _END:
            yield _event(_last(texts, reported or len(texts), reason))
            return
        try:
            chunk = json.loads(data)
            if "error" in chunk:
                raise UpstreamInterruptedError
            reported = (chunk.get("usage") or {}).get("completion_tokens") or reported
            for choice in chunk.get("choices") or []:
                reason = _finish_reason(choice) or reason
                if choice.get("text"):
                    if texts:
                        yield _event({"token": {"text": texts[-1], "special": False}})
                    texts.append(choice["text"])
        except (ValueError, TypeError, AttributeError) as error:
            raise UpstreamInterruptedError from error
    raise UpstreamInterruptedError


def _finish_reason(choice: Mapping[str, Any]) -> str:
    """OpenAI's value: Text Generation Inference's completions route has its own names."""
    reason = choice.get("finish_reason") or ""
    return _FINISH_REASONS.get(reason, reason)


def _last(texts: list[str], tokens: int, reason: str) -> dict[str, Any]:
    """The last event; its token is an empty special one where nothing was generated."""
    return {
        "token": {"text": texts[-1] if texts else "", "special": not texts},
        "generatedTokens": tokens,
        "finishReason": reason,
        "generated_text": "".join(texts),
        "details": {"finish_reason": reason, "generated_tokens": tokens},
    }


async def _data_lines(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()


def _event(content: Mapping[str, Any]) -> bytes:
    return b"data:" + json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
