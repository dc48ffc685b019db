"""LiteLLM's configuration, env.js, weights.json and SUMMARY.md of a small deployment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.compiler.conftest import MINIMAL

from lisa_compiler.emit.litellm import emit_litellm
from lisa_compiler.emit.summary import emit_summary
from lisa_compiler.emit.web import emit_web, env_js_for_substitution
from lisa_compiler.emit.weights import emit_weights
from lisa_compiler.fit.assessment import assess
from lisa_compiler.prices.table import load_prices
from lisa_weights.lock.lock_file import LockedFile, LockedModel, SourceKind, WeightsLock
from lisa_weights.lock.proofs import Proof, ProofKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from syrupy.assertion import SnapshotAssertion

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

LITELLM = {
    "litellm_settings": {"telemetry": False, "num_retries": 2, "callbacks": ["prometheus"]},
    "router_settings": {"routing_strategy": "least-busy"},
    "model_list": [
        {
            "model_name": "titan",
            "litellm_params": {"model": "bedrock/amazon.titan-text-express-v1", "api_key": "ignored"},
            "lisa_params": {"model_type": "textgen", "streaming": True},
        }
    ],
}


def test_litellm_config(planned: Planned, snapshot: SnapshotAssertion) -> None:
    files = emit_litellm(planned(litellmConfig=LITELLM))
    assert files["litellm/config.yaml"].decode() == snapshot


def test_litellm_passes_everything_through(planned: Planned) -> None:
    content = yaml.safe_load(emit_litellm(planned(litellmConfig=LITELLM))["litellm/config.yaml"])
    assert content["litellm_settings"]["callbacks"] == ["prometheus"]
    assert content["router_settings"] == {"routing_strategy": "least-busy", "disable_cooldowns": True}
    assert content["model_list"][0]["litellm_params"]["model"] == "bedrock/amazon.titan-text-express-v1"


def litellm_config(planned: Planned, **litellm: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(emit_litellm(planned(litellmConfig=litellm))["litellm/config.yaml"])
    return content


def external(name: str, **more: Any) -> dict[str, Any]:
    params = {"model": f"openai/{name}", "api_base": "https://models.example.com/v1", "api_key": "ignored"}
    lisa = {"model_type": "textgen", "streaming": True}
    return {"model_name": name, "litellm_params": params, "lisa_params": lisa, **more}


def test_litellm_authorizes_with_the_gateways_package(planned: Planned) -> None:
    general = litellm_config(planned, general_settings={"request_timeout": 60})["general_settings"]
    assert general == {
        "custom_auth": "lisa_gateway.proxy_authorization.authorize",
        "custom_auth_run_common_checks": True,
        "request_timeout": 60,
    }


def test_models_with_one_deployment_are_never_taken_out(planned: Planned) -> None:
    content = litellm_config(planned, model_list=[external("a"), external("b")])
    assert content["router_settings"] == {"disable_cooldowns": True}


def test_models_with_several_deployments_are_taken_out_for_faults_of_their_own(planned: Planned) -> None:
    info = {"id": "second", "mode": "chat"}
    content = litellm_config(planned, model_list=[external("a"), external("a", model_info=info), external("b")])
    assert "router_settings" not in content
    first, second, single, hosted = content["model_list"]
    policy = first["model_info"]["allowed_fails_policy"]
    assert policy["RateLimitErrorAllowedFails"] == 0
    assert min(policy[f"{kind}ErrorAllowedFails"] for kind in ("Authentication", "NotFound", "Timeout")) > 1000
    assert second["model_info"] == {**info, "allowed_fails_policy": policy}
    assert single["model_info"] == {"cooldown_time": 0}
    assert hosted["model_info"] == {"mode": "chat", "supports_reasoning": False, "cooldown_time": 0}


@pytest.mark.parametrize("setting", [{"cooldown_time": 30}, {"allowed_fails": 2}, {"disable_cooldowns": False}])
def test_cooldowns_that_are_configured_are_kept(planned: Planned, setting: dict[str, Any]) -> None:
    content = litellm_config(planned, model_list=[external("a"), external("a")], router_settings=setting)
    assert content["router_settings"] == setting
    assert "model_info" not in content["model_list"][0]


def test_env_js(planned: Planned, snapshot: SnapshotAssertion) -> None:
    banner = {"text": "TEST", "backgroundColor": "red", "fontColor": "white"}
    assert emit_web(planned(systemBanner=banner))["web/env.js"].decode() == snapshot


def test_env_js_is_json_behind_an_assignment(planned: Planned) -> None:
    text = env_js_for_substitution(emit_web(planned())["web/env.js"])
    settings = json.loads(text.removeprefix("window.env = ").removesuffix(";\n"))
    assert settings["MODELS"] == [{"model": "small", "streaming": True, "modelType": "textgen"}]


def test_text_of_the_user_is_no_variable(planned: Planned) -> None:
    banner = {"text": "costs ${5}", "backgroundColor": "red", "fontColor": "white"}
    assert b"costs ${!5}" in emit_web(planned(systemBanner=banner))["web/env.js"]


def test_weights_nobody_staged(planned: Planned, snapshot: SnapshotAssertion) -> None:
    assert emit_weights(planned(), WeightsLock())["weights.json"].decode() == snapshot


LOCKED = LockedModel(
    kind=SourceKind.HUB,
    revision="0" * 40,
    files=(LockedFile("config.json", 600, "a" * 64), LockedFile("model.safetensors", 14_000_000_000, "b" * 64)),
    parameters=7_000_000_000,
    dtypes={"BF16": 291},
)


def test_weights_that_are_locked(planned: Planned, snapshot: SnapshotAssertion) -> None:
    lock = WeightsLock({"org/small-model": LOCKED.with_prefix("org/small-model")})
    assert emit_weights(planned(), lock)["weights.json"].decode() == snapshot


def summary(deployment: Deployment, lock: WeightsLock | None = None, **changes: str) -> str:
    """SUMMARY.md of a deployment whose gateway is told something else than planned."""
    variables = {**dict(deployment.rest_api.environment), **changes}
    environment = [{"Name": name, "Value": value} for name, value in variables.items()]
    task = {"ContainerDefinitions": [{"Name": "rest-api", "Environment": environment}]}
    serve = {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": task}}}
    assessment = assess(deployment.config, lock or WeightsLock(), load_prices(Path("nowhere")))
    return emit_summary(deployment, lock or WeightsLock(), serve, assessment)["SUMMARY.md"].decode()


def test_a_reference_to_a_variable_of_litellm_becomes_its_value(planned: Planned) -> None:
    """LiteLLM replaces references before it sets its own variables, and would find nothing."""
    content = litellm_config(
        planned,
        environment_variables={"BASE": "https://models.example.com/v1", "KEY": "os.environ/AWS_REGION"},
        model_list=[
            external("a", litellm_params={"model": "openai/a", "api_base": "os.environ/BASE", "api_key": "EMPTY"})
        ],
        router_settings={"redis_host": "os.environ/KEY", "redis_port": "os.environ/THREADS"},
    )
    assert content["model_list"][0]["litellm_params"]["api_base"] == "https://models.example.com/v1"
    assert content["router_settings"]["redis_host"] == "os.environ/AWS_REGION"
    assert content["router_settings"]["redis_port"] == "os.environ/THREADS"


@pytest.mark.parametrize(
    ("model", "key", "kept"),
    [
        ("bedrock/amazon.nova-pro-v1:0", "ignored", False),
        ("amazon.nova-pro-v1:0", "EMPTY", False),
        ("bedrock/amazon.nova-pro-v1:0", "os.environ/THREADS", True),
        ("openai/a", "ignored", True),
    ],
)
def test_a_placeholder_is_not_sent_to_bedrock(planned: Planned, model: str, key: str, kept: bool) -> None:
    parameters = {"model": model, "api_key": key}
    content = litellm_config(planned, model_list=[external("a", litellm_params=parameters)])
    assert ("api_key" in content["model_list"][0]["litellm_params"]) == kept


def test_summary_says_how_large_locked_weights_are(planned: Planned) -> None:
    text = summary(planned(), WeightsLock({"org/small-model": LOCKED}))
    assert "| 14.0 GB, 7.0 B parameters at 000000000000; **not proved** |" in text


def test_summary_shows_which_proofs_were_made(planned: Planned) -> None:
    proofs = (
        Proof(ProofKind.HEADERS, True, "2 tensors"),
        Proof(ProofKind.LOAD, False, "transformers | is not installed"),
    )
    text = summary(planned(), WeightsLock({"org/small-model": replace(LOCKED, proofs=proofs)}))
    assert "000000000; proved: headers; load not proved (transformers \\| is not installed) |" in text


def test_summary(planned: Planned, snapshot: SnapshotAssertion) -> None:
    repository = {"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "postgres"}}
    deployment = planned(litellmConfig=LITELLM, deployRag=True, ragRepositories=[repository])
    assert summary(deployment) == snapshot


REST: Mapping[str, Any] = MINIMAL["restApiConfig"]


def test_summary_warns_of_what_is_open(planned: Planned) -> None:
    rest = {**REST, "loadBalancerConfig": {"healthCheckConfig": {"path": "/health"}}}
    assert "**unencrypted HTTP** (80) from the internet" in summary(planned(restApiConfig=rest))


def test_summary_says_of_authentication_what_the_task_definition_contains(planned: Planned) -> None:
    deployment = planned()
    assert "from the internet; requires an OIDC or API token\n" in summary(deployment)
    assert "from the internet; **no authentication**\n" in summary(deployment, USE_AUTH="false")
    unknown = summary(deployment, AUTHORITY="")
    assert "from the internet; **authentication unknown** `AUTHORITY` is not set.\n" in unknown
    plain = "**API tokens in plain text** in the token table are accepted (`authConfig.legacyTokens`)\n"
    assert f"requires an OIDC or API token; {plain}" in summary(deployment, LEGACY_TOKENS="true")


def test_summary_has_the_address_for_sign_outs(planned: Planned) -> None:
    auth: dict[str, Any] = {"authority": "https://idp.example.com", "clientId": "lisa"}
    assert "Back-channel logout" not in summary(planned(authConfig=auth))
    auth["backChannelLogout"] = True
    told = "Back-channel logout URL, for the client `lisa` at the identity provider:"
    output = "in the output `BackChannelLogoutUrl` of the serve stack; public"
    assert f"{told} {output}" in summary(planned(authConfig=auth))
    gateway = {"domainName": "api.example.com", "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}
    text = summary(planned(authConfig=auth, apiGatewayConfig=gateway))
    assert "identity provider: `https://api.example.com/backchannel-logout`; public" in text


def test_summary_says_who_reaches_a_private_gateway(planned: Planned) -> None:
    rest = {**REST, "internetFacing": False}
    text = summary(planned(authConfig=None, deployChat=False, deployUi=False, restApiConfig=rest))
    assert "HTTPS (443) from the VPC; **no authentication**" in text
    assert "its default address (execute-api): models; rejects all requests because `authConfig` is not set" in text


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ({"type": "registry", "registry": "registry.example.com/gateway:1"}, "registry.example.com/gateway:1"),
        ({"baseImage": "python:3.12", "path": "docker/api"}, "custom on python:3.12"),
    ],
)
def test_summary_does_not_vouch_for_another_image(planned: Planned, image: dict[str, str], shown: str) -> None:
    text = summary(planned(restApiConfig={**REST, "containerConfig": {"image": image}}))
    assert f"requires an OIDC or API token **if `{shown}` is LISA's gateway**" in text


def test_summary_shows_what_is_passed_through(planned: Planned) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"
    environment = {"OPENAI_API_BASE": "https://models.example.com/v1", "OPENAI_API_KEY": secret}
    container = {**REST["containerConfig"], "environment": environment}
    litellm = {"litellm_settings": {"callbacks": ["prometheus"]}, "router_settings": {"num_retries": 2}}
    text = summary(planned(restApiConfig={**REST, "containerConfig": container}, litellmConfig=litellm))
    assert "| Gateway | `environment.OPENAI_API_BASE` | `https://models.example.com/v1` |" in text
    assert f"| Gateway | `environment.OPENAI_API_KEY` | `secret {secret}` |" in text
    assert '| LiteLLM | `litellm_settings.callbacks` | `["prometheus"]` |' in text
    assert "| LiteLLM | `router_settings.num_retries` | `2` |" in text
    assert "## Passed through" not in summary(planned())
