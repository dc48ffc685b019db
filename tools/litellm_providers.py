"""What LiteLLM's providers require, found by sending a request with each of them; for refresh_litellm.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from litellm_image import package_of
from litellm_probe import HOST, Laboratory, Requirements, Trial

_MESSAGES = [{"role": "user", "content": "x"}]
_KEY = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|APIKEY")
_AWS = ("aws_", "bedrock", "sagemaker", "s3_", "transcribe")


def provider_requirements(laboratory: Laboratory, providers: Collection[str]) -> dict[str, Any]:
    """Find what a request of each provider requires, where it goes to, and what gives it a key.

    Returns:
        By provider, those of `needs` (groups of variables and parameters, each of which is enough), `host` (called
        without an address), `address` (what sets another one), `key` (what sends a key, where none is needed to send a
        request), `isListed` (LiteLLM's own validate_environment() names a key), and `module` (a package that the image
        lacks).
    """
    found: dict[str, Any] = {}
    for provider in sorted(providers):
        if provider.startswith(_AWS):
            continue
        row = _row(laboratory, provider)
        if row:
            found[provider] = row
    return found


def _row(laboratory: Laboratory, provider: str) -> dict[str, Any]:
    for trial in _trials(provider):
        required = laboratory.require(trial)
        if required.module:
            return {"module": package_of(required.module, laboratory.modules)}
        if required.is_complete and required.outcome.host:
            return _facts(laboratory, trial, required, provider)
    return {}


def _facts(laboratory: Laboratory, trial: Trial, required: Requirements, provider: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if required.needed:
        row["needs"] = [[variables, parameters] for variables, parameters in required.needed]
    sent = required.outcome
    if sent.host != HOST:
        row["host"] = sent.host
        other = laboratory.helping(trial, required, lambda new: new.host == HOST)
        row["address"] = list(other)
    if not sent.has_secret:
        variables, parameters = laboratory.helping(trial, required, lambda new: new.has_secret)
        row["key"] = [[name for name in variables if _KEY.search(name)], parameters]
    if _is_listed(laboratory, provider):
        row["isListed"] = True
    return row


def _is_listed(laboratory: Laboratory, provider: str) -> bool:
    """Whether LiteLLM's own function names something that the environment lacks for the provider."""
    import litellm

    missing: list[str] = []
    laboratory.run(lambda _: missing.extend(litellm.validate_environment(f"{provider}/x")["missing_keys"]), {}, {})
    return bool(missing)


def _trials(provider: str) -> Iterator[Trial]:
    """A request of each kind, with a model that LiteLLM lists for it."""
    import litellm

    calls: Mapping[str, Callable[..., Any]] = {
        "chat": lambda model, given: litellm.completion(model=model, messages=_MESSAGES, max_retries=0, **given),
        "embedding": lambda model, given: litellm.embedding(model=model, input=["x"], max_retries=0, **given),
        "rerank": lambda model, given: litellm.rerank(model=model, query="x", documents=["x"], **given),
        "image_generation": lambda model, given: litellm.image_generation(model=model, prompt="x", **given),
        "audio_speech": lambda model, given: litellm.speech(model=model, input="x", voice="x", **given),
        "audio_transcription": lambda model, given: litellm.transcription(
            model=model, file=("x.wav", b"RIFF"), **given
        ),
    }
    for mode, call in calls.items():
        model = next(
            (
                name
                for name, entry in sorted(litellm.model_cost.items())
                if entry.get("litellm_provider") == provider and entry.get("mode") == mode and "*" not in name
            ),
            "x",
        )
        full = f"{provider}/{model.removeprefix(f'{provider}/')}"
        yield lambda given, call=call, full=full: call(full, dict(given))
