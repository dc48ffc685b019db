"""Explanations of the committed example: both ways between a key and what is generated from it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path as FilePath

import pytest

from lisa_compiler.compile.provenance import index_of
from lisa_compiler.project.load import load
from lisa_compiler.provenance.index import Index
from lisa_compiler.provenance.rules import keys_of_rules
from lisa_compiler.review.explain import explain
from lisa_compiler.review.targets import ExplainError
from lisa_schema.document import Path
from lisa_schema.rules import Rule
from lisa_schema.validate import validate

ROOT = FilePath(__file__).parents[3]


@cache
def known(environment: str) -> tuple[Index, Mapping[Rule, frozenset[Path]]]:
    config = validate(load(ROOT, environment).document).config
    return index_of(ROOT, ROOT / "generated", environment, config), keys_of_rules(config)


def explained(target: str, environment: str = "prod") -> str:
    return explain(ROOT, environment, target, *known(environment))


def test_a_key_leads_to_values_and_only_to_those_of_its_own_model() -> None:
    text = explained("ecsModels[llama-70b].instanceType")
    assert text.startswith("ecsModels[1].instanceType = p4d.24xlarge\n  environments/prod.yaml:")
    assert "LISA320 [instance-type-known]" in text
    assert "LaunchTemplateData.InstanceType = p4d.24xlarge" in text
    assert (
        "ContainerDefinitions[llama70b].MemoryReservation = 1061683  (the instance's memory in MiB minus 5 GiB" in text
    )
    assert "generated/prod/SUMMARY.md" in text
    assert "mistral" not in text


def test_a_key_by_its_position_is_the_same() -> None:
    assert explained("ecsModels[1].instanceType") == explained("ecsModels[llama-70b].instanceType")


def test_a_value_leads_to_its_key_and_the_line_of_it() -> None:
    text = explained("model-llama70b/InstancesLaunchTemplate.LaunchTemplateData.InstanceType")
    lines = (ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, words in enumerate(lines, 1) if "p4d.24xlarge" in words)
    assert f"    ecsModels[1].instanceType = p4d.24xlarge  (environments/prod.yaml:{line}:19)\n" in text


def test_a_resource_leads_to_lines_defaults_and_rules() -> None:
    text = explained("model-llama70b/ModelTask")
    assert "ecsModels[1].localModelCode = /opt/model-code  (default (not set))" in text
    assert "restApiConfig.instanceType" not in text
    assert "LISA323 [sufficient-memory]" in text
    assert "Used in names and addresses: accountNumber, appName, deploymentName, deploymentStage and region" in text


def test_an_environment_variable_leads_to_its_own_line() -> None:
    there = explained("ecsModels[0].containerConfig.environment.MAX_TOTAL_TOKENS")
    assert "ContainerDefinitions[mistral7b].Environment[MAX_TOTAL_TOKENS].Value = 32768" in there
    assert "THREADS" not in there
    back = explained("model-mistral7b/ModelTask")
    assert "containerConfig.environment.MAX_TOTAL_TOKENS = 32768  (environments/prod.yaml:" in back
    assert "containerConfig.environment.THREADS" not in back


def test_a_repository_is_told_from_the_other() -> None:
    text = explained("ragRepositories[opensearch-rag].opensearchConfig.volumeSize")
    assert "rag/RepositoryopensearchragDomain2AFA2CC5: OpenSearch domain" in text
    assert "EBSOptions.VolumeSize = 100" in text
    assert "pgvectorrag" not in text


@pytest.mark.parametrize(
    ("target", "first"),
    [
        ("TokenTable", "serve/TokenTable: DynamoDB table prod-LISAApiTokenTable"),
        ("prod-LISAApiTokenTable", "serve/TokenTable: DynamoDB table prod-LISAApiTokenTable"),
        ("serve/TokenTable", "serve/TokenTable: DynamoDB table prod-LISAApiTokenTable"),
        (
            "generated/prod/cloudformation/serve.template.json:Resources.TokenTable.Properties.TableName",
            "serve/TokenTable: DynamoDB table prod-LISAApiTokenTable",
        ),
        ("generated/prod/cloudformation/chat.template.json", "chat: stack prod-lisa-chat-prod with 15 resources"),
        ("chat", "chat: stack prod-lisa-chat-prod with 15 resources"),
        ("generated/prod/litellm/config.yaml", "generated/prod/litellm/config.yaml"),
        ("web/env.js", "generated/prod/web/env.js"),
        ("region", "region = us-east-1"),
        ("ecsModels", "ecsModels = "),
    ],
)
def test_what_can_be_named(target: str, first: str) -> None:
    assert explained(target).splitlines()[0].startswith(first)


def test_a_stack_leads_to_the_settings_of_its_resources() -> None:
    text = explained("model-llama70b")
    assert "ecsModels[1].autoScalingConfig.maxCapacity = 2  (environments/prod.yaml:" in text
    assert "ecsModels[0]" not in text


def test_a_value_without_a_key_is_set_by_lisa() -> None:
    text = explained("serve/TokenTable.BillingMode")
    assert "BillingMode = PAY_PER_REQUEST\n    set by LISA: no key is part of it\n" in text


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ModelTask", "`ModelTask` is in several stacks. Specify `model-mistral7b/ModelTaskE1376430` or "),
        ("nothing", "`nothing` is neither a configuration key nor a file or resource"),
        ("regoin", "`regoin` is neither a configuration key"),
        ("serve/Nothing", "`Nothing` is neither a configuration key"),
        ("generated/prod/cloudformation/nothing.template.json", "Unknown stack `nothing`. Use one of: iam, "),
        ("ecsModels[9].instanceType", "is neither a configuration key"),
    ],
)
def test_what_cannot_be_named(target: str, message: str) -> None:
    with pytest.raises(ExplainError) as error:
        explained(target)
    assert message in str(error.value)


def test_an_entry_that_the_list_does_not_have() -> None:
    from lisa_schema.errors import LisaError

    with pytest.raises(LisaError, match=r"ecsModels has no entry `gpt`\."):
        explained("ecsModels[gpt].instanceType")


def test_an_environment_that_was_never_compiled(tmp_path: FilePath) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    with pytest.raises(ExplainError, match=r"generated/dev does not exist\. Run `lisa compile --env dev`"):
        explain(tmp_path, None, "region", Index({}), {})
