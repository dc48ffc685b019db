"""Names of LiteLLM's providers, and routes to models in AWS."""

from __future__ import annotations

from .changes import ENVIRONMENT, PARAMS, SECRET, SETTINGS, Failing, Passing, external_model

EMBEDDING = "{model_type: embedding}"
PROFILE = "arn:aws:bedrock:us-east-1:012345678901:application-inference-profile/p1"
PROVISIONED = "arn:aws:bedrock:us-east-1:012345678901:provisioned-model/p1"

ROLE = "arn:aws:iam::012345678901:role/bedrock"
GUARDRAIL = "arn:aws:bedrock:eu-west-1:012345678901:guardrail/abc123"
MODEL = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"


def guardrail(more: str) -> str:
    params = f"{{guardrail: bedrock, mode: pre_call, {more}}}"
    return f"litellmConfig.guardrails=[{{guardrail_name: pii, litellm_params: {params}}}]"


def knowledge_base(identifier: str) -> str:
    params = f"{{vector_store_id: '{identifier}', custom_llm_provider: bedrock}}"
    return f"litellmConfig.vector_store_registry=[{{vector_store_name: a, litellm_params: {params}}}]"


PASSING: Passing = {
    "aws-identifier": [
        [external_model("sagemaker_chat/my-endpoint-2")],
        [external_model(MODEL, f", aws_role_name: '{ROLE}'")],
        [guardrail(f"guardrailIdentifier: '{GUARDRAIL}', guardrailVersion: '3', aws_region_name: eu-west-1")],
        [guardrail("guardrailIdentifier: abc123, guardrailVersion: DRAFT")],
        [knowledge_base("T37J8R4WTM")],
        [external_model(MODEL, f", model_id: '{PROVISIONED}'")],
    ],
    "litellm-provider-known": [
        [external_model("gpt-4o")],
        [external_model("hosted_vllm/our-model", ", api_base: 'http://vllm.example.com/v1'")],
        [external_model("our-model", ", custom_llm_provider: openai")],
        [external_model("us.anthropic.claude-future-9-v1:0")],
        [external_model("llama-x", ", api_base: 'https://api.groq.com/openai/v1'")],
        [
            external_model("ours/x"),
            f"{SETTINGS}.custom_provider_map=[{{provider: ours, custom_handler: litellm.llms.custom_llm.CustomLLM}}]",
        ],
    ],
    "aws-route-known": [
        *(
            [external_model(name)]
            for name in (
                *("bedrock/amazon.nova-pro-v1:0", "bedrock/eu-west-1/anthropic.claude-3-haiku-20240307-v1:0"),
                *("bedrock/converse/us.amazon.nova-pro-v1:0", f"bedrock/{PROFILE}", f"bedrock/converse/{PROVISIONED}"),
                *("bedrock/agent/AGENT12345/ALIAS12345", "bedrock/moonshot/moonshotai.kimi-k2-thinking"),
                *("sagemaker_chat/our-endpoint", "bedrock_mantle/us-west-2/openai.gpt-oss-120b", "aws_polly/neural"),
            )
        ),
    ],
    "aws-call-works": [
        [external_model("bedrock/converse/us-west-2/cohere.command-r-v1:0")],
        [external_model("bedrock/us-west-2/openai.gpt-oss-20b-1:0")],
        [external_model("bedrock/cohere.embed-english-v3", kind=EMBEDDING)],
        [external_model("bedrock/converse_like/x.y", ", api_base: 'https://gateway.example.com'")],
        [
            external_model(
                "bedrock/us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
                ", aws_region_name: us-gov-west-1, aws_access_key_id: os.environ/GOV, "
                "aws_secret_access_key: os.environ/GOV",
            ),
            f"{ENVIRONMENT}.GOV={SECRET}",
        ],
    ],
}

GUARDED = "litellmConfig.guardrails[0].litellm_params"
FAILING: Failing = {
    "aws-identifier": [
        ([external_model("sagemaker/my_endpoint")], f"{PARAMS}.model"),
        ([external_model(MODEL, ", aws_role_name: bedrock")], f"{PARAMS}.aws_role_name"),
        ([external_model(MODEL, ", aws_role_name: 'arn:aws:iam::role/bedrock'")], f"{PARAMS}.aws_role_name"),
        (
            [external_model(MODEL, f", aws_role_name: '{ROLE.replace('arn:aws:', 'arn:aws-us-gov:')}'")],
            f"{PARAMS}.aws_role_name",
        ),
        (
            [external_model(MODEL, f", model_id: '{PROVISIONED}', aws_region_name: eu-west-1")],
            f"{PARAMS}.model_id",
        ),
        ([guardrail(f"guardrailIdentifier: '{GUARDRAIL}', guardrailVersion: '3'")], f"{GUARDED}.guardrailIdentifier"),
        ([guardrail("guardrailIdentifier: abc123, guardrailVersion: latest")], f"{GUARDED}.guardrailVersion"),
        (
            [
                external_model(
                    MODEL, f", guardrailConfig: {{guardrailIdentifier: '{GUARDRAIL}', guardrailVersion: '1'}}"
                )
            ],
            f"{PARAMS}.guardrailConfig.guardrailIdentifier",
        ),
        (
            [knowledge_base("arn:aws:bedrock:us-east-1:012345678901:knowledge-base/T37J8R4WTM")],
            "litellmConfig.vector_store_registry[0].litellm_params.vector_store_id",
        ),
    ],
    "litellm-provider-known": [
        ([external_model("opneai/x")], f"{PARAMS}.model"),
        ([external_model("our-model", ", api_base: 'http://vllm.example.com/v1'")], f"{PARAMS}.model"),
        ([external_model("bedrock_converse/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
        ([external_model("x", ", custom_llm_provider: opneai")], f"{PARAMS}.custom_llm_provider"),
    ],
    "aws-route-known": [
        ([external_model("bedrock/conversee/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
        ([external_model("bedrock/chat/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
        ([external_model("bedrock/ap-southeast-4/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
        ([external_model(f"bedrock/anthropic/{PROVISIONED}")], f"{PARAMS}.model"),
        ([external_model("bedrock/converse/arn:aws:bedrock:us-east-1:012345678901:flow/f1")], f"{PARAMS}.model"),
        ([external_model("sagemaker/team/endpoint")], f"{PARAMS}.model"),
        ([external_model("transcribe/x")], f"{PARAMS}.model"),
        ([external_model("bedrock/amazon.nova-pro-v1:0", ", aws_region_name: us-esat-1")], f"{PARAMS}.aws_region_name"),
        ([external_model("sagemaker/ours", ", aws_region_name: us-east-1a")], f"{PARAMS}.aws_region_name"),
    ],
    "aws-call-works": [
        ([external_model("bedrock/us-west-2/cohere.command-r-v1:0")], f"{PARAMS}.model"),
        ([external_model("bedrock/invoke/eu-west-1/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
        ([external_model("bedrock/us-west-2/cohere.embed-english-v3", kind=EMBEDDING)], f"{PARAMS}.model"),
        ([external_model(f"bedrock/{PROVISIONED}")], f"{PARAMS}.model"),
        ([external_model("bedrock/newvendor.model-x-v1:0")], f"{PARAMS}.model"),
        ([external_model("bedrock/converse_like/x.y")], f"{PARAMS}.model"),
        ([external_model("bedrock/agent/AGENT12345")], f"{PARAMS}.model"),
        ([external_model("bedrock/agentcore/our-agent")], f"{PARAMS}.model"),
        ([external_model("bedrock/claude_platform/claude-sonnet-4-5")], f"{PARAMS}.model"),
        ([external_model("bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0")], f"{PARAMS}.model"),
    ],
}
