"""Impacts of settings that check, protect or report, and of where prompts go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lisa_compiler.review.impact import ImpactCategory
from lisa_compiler.review.output import Output

from .outputs import output, resource
from .template_changes import told

EXPOSED, MORE, LESS = ImpactCategory.EXPOSURE, ImpactCategory.BROADER_ACCESS, ImpactCategory.REDUCED_RISK
GUARDRAIL = {"guardrail": "bedrock", "mode": "pre_call", "default_on": True}


def configured(settings: dict[str, Any], model: dict[str, Any] | None = None) -> Output:
    """An output with this configuration, and a hosted model with these keys."""
    registration = json.dumps({"configuration": model or {}})
    return output(
        {
            "models-api": {"ConfigurationParameter": resource("SSM::Parameter", Value=json.dumps(settings))},
            "model-a": {"RegistrationParameter": resource("SSM::Parameter", Value=registration)},
        }
    )


def impacts(before: dict[str, Any], after: dict[str, Any]) -> dict[ImpactCategory, str]:
    """Impacts without those of the parameter that has the configuration."""
    return {
        category: text
        for category, text in told(configured(before), configured(after)).items()
        if "SSM parameter" not in text
    }


def external(**parameters: Any) -> dict[str, Any]:
    entry = {"model_name": "gpt", "litellm_params": {"model": "openai/gpt", **parameters}}
    return {"litellmConfig": {"model_list": [entry]}}


def guarded(**parameters: Any) -> dict[str, Any]:
    return {"litellmConfig": {"guardrails": [{"guardrail_name": "pii", "litellm_params": {**GUARDRAIL, **parameters}}]}}


def settings(**values: Any) -> dict[str, Any]:
    return {"litellmConfig": {"litellm_settings": values}}


def limit(value: str) -> dict[str, Any]:
    return {"restApiConfig": {"containerConfig": {"environment": {"MAX_BODY_BYTES": value}}}}


@pytest.mark.parametrize(
    ("weak", "strong", "exposed", "reduced"),
    [
        (
            {},
            {"modelKeys": True},
            "Models accept requests without a key: `modelKeys` is off.",
            "Models require a key that only the gateway has.",
        ),
        (
            {},
            {"wafWebAclArn": "arn:a"},
            "No web ACL filters requests to the gateway and the API any longer (previously `arn:a`).",
            "A web ACL filters requests to the gateway and the API: `arn:a`.",
        ),
        (
            {},
            guarded(),
            "The guardrail `pii` no longer checks requests.",
            "The guardrail `pii` checks requests.",
        ),
        (
            settings(callbacks=["posthog"]),
            settings(),
            "LiteLLM passes prompts and answers to `posthog`.",
            "LiteLLM no longer passes requests to `posthog`.",
        ),
    ],
)
def test_a_safeguard_is_removed_or_added(
    weak: dict[str, Any], strong: dict[str, Any], exposed: str, reduced: str
) -> None:
    assert impacts(strong, weak) == {EXPOSED: exposed}
    assert impacts(weak, strong) == {LESS: reduced}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            guarded(),
            guarded(default_on=False),
            "The guardrail `pii` checks only requests that name it (`default_on`).",
        ),
        (guarded(), guarded(mode="post_call"), "The guardrail `pii` checks otherwise: `mode` changed."),
        (external(guardrails=["pii"]), external(), "Requests for `gpt` are no longer checked by `pii`."),
        (
            settings(callbacks=["otel"], turn_off_message_logging=True),
            settings(callbacks=["otel"]),
            "Prompts and answers are passed to `otel` (`turn_off_message_logging` is off).",
        ),
        (
            settings(turn_off_message_logging=True),
            settings(success_callback="s3", turn_off_message_logging=True),
            "LiteLLM passes usage data to `s3`.",
        ),
        (
            external(api_base="https://gw.corp.example/v1"),
            external(api_base="https://gw.evil.example/v1"),
            "Requests for `gpt` go to `openai` at `https://gw.evil.example` instead of `openai` at `https://gw.corp.example`.",
        ),
        (external(), external(model="azure/gpt"), "Requests for `gpt` go to `azure` instead of `openai`."),
        (
            external(model="bedrock/a", aws_region_name="us-east-1"),
            external(model="bedrock/a", aws_region_name="eu-west-1"),
            "Requests for `gpt` go to `bedrock` in `eu-west-1` instead of `bedrock` in `us-east-1`.",
        ),
        (
            {"wafWebAclArn": "arn:a"},
            {"wafWebAclArn": "arn:b"},
            "Another web ACL filters requests to the gateway and the API: `arn:a` → `arn:b`.",
        ),
    ],
)
def test_what_a_reviewer_must_notice(before: dict[str, Any], after: dict[str, Any], expected: str) -> None:
    assert impacts(before, after) == {EXPOSED: expected}


def test_what_is_the_same_elsewhere_in_the_file_is_no_impact() -> None:
    assert impacts(guarded(), guarded()) == {}
    assert impacts(external(api_base="https://a.example/v1"), external(api_base="https://a.example/v2")) == {}


def test_limits_of_the_gateway() -> None:
    assert impacts(limit("1000000"), limit("900000000")) == {
        MORE: "The gateway accepts more: `MAX_BODY_BYTES`: 1,000,000 → 900,000,000."
    }
    assert impacts(limit("900000000"), limit("1000000")) == {
        LESS: "The gateway accepts less: `MAX_BODY_BYTES`: 900,000,000 → 1,000,000."
    }
    assert impacts(limit("10"), {}) == {MORE: "A limit of the gateway is changed: `MAX_BODY_BYTES`: 10 → default."}


def test_alarms_that_notify_nobody() -> None:
    assert impacts({"alarmTopicArn": "arn:a"}, {}) == {
        ImpactCategory.REMOVED: "Alarms notify no one (previously `arn:a`)."
    }


@pytest.mark.parametrize(
    "container",
    [
        {"serverArgs": ["--trust-remote-code"]},
        {"environment": {"TRUST_REMOTE_CODE": "true"}},
    ],
)
def test_code_of_the_weights(container: dict[str, Any]) -> None:
    found = told(configured({}), configured({}, {"containerConfig": container}))
    assert found[EXPOSED] == "**model-a** runs code that comes with its weights (`--trust-remote-code`)."


def task(**container: Any) -> Output:
    strict = {
        "Name": "server",
        "User": "65534:65534",
        "ReadonlyRootFilesystem": True,
        "LinuxParameters": {"Capabilities": {"Drop": ["ALL"]}},
    }
    definition = resource("ECS::TaskDefinition", ContainerDefinitions=[{**strict, **container}])
    return output({"serve": {"Task": definition}})


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"User": "0:0"}, "runs as root"),
        ({"User": "root"}, "runs as root"),
        ({"ReadonlyRootFilesystem": False}, "writes to its root file system"),
        ({"Privileged": True}, "is privileged"),
        ({"LinuxParameters": {}}, "has the capabilities that Docker adds"),
        (
            {"LinuxParameters": {"Capabilities": {"Drop": ["ALL"], "Add": ["SYS_ADMIN"]}}},
            "has the capabilities SYS_ADMIN",
        ),
    ],
)
def test_privileges_of_containers(container: dict[str, Any], words: str) -> None:
    assert f"The container `server` of **serve** {words}." in told(task(), task(**container))[MORE]
    assert f"The container `server` of **serve** no longer {words}." in told(task(**container), task())[LESS]
    assert MORE not in told(task(), task(Image="other"))
