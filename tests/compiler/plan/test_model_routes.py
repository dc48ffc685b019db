"""Which models have a direct route, and why the others have none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import model

from lisa_compiler.emit.routes import emit_routes
from lisa_gateway.routing.document import RoutingTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

ALL = "`{}` applies to all models"
NAMED = "`{}` names it"
BEDROCK = {"guardrailIdentifier": "abcdefghij", "guardrailVersion": "1"}


def external(name: str, **params: Any) -> dict[str, Any]:
    called = {"model": "bedrock/amazon.titan-text-express-v1", **params}
    return {"model_name": name, "litellm_params": called, "lisa_params": {"model_type": "textgen", "streaming": True}}


def hosted(name: str, engine: str, model_name: str = "org/base", **more: Any) -> dict[str, Any]:
    paths = {"vllm": "vllm", "sglang": "sglang", "tei": "embedding/tei", "tgi": "textgen/tgi"}
    image = {"baseImage": f"{engine}:1", "path": f"lib/serve/ecs-model/{paths[engine]}"}
    changes = {"modelId": name, "modelName": model_name, "inferenceContainer": engine}
    kind = {"modelType": "embedding", "streaming": None} if engine == "tei" else {}
    made = model(**changes, **kind, containerConfig={"image": image}) | more
    return {key: value for key, value in made.items() if value is not None}


def routes(planned: Planned, **changes: Any) -> dict[str, dict[str, Any]]:
    content = emit_routes(planned(**changes))["gateway/routes.json"]
    RoutingTable.read(content)
    return {entry["name"]: entry for entry in json.loads(content)["models"]}


def reasons(planned: Planned, **litellm: Any) -> dict[str, str]:
    models = [hosted("small", "vllm"), hosted("other", "vllm", "org/other")]
    found = routes(planned, ecsModels=models, litellmConfig=litellm)
    return {name: entry.get("reason", entry["route"]) for name, entry in found.items()}


def test_a_hosted_model_has_a_direct_route_and_an_external_one_has_none(planned: Planned) -> None:
    models = [hosted("small", "tgi"), hosted("vectors", "tei", "org/vectors")]
    found = routes(planned, ecsModels=models, litellmConfig={"model_list": [external("titan")]})
    assert found == {
        "titan": {"name": "titan", "route": "litellm", "reason": "external model", "type": "textgen"},
        "small": {
            "name": "small",
            "route": "direct",
            "type": "textgen",
            "engine": "tgi",
            "address": "http://small.test.lisa.internal",
            "operations": ["chat", "completions"],
        },
        "vectors": {
            "name": "vectors",
            "route": "direct",
            "type": "embedding",
            "engine": "tei",
            "address": "http://vectors.test.lisa.internal",
            "operations": ["embeddings"],
        },
    }


REASONS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"small": "direct", "other": "direct"}),
    (
        {
            "litellm_settings": {"telemetry": True, "drop_params": False, "callbacks": [], "cache": False},
            "general_settings": {"disable_spend_logs": True},
            "router_settings": {"routing_strategy": "least-busy", "fallbacks": []},
            "environment_variables": {"A": "b"},
        },
        {"small": "direct", "other": "direct"},
    ),
    (
        {"router_settings": {"fallbacks": [{"small": ["other"]}]}},
        {"small": NAMED.format("router_settings.fallbacks"), "other": "direct"},
    ),
    (
        {"litellm_settings": {"context_window_fallbacks": [{"other": ["small"]}]}},
        {"small": "direct", "other": NAMED.format("litellm_settings.context_window_fallbacks")},
    ),
    (
        {"litellm_settings": {"fallbacks": [{"*": ["small"]}]}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.fallbacks")),
    ),
    (
        {"litellm_settings": {"default_fallbacks": ["small"]}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.default_fallbacks")),
    ),
    (
        {"router_settings": {"model_group_retry_policy": {"small": {"TimeoutErrorRetries": 1}}}},
        {"small": NAMED.format("router_settings.model_group_retry_policy"), "other": "direct"},
    ),
    (
        {"router_settings": {"model_group_alias": {"gpt": "small"}}},
        {"small": "direct", "other": "direct", "gpt": "alias of small (`router_settings.model_group_alias`)"},
    ),
    (
        {"router_settings": {"num_retries": 2}},
        dict.fromkeys(("small", "other"), ALL.format("router_settings.num_retries")),
    ),
    (
        {"litellm_settings": {"success_callback": ["prometheus"]}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.success_callback")),
    ),
    (
        {"litellm_settings": {"cache": True, "cache_params": {"type": "local"}}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.cache")),
    ),
    (
        {"litellm_settings": {"max_budget": 5}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.max_budget")),
    ),
    (
        {"general_settings": {"max_parallel_requests": 5}},
        dict.fromkeys(("small", "other"), ALL.format("general_settings.max_parallel_requests")),
    ),
    (
        {
            "guardrails": [
                {"guardrail_name": "pii", "litellm_params": {"guardrail": "bedrock", "mode": "pre_call", **BEDROCK}}
            ]
        },
        dict.fromkeys(("small", "other"), ALL.format("guardrails")),
    ),
    ({"a_new_section": {"x": 1}}, dict.fromkeys(("small", "other"), ALL.format("a_new_section"))),
    (
        {"litellm_settings": {"a_new_setting": 1}},
        dict.fromkeys(("small", "other"), ALL.format("litellm_settings.a_new_setting")),
    ),
]


@pytest.mark.parametrize(("litellm", "expected"), REASONS)
def test_a_setting_that_applies_to_a_model_takes_it_to_litellm(
    planned: Planned, litellm: dict[str, Any], expected: dict[str, str]
) -> None:
    assert reasons(planned, **litellm) == expected


def test_the_name_that_a_server_answers_to(planned: Planned) -> None:
    own = {"containerConfig": {"image": {"type": "registry", "registry": "registry.example.com/vllm:1"}}}
    models = [
        hosted("v", "vllm"),
        hosted("s", "sglang"),
        hosted("own", "vllm", **own),
        hosted("org/same", "vllm", "org/same"),
        hosted("t", "tgi"),
    ]
    deployment = planned(ecsModels=models)
    found = {
        name: (entry.get("serverName"), entry.get("formerName"))
        for name, entry in routes(planned, ecsModels=models).items()
    }
    assert found == {
        "v": (None, "org/base"),
        "s": (None, None),
        "own": ("org/base", None),
        "org/same": (None, None),
        "t": (None, None),
    }
    started = {each.identifier: dict(each.service.environment).get("PUBLIC_MODEL_NAME") for each in deployment.models}
    assert started == {"v": "v", "s": "s", "own": "own", "org/same": None, "t": None}


def test_adapters_have_routes_to_the_server_of_their_model(planned: Planned) -> None:
    models = [hosted("base", "vllm", adapters=[{"name": "law", "weights": "org/law"}])]
    found = routes(planned, ecsModels=models)
    assert found["law"] == {key: value for key, value in found["base"].items() if key != "formerName"} | {"name": "law"}
