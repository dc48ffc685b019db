"""What LISA reports about providers is what the pinned LiteLLM does: requests are made, and refused at the network."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schema.rule_cases.changes import ENVIRONMENT, external_model
from schema.test_rules import diagnose

from .processes import LITELLM_PYTHON

if not LITELLM_PYTHON.exists():
    pytest.skip("run `make gateway-parts`", allow_module_level=True)

PROGRAM = """
import json, os, sys
hosts = []
def refuse(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
        hosts.append(host.decode() if isinstance(host, bytes) else str(host))
        raise OSError("offline")
sys.addaudithook(refuse)
import litellm
found = []
for model, parameters, variables in json.load(sys.stdin):
    os.environ.update(variables)
    hosts.clear()
    try:
        litellm.completion(model=model, messages=[{"role": "user", "content": "x"}], max_retries=0, **parameters)
        error = ""
    except Exception as problem:
        error = str(problem)
    for name in variables:
        del os.environ[name]
    found.append([hosts[0] if hosts else "", error[:500]])
json.dump(found, sys.stdout)
"""
KEY = {"api_key": "EMPTY"}
BASE = {"api_base": "https://models.example.com/v1"}
CASES: tuple[tuple[str, dict[str, Any], dict[str, str], str], ...] = (
    ("openai/gpt-4o", {}, {}, ""),
    ("openai/gpt-4o", KEY, {}, "api.openai.com"),
    ("openai/gpt-4o", {}, {"OPENAI_API_KEY": "x"}, "api.openai.com"),
    ("openai/ours", BASE, {}, ""),
    ("openai/ours", BASE | KEY, {}, "models.example.com"),
    ("azure/ours", KEY, {}, ""),
    ("azure/ours", BASE, {}, ""),
    ("azure/ours", BASE | KEY, {}, "models.example.com"),
    ("anthropic/claude-sonnet-4-5", {}, {}, ""),
    ("anthropic/claude-sonnet-4-5", KEY, {}, "api.anthropic.com"),
    ("anthropic/claude-sonnet-4-5", {}, {"ANTHROPIC_API_KEY": "x"}, "api.anthropic.com"),
    ("gemini/gemini-2.5-pro", {}, {}, ""),
    ("gemini/gemini-2.5-pro", {}, {"GEMINI_API_KEY": "x"}, "generativelanguage.googleapis.com"),
    ("databricks/dbrx", KEY, {}, ""),
    ("databricks/dbrx", KEY | BASE, {}, "models.example.com"),
    ("hosted_vllm/ours", BASE, {}, "models.example.com"),
    ("hosted_vllm/ours", {}, {"HOSTED_VLLM_API_BASE": "https://models.example.com/v1"}, "models.example.com"),
    ("groq/llama-3.3-70b-versatile", KEY, {}, "api.groq.com"),
    ("vertex_ai/gemini-2.5-pro", {"vertex_project": "p", "vertex_location": "us-central1"}, {}, ""),
)
"""Model, parameters, variables, and the host that LiteLLM calls; empty where it calls none."""

MISDIRECTED = (("hosted_vllm/ours", {}, "api.openai.com"), ("ollama/llama3", {}, "localhost"))
"""Models without an address, with the host that LiteLLM takes instead."""


@cache
def called() -> dict[str, tuple[str, str]]:
    """The hosts and errors of all cases, from one process of LiteLLM, by the case as JSON."""
    cases: list[tuple[str, dict[str, Any], dict[str, str]]] = [one[:3] for one in CASES]
    cases += [(model, parameters, {}) for model, parameters, _ in MISDIRECTED]
    done = subprocess.run(
        [LITELLM_PYTHON, "-c", PROGRAM],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    found = json.loads(done.stdout[done.stdout.rindex("[[") :])
    return {json.dumps(case): (host, error) for case, (host, error) in zip(cases, found, strict=True)}


def reported(model: str, parameters: dict[str, Any], variables: dict[str, str]) -> list[str]:
    """The errors of LISA about the provider of a model."""
    more = "".join(f", {key}: '{value}'" for key, value in parameters.items())
    changes = [external_model(model, more), *(f"{ENVIRONMENT}.{name}={value}" for name, value in variables.items())]
    rules = {"litellm-provider-complete", "litellm-provider-available"}
    return [one.message for one in diagnose(changes) if one.rule in rules and one.severity.value == "error"]


@pytest.mark.parametrize(("model", "parameters", "variables", "host"), CASES)
def test_errors_are_where_litellm_calls_nothing(
    model: str, parameters: dict[str, Any], variables: dict[str, str], host: str
) -> None:
    seen, error = called()[json.dumps((model, parameters, variables))]
    assert seen == host, error
    assert bool(reported(model, parameters, variables)) == (host == "")


@pytest.mark.parametrize(("model", "parameters", "host"), MISDIRECTED)
def test_errors_are_where_litellm_calls_another_host(model: str, parameters: dict[str, Any], host: str) -> None:
    assert called()[json.dumps((model, parameters, {}))][0] == host
    assert any(host in message for message in reported(model, parameters, {}))


def test_a_keyless_request_is_sent_without_authorization() -> None:
    """mistral/ is called without a key; its API rejects that, so that LISA reports it."""
    (message,) = reported("mistral/mistral-large-latest", {}, {})
    assert "api.mistral.ai" in message
    assert Path(LITELLM_PYTHON).exists()
