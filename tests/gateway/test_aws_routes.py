"""The table of permissions, compared with the requests of the pinned LiteLLM, which are recorded and not sent."""

from __future__ import annotations

import json
import subprocess
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.processes import LITELLM_PYTHON
from lisa_schema.litellm.permissions import Place, Statement, model_statements
from lisa_schema.litellm.routes import AwsRoute, aws_route

if not LITELLM_PYTHON.exists():
    pytest.skip("run `make gateway-parts`", allow_module_level=True)

ACCOUNT = "012345678901"
HOME = Place(partition="aws", region="us-east-1", account=ACCOUNT)
WEST = f"arn:aws:bedrock:us-west-2:{ACCOUNT}"
RUNTIME = f"arn:aws:bedrock-agentcore:us-west-2:{ACCOUNT}:runtime/our-agent"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"

CALLS: tuple[tuple[str, dict[str, Any]], ...] = tuple(
    (kind, {"model": model, **parameters})
    for kind, model, parameters in (
        ("chat", f"bedrock/{HAIKU}", {}),
        ("stream", f"bedrock/{HAIKU}", {}),
        ("chat", f"bedrock/us.{HAIKU}", {}),
        ("chat", "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0", {}),
        ("chat", f"bedrock/converse/{HAIKU}", {}),
        ("chat", f"bedrock/invoke/{HAIKU}", {}),
        ("stream", f"bedrock/invoke/{HAIKU}", {}),
        ("chat", f"bedrock/eu-west-1/{HAIKU}", {}),
        ("chat", f"bedrock/eu-west-1/converse/{HAIKU}", {}),
        ("chat", f"bedrock/converse/eu-west-1/{HAIKU}", {}),
        ("chat", f"bedrock/eu-west-1/{HAIKU}", {"aws_region_name": "us-west-2"}),
        ("chat", HAIKU, {}),
        ("chat", HAIKU, {"custom_llm_provider": "bedrock"}),
        ("chat", "bedrock/openai.gpt-oss-120b-1:0", {"aws_region_name": "us-west-2"}),
        ("chat", "bedrock/chat_completions/openai.gpt-oss-120b-1:0", {}),
        ("chat", "bedrock/moonshot/moonshotai.kimi-k2-thinking", {}),
        ("chat", "bedrock/qwen3/qwen.qwen3-32b-v1:0", {}),
        ("chat", f"bedrock/{WEST}:application-inference-profile/p1", {}),
        ("chat", f"bedrock/{WEST}:inference-profile/us.{HAIKU}", {}),
        ("chat", f"bedrock/arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}", {}),
        ("chat", f"bedrock/converse/{HAIKU}", {"model_id": f"{WEST}:application-inference-profile/p1"}),
        ("chat", "bedrock/anthropic.claude-instant-v1", {"model_id": f"{WEST}:provisioned-model/p1"}),
        ("chat", f"bedrock/converse/{WEST}:provisioned-model/p1", {}),
        ("chat", f"bedrock/deepseek_r1/{WEST}:imported-model/m1", {}),
        ("chat", f"bedrock/llama/{WEST}:imported-model/m1", {}),
        ("chat", f"bedrock/openai/{WEST}:imported-model/m1", {}),
        ("chat", f"bedrock/nova/{WEST}:custom-model-deployment/d1", {}),
        ("chat", f"bedrock/converse/{WEST}:prompt-router/r1", {}),
        ("chat", "bedrock/agent/AGENT12345/ALIAS12345", {}),
        ("chat", f"bedrock/agentcore/{RUNTIME}", {}),
        ("chat", "bedrock/mantle/anthropic.claude-opus-4-7", {}),
        ("chat", "bedrock_mantle/us-west-2/openai.gpt-oss-120b", {}),
        ("chat", "bedrock/claude_platform/claude-sonnet-4-5", {"workspace_id": "wrkspc_1"}),
        ("chat", "sagemaker/our-endpoint", {}),
        ("stream", "sagemaker/our-endpoint", {}),
        ("chat", "sagemaker_chat/our-endpoint", {"aws_region_name": "eu-west-1"}),
        ("stream", "sagemaker_chat/our-endpoint", {}),
        ("chat", "sagemaker_nova/our-endpoint", {}),
        ("embedding", "bedrock/amazon.titan-embed-text-v2:0", {}),
        ("embedding", "bedrock/us.cohere.embed-v4:0", {}),
        ("embedding", "sagemaker/our-endpoint", {}),
        ("rerank", "bedrock/arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", {}),
        ("rerank", "bedrock/cohere.rerank-v3-5:0", {"aws_region_name": "eu-west-1"}),
        ("image", "bedrock/amazon.titan-image-generator-v1", {}),
        ("speech", "aws_polly/neural", {}),
        ("count", f"bedrock/{HAIKU}", {}),
        ("count", f"bedrock/us.{HAIKU}", {}),
        ("count", f"bedrock/converse/{HAIKU}", {"aws_region_name": "us-west-2"}),
        ("count", f"bedrock/invoke/{HAIKU}", {}),
        ("count", f"bedrock/eu-west-1/{HAIKU}", {}),
        ("count", f"bedrock/{WEST}:inference-profile/us.{HAIKU}", {}),
        ("count", f"bedrock/converse/{HAIKU}", {"model_id": f"{WEST}:application-inference-profile/p1"}),
    )
)
BROKEN: tuple[tuple[str, dict[str, Any]], ...] = tuple(
    (kind, {"model": model})
    for kind, model in (
        ("chat", f"bedrock/conversee/{HAIKU}"),
        ("chat", f"bedrock/ap-southeast-4/{HAIKU}"),
        ("chat", f"bedrock/anthropic/{WEST}:provisioned-model/p1"),
        ("chat", "bedrock/us-west-2/cohere.command-r-v1:0"),
        ("chat", f"bedrock/invoke/eu-west-1/{HAIKU}"),
        ("chat", f"bedrock/{WEST}:provisioned-model/p1"),
        ("chat", "bedrock/newvendor.model-x-v1:0"),
        ("chat", "bedrock/converse_like/x.y"),
        ("chat", "bedrock/agent/AGENT12345"),
        ("chat", "bedrock/agentcore/our-agent"),
        ("chat", "bedrock/claude_platform/claude-sonnet-4-5"),
        ("embedding", "bedrock/us-west-2/cohere.embed-english-v3"),
    )
)
ROLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"model": f"bedrock/{HAIKU}", "aws_role_name": "arn:aws:iam::999999999999:role/models"}),
    ("chat", {"model": "sagemaker/e", "aws_role_name": "arn:aws:iam::999999999999:role/other"}),
)
OWN_KEYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"model": f"bedrock/{HAIKU}", "aws_access_key_id": "AKIAOTHER", "aws_secret_access_key": "x"}),
    ("chat", {"model": f"bedrock/{HAIKU}", "api_key": "a-bedrock-api-key"}),
)


@cache
def requests() -> dict[str, list[dict[str, str]]]:
    """The requests of every call, by the call."""
    calls = [*CALLS, *BROKEN, *ROLE, *OWN_KEYS]
    environment = {"AWS_ACCESS_KEY_ID": "AKIATASK", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}
    done = subprocess.run(
        [LITELLM_PYTHON, Path(__file__).with_name("aws_requests.py")],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "AWS_REGION_NAME": "us-east-1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    answers = json.loads(done.stdout.strip().splitlines()[-1])
    return {json.dumps(call): answer for call, answer in zip(calls, answers, strict=True)}


def sent(call: tuple[str, dict[str, Any]]) -> list[dict[str, str]]:
    return requests()[json.dumps(call)]


def route_of(kind: str, parameters: dict[str, Any]) -> AwsRoute:
    modes = {"embedding": "embedding", "rerank": "rerank", "image": "image_generation", "speech": "audio_speech"}
    route = aws_route(parameters, "embedding" if kind == "embedding" else "textgen", modes.get(kind))
    assert route is not None
    return route


def allows(statements: tuple[Statement, ...], action: str, resource: str) -> bool:
    return any(
        action in statement.actions and any(fnmatchcase(resource, pattern) for pattern in statement.resources)
        for statement in statements
    )


def needed(request: dict[str, str]) -> tuple[str, str]:
    """The IAM action of a request and its resource (Service Authorization Reference)."""
    service, path, region = request["host"].partition(".")[0], request["path"].partition("?")[0], request["region"]
    if service == "bedrock-runtime":
        return _invocation(path, region)
    parts = path.split("/")
    own = f"{region}:{ACCOUNT}"
    streams = "WithResponseStream" if parts[-1].endswith("stream") else ""
    if path == "/rerank":
        return "bedrock:Rerank", "*"
    return {
        "bedrock-agent-runtime": lambda: (
            "bedrock:InvokeAgent",
            f"arn:aws:bedrock:{own}:agent-alias/{parts[2]}/{parts[4]}",
        ),
        "bedrock-agentcore": lambda: (
            "bedrock-agentcore:InvokeAgentRuntime",
            path.removeprefix("/runtimes/").removesuffix("/invocations"),
        ),
        "bedrock-mantle": lambda: (
            "bedrock-mantle:CreateInference",
            f"arn:aws:bedrock-mantle:{own}:project/default",
        ),
        "aws-external-anthropic": lambda: (
            "aws-external-anthropic:CreateInference",
            f"arn:aws:aws-external-anthropic:{own}:workspace/wrkspc_1",
        ),
        "runtime": lambda: (
            f"sagemaker:InvokeEndpoint{streams}",
            f"arn:aws:sagemaker:{own}:endpoint/{parts[2]}",
        ),
        "polly": lambda: ("polly:SynthesizeSpeech", "*"),
    }[service]()


def _invocation(path: str, region: str) -> tuple[str, str]:
    if path == "/openai/v1/chat/completions":
        return "bedrock:InvokeModel", f"arn:aws:bedrock:{region}::foundation-model/openai.gpt-oss-120b-1:0"
    model, _, operation = path.removeprefix("/model/").rpartition("/")
    if operation == "count-tokens":
        return "bedrock:CountTokens", f"arn:aws:bedrock:{region}::foundation-model/{model}"
    action = "bedrock:InvokeModelWithResponseStream" if "stream" in operation else "bedrock:InvokeModel"
    if not model.startswith("arn:"):
        profile = model.split(".")[0] in {"us", "eu", "global"}
        kind = f":{ACCOUNT}:inference-profile" if profile else "::foundation-model"
        model = f"arn:aws:bedrock:{region}{kind}/{model}"
    return action, model


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}-{call[1]['model']}")
def test_the_table_allows_what_litellm_sends(call: tuple[str, dict[str, Any]]) -> None:
    kind, parameters = call
    route = route_of(kind, parameters)
    assert (route.unknown, route.problem) == ("", ())
    statements = model_statements(route, parameters, HOME)
    (request,) = sent(call)
    assert request["key"] == "AKIATASK"
    action, resource = needed(request)
    assert allows(statements, action, resource), (action, resource, statements)


@pytest.mark.parametrize("call", BROKEN, ids=lambda call: f"{call[0]}-{call[1]['model']}")
def test_what_is_reported_does_not_work(call: tuple[str, dict[str, Any]]) -> None:
    kind, parameters = call
    route = route_of(kind, parameters)
    assert route.unknown or route.problem
    (request,) = sent(call)
    misplaced = request.get("path", "").removeprefix("/model/").partition("/")[0]
    assert "error" in request or misplaced in {"conversee", "ap-southeast-4", "anthropic", "us-west-2", "eu-west-1"}


@pytest.mark.parametrize("call", ROLE, ids=lambda call: str(call[1]["model"]))
def test_a_role_is_assumed_with_the_permissions_of_the_gateway(call: tuple[str, dict[str, Any]]) -> None:
    kind, parameters = call
    *before, last = sent(call)
    assert [request for request in before if "Action=AssumeRole" in request["body"] and request["key"] == "AKIATASK"]
    assert last["key"] == "ASIAX"
    statements = model_statements(route_of(kind, parameters), parameters, HOME)
    assert statements == (Statement(("sts:AssumeRole",), (parameters["aws_role_name"],)),)


@pytest.mark.parametrize("call", OWN_KEYS, ids=["access-key", "api-key"])
def test_own_credentials_replace_the_role(call: tuple[str, dict[str, Any]]) -> None:
    kind, parameters = call
    (request,) = sent(call)
    assert request["key"] != "AKIATASK"
    assert model_statements(route_of(kind, parameters), parameters, HOME) == ()
