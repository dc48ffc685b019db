from __future__ import annotations

import pytest

from lisa_compiler.plan.external_models import ExternalModel, plan_external_model
from lisa_schema.models import LitellmModel


def external(model: str, partition: str = "aws", **parameters: str) -> ExternalModel:
    entry = LitellmModel.model_validate(
        {
            "model_name": "name",
            "litellm_params": {"model": model, **parameters},
            "lisa_params": {"model_type": "textgen", "streaming": True},
        }
    )
    return plan_external_model(entry, partition=partition, region="us-east-1", account="123456789012")


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
        (
            "bedrock/us-west-2/meta.llama3-8b-instruct-v1:0",
            ("arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-8b-instruct-v1:0",),
        ),
        (
            "bedrock/us.anthropic.claude-sonnet-4-20250514-v1:0",
            (
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
            ),
        ),
        (
            "bedrock/arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",),
        ),
        (
            "sagemaker/Test-Endpoint",
            ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/test-endpoint",),
        ),
    ],
)
def test_grant_names_the_model_alone(model: str, resources: tuple[str, ...]) -> None:
    grant = external(model).grant
    assert grant is not None
    assert grant.resources == resources


def test_entry_names_its_own_region() -> None:
    grant = external("bedrock/amazon.titan-text-express-v1", aws_region_name="eu-west-1").grant
    assert grant is not None
    assert grant.resources == ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-text-express-v1",)


def test_grant_is_in_the_partition_of_the_deployment() -> None:
    grant = external("sagemaker_chat/endpoint", partition="aws-us-gov").grant
    assert grant is not None
    assert grant.resources[0].startswith("arn:aws-us-gov:")


@pytest.mark.parametrize("model", ["openai/provider/name", "gpt-4o", "ollama/llama3"])
def test_other_providers_need_no_permission(model: str) -> None:
    assert external(model).grant is None


def test_model_without_a_provider_is_openai() -> None:
    assert external("gpt-4o").provider == "openai"
