from __future__ import annotations

from typing import Any

import pytest

from compiler.conftest import configuration
from lisa_compiler.plan.external_models import ExternalModel, Grant, plan_external_models, plan_litellm_grants
from lisa_schema.models import Config

ACCOUNT = "123456789012"
OWN = f"arn:aws:bedrock:us-east-1:{ACCOUNT}"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:key-AbCdEf"
COUNT = ("bedrock:CountTokens",)
INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")


def config(environment: dict[str, str] | None = None, **litellm: Any) -> Config:
    base = configuration(accountNumber=ACCOUNT, region="us-east-1", litellmConfig=litellm)
    base["restApiConfig"] = {**base["restApiConfig"]}
    container = {**base["restApiConfig"]["containerConfig"], "environment": environment or {}}
    base["restApiConfig"]["containerConfig"] = container
    return Config.model_validate(base)


def external(
    model: str, partition: str = "aws", kind: str = "textgen", info: dict[str, Any] | None = None, **parameters: Any
) -> ExternalModel:
    environment = parameters.pop("environment", None)
    entry = {
        "model_name": "name",
        "litellm_params": {"model": model, **parameters},
        "lisa_params": {"model_type": kind} | ({"streaming": True} if kind == "textgen" else {}),
    } | ({"model_info": info} if info else {})
    (planned,) = plan_external_models(config(environment, model_list=[entry]), partition=partition)
    return planned


def invoking(model: str, **parameters: Any) -> list[Grant]:
    """The grants of a model without the one to count its tokens."""
    return [one for one in external(model, **parameters).grants if one.actions != COUNT]


def granted(model: str, **parameters: Any) -> list[tuple[str, str]]:
    return [
        (action, resource)
        for grant in external(model, **parameters).grants
        for action in grant.actions
        for resource in grant.resources
    ]


@pytest.mark.parametrize(
    ("model", "resources"),
    [
        (
            "bedrock/amazon.titan-text-express-v1",
            ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1",),
        ),
        (
            "bedrock/converse/anthropic.claude-v2:1",
            ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",),
        ),
        ("anthropic.claude-v2:1", ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1",)),
        (
            "bedrock/us-west-2/meta.llama3-8b-instruct-v1:0",
            ("arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-8b-instruct-v1:0",),
        ),
        (
            "bedrock/eu-west-1/converse/amazon.nova-pro-v1:0",
            ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",),
        ),
        (
            "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0",
            (
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
                f"{OWN}:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
            ),
        ),
        (
            "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            (
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
                "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
                f"{OWN}:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ),
        ),
        (
            f"bedrock/{OWN}:inference-profile/eu.amazon.nova-pro-v1:0",
            (
                "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0",
                f"{OWN}:inference-profile/eu.amazon.nova-pro-v1:0",
            ),
        ),
        (f"bedrock/converse/{OWN}:provisioned-model/abc", (f"{OWN}:provisioned-model/abc",)),
        (f"bedrock/llama/{OWN}:imported-model/abc", (f"{OWN}:imported-model/abc",)),
        (f"bedrock/deepseek_r1/{OWN}:imported-model/abc", (f"{OWN}:imported-model/abc",)),
        (f"bedrock/nova/{OWN}:custom-model-deployment/abc", (f"{OWN}:custom-model-deployment/abc",)),
        (
            "bedrock/moonshot/moonshotai.kimi-k2-thinking",
            ("arn:aws:bedrock:us-east-1::foundation-model/moonshotai.kimi-k2-thinking",),
        ),
    ],
)
def test_grant_names_the_model_alone(model: str, resources: tuple[str, ...]) -> None:
    (grant,) = invoking(model)
    assert grant.actions == INVOKE
    assert grant.resources == resources
    assert grant.condition == ()


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("bedrock/agent/AGENT/ALIAS", {}, [("bedrock:InvokeAgent", f"{OWN}:agent-alias/AGENT/ALIAS")]),
        (
            "bedrock/agentcore/arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/r1",
            {},
            [
                ("bedrock-agentcore:InvokeAgentRuntime", "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/r1"),
                (
                    "bedrock-agentcore:InvokeAgentRuntime",
                    "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/r1/runtime-endpoint/*",
                ),
            ],
        ),
        (
            "bedrock/amazon.rerank-v1:0",
            {"info": {"mode": "rerank"}},
            [
                ("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"),
                ("bedrock:Rerank", "*"),
            ],
        ),
        (
            "bedrock/mantle/anthropic.claude-opus-4-7",
            {},
            [("bedrock-mantle:CreateInference", f"arn:aws:bedrock-mantle:us-east-1:{ACCOUNT}:project/*")],
        ),
        (
            "bedrock_mantle/us-west-2/openai.gpt-oss-120b",
            {"aws_bedrock_project_id": "proj_1"},
            [("bedrock-mantle:CreateInference", f"arn:aws:bedrock-mantle:us-west-2:{ACCOUNT}:project/proj_1")],
        ),
        (
            "bedrock/claude_platform/claude-sonnet-4-5",
            {"workspace_id": "wrkspc_1"},
            [
                (action, f"arn:aws:aws-external-anthropic:us-east-1:{ACCOUNT}:workspace/wrkspc_1")
                for action in ("aws-external-anthropic:CountTokens", "aws-external-anthropic:CreateInference")
            ],
        ),
        (
            "sagemaker/Test-Endpoint",
            {},
            [
                (action, f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/test-endpoint")
                for action in ("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream")
            ],
        ),
        ("aws_polly/neural", {}, [("polly:SynthesizeSpeech", "*")]),
        (
            "bedrock/amazon.nova-pro-v1:0",
            {"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}},
            [
                *(
                    (action, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0")
                    for action in (*INVOKE, *COUNT)
                ),
                ("bedrock:ApplyGuardrail", f"{OWN}:guardrail/g1"),
            ],
        ),
    ],
)
def test_routes_have_permissions_of_their_own(
    model: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert granted(model, **parameters) == expected


def test_an_application_profile_calls_models_through_the_profile_only() -> None:
    profile = f"{OWN}:application-inference-profile/p1"
    own, behind = invoking(f"bedrock/{profile}")
    assert own.resources == (profile,)
    assert behind.resources == ("arn:aws:bedrock:*::foundation-model/*",)
    assert behind.condition == ("bedrock:InferenceProfileArn", profile)


def test_the_model_behind_an_application_profile_is_the_one_that_the_entry_names() -> None:
    profile = f"{OWN}:application-inference-profile/p1"
    _, behind = invoking("bedrock/converse/us.amazon.nova-pro-v1:0", model_id=profile)
    assert behind.resources == ("arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0",)
    assert behind.condition == ("bedrock:InferenceProfileArn", profile)


def test_model_id_is_what_is_called() -> None:
    (grant,) = invoking("bedrock/anthropic.claude-instant-v1", model_id=f"{OWN}:provisioned-model/p1")
    assert grant.resources == (f"{OWN}:provisioned-model/p1",)


def test_entry_names_its_own_region() -> None:
    (grant,) = invoking("bedrock/us-west-2/amazon.nova-pro-v1:0", aws_region_name="eu-west-1")
    assert grant.resources == ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",)


def test_a_region_of_a_variable_is_resolved() -> None:
    model = external(
        "bedrock/amazon.nova-pro-v1:0", aws_region_name="os.environ/PLACE", environment={"PLACE": "eu-west-1"}
    )
    (grant,) = [one for one in model.grants if one.actions != COUNT]
    assert grant.resources == ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",)


def test_a_role_is_assumed_and_needs_nothing_else() -> None:
    role = "arn:aws:iam::999999999999:role/models"
    assert granted("bedrock/amazon.nova-pro-v1:0", aws_role_name=role) == [("sts:AssumeRole", role)]
    tagged = granted("sagemaker/e", aws_role_name=role, aws_session_tags=[{"Key": "a", "Value": "b"}])
    assert tagged == [("sts:AssumeRole", role), ("sts:TagSession", role)]


@pytest.mark.parametrize(
    "parameters",
    [
        {"aws_access_key_id": "os.environ/ID", "aws_secret_access_key": "os.environ/KEY"},
        {"api_key": "os.environ/KEY"},
        {"aws_role_name": "arn:aws:iam::999999999999:role/r", "aws_web_identity_token": "oidc/file/token"},
    ],
)
def test_credentials_of_an_entry_need_no_permission(parameters: dict[str, Any]) -> None:
    environment = {"ID": SECRET, "KEY": SECRET}
    assert external("bedrock/amazon.nova-pro-v1:0", environment=environment, **parameters).grants == ()


def test_no_grant_has_the_text_of_a_reference() -> None:
    model = external("bedrock/amazon.nova-pro-v1:0", aws_role_name="os.environ/R", environment={"R": SECRET})
    assert "os.environ" not in str(model.grants)


def test_grant_is_in_the_partition_of_the_deployment() -> None:
    entry = {
        "model_name": "name",
        "litellm_params": {"model": "sagemaker_chat/endpoint"},
        "lisa_params": {"model_type": "textgen", "streaming": True},
    }
    planned = config(model_list=[entry]).model_copy(update={"region": "us-gov-west-1"})
    (model,) = plan_external_models(planned, partition="aws-us-gov")
    (grant,) = [one for one in model.grants if one.actions != COUNT]
    assert grant.resources[0].startswith("arn:aws-us-gov:sagemaker:us-gov-west-1:")


def test_a_model_of_another_partition_gets_no_permission() -> None:
    assert external("bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0").grants == ()


@pytest.mark.parametrize("model", ["openai/provider/name", "gpt-4o", "ollama/llama3", "amazon_nova/nova-pro"])
def test_other_providers_need_no_permission(model: str) -> None:
    assert external(model).grants == ()


def test_model_without_a_provider_has_the_one_that_litellm_finds() -> None:
    assert external("gpt-4o").provider == "openai"
    assert external("amazon.nova-pro-v1:0").provider == "bedrock"


def test_services_beside_models_have_their_permissions() -> None:
    planned = config(
        guardrails=[
            {"guardrail_name": "a", "litellm_params": {"guardrail": "bedrock", "guardrailIdentifier": "g1"}},
            {"guardrail_name": "b", "litellm_params": {"guardrail": "presidio"}},
        ],
        vector_store_registry=[
            {
                "vector_store_name": "kb",
                "litellm_params": {
                    "vector_store_id": "KB1",
                    "custom_llm_provider": "bedrock",
                    "aws_region_name": "eu-west-1",
                },
            }
        ],
        litellm_settings={
            "success_callback": ["s3_v2", "aws_sqs"],
            "s3_callback_params": {"s3_bucket_name": "logs-of-ours"},
            "aws_sqs_callback_params": {"sqs_queue_url": "https://sqs.us-east-1.amazonaws.com/210987654321/audit"},
        },
    )
    found = [
        (action, resource)
        for grant in plan_litellm_grants(planned, partition="aws")
        for action in grant.actions
        for resource in grant.resources
    ]
    assert found == [
        ("bedrock:ApplyGuardrail", f"{OWN}:guardrail/g1"),
        ("bedrock:Retrieve", f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:knowledge-base/KB1"),
        ("s3:PutObject", "arn:aws:s3:::logs-of-ours/*"),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:210987654321:audit"),
    ]


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("bedrock/us.anthropic.claude-v2:1", {}, ["us-east-1::foundation-model/anthropic.claude-v2:1"]),
        ("bedrock/eu-west-1/converse/anthropic.claude-v2:1", {}, ["us-east-1::foundation-model/anthropic.claude-v2:1"]),
        (
            "bedrock/converse/anthropic.claude-v2:1",
            {"aws_region_name": "us-west-2"},
            ["us-west-2::foundation-model/anthropic.claude-v2:1"],
        ),
        ("bedrock/agent/AGENT/ALIAS", {}, []),
        ("bedrock/amazon.titan-embed-text-v2:0", {"kind": "embedding"}, []),
        (f"bedrock/{OWN}:application-inference-profile/p1", {}, []),
        ("bedrock/anthropic.claude-v2:1", {"aws_access_key_id": "AKIA", "aws_secret_access_key": "x"}, []),
    ],
)
def test_tokens_are_counted_with_the_foundation_model(
    model: str, parameters: dict[str, Any], expected: list[str]
) -> None:
    found = [resource for action, resource in granted(model, **parameters) if action == COUNT[0]]
    assert found == [f"arn:aws:bedrock:{one}" for one in expected]
