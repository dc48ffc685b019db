"""Configurations of LISA 3 to 6 become configurations that this version validates, with their comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from lisa_compiler.cli.app import app
from lisa_compiler.migrate import MigrationError, migrate
from lisa_compiler.project.load import load
from lisa_schema.errors import ConfigurationError
from lisa_schema.schedules import open_shares, read_windows
from lisa_schema.validate import validate

BASE = """\
# The team's settings.
deploymentStage: prod
removalPolicy: retain
deployRag: true
ragRepositories:
  - repositoryId: papers
    repositoryName: Papers
    type: pgvector
    rdsConfig:
      username: librarian # owner of the tables
      dbPort: 5432
  - repositoryId: wiki
    type: bedrock_knowledge_base
litellmConfig:
  db_key: sk-0d1c2b3a-0000-4000-8000-000000000000
"""
CUSTOM = """\
accountNumber: 012345678901
region: eu-west-1
deploymentName: research
s3BucketModels: research-weights
accountNumbersEcr: [012345678901]
# Sign-in of the institute.
authConfig:
  authority: https://login.example.com/realms/institute
  clientId: chat
  userGroup: everyone
restApiConfig:
  sslCertIamArn: arn:aws:iam::012345678901:server-certificate/chat
  domainName: models.example.com
  rateLimitRpm: 30
subnets:
  - {subnetId: subnet-0123456789abcdef0, ipv4CidrBlock: 10.0.0.0/24, availabilityZone: eu-west-1a}
ecsModels:
  - {modelName: acme/writer, inferenceContainer: vllm, baseImage: 'vllm/vllm-openai:v0.12.0'}
  - {modelName: acme/reader, inferenceContainer: vllm, baseImage: 'vllm/vllm-openai:v0.12.0'}
deployMcp: true
"""
HOSTED: dict[str, Any] = {
    "modelId": "writer",
    "modelName": "acme/writer",
    "modelType": "textgen",
    "streaming": True,
    "status": "InService",
    "instanceType": "g5.xlarge",
    "inferenceContainer": "vllm",
    "allowedGroups": ["editors"],
    "modelDescription": "writes",
    "autoScalingConfig": {
        "blockDeviceVolumeSize": 50,
        "scheduling": {"scheduleType": "DAILY", "timezone": "US/Eastern"},
        "minCapacity": 1,
        "maxCapacity": 2,
        "metricConfig": {"albMetricName": "RequestCountPerTarget", "targetValue": 20, "duration": 60},
    },
    "containerConfig": {
        "image": {"baseImage": "vllm/vllm-openai:v0.12.0", "type": "asset"},
        "sharedMemorySize": 2048,
        "environment": {"MAX_TOTAL_TOKENS": "4096", "MODEL_NAME": "acme/writer"},
    },
    "loadBalancerConfig": {"healthCheckConfig": {"path": "/health", "interval": 60, "timeout": 30}},
}
EXTERNAL = {"modelId": "embedder", "modelName": "bedrock/amazon.titan-embed-text-v2:0", "modelType": "embedding"}


def answer(*models: dict[str, Any]) -> str:
    return json.dumps({"models": list(models)})


def compiled(text: str, folder: Path) -> Any:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return validate(load(folder).document).config


def test_files_and_models_become_one_valid_configuration(tmp_path: Path) -> None:
    files = [("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)]
    migrated = migrate(files, answer(HOSTED, EXTERNAL, {**HOSTED, "modelId": "spare", "status": "Stopped"}))
    config = compiled(migrated.text, tmp_path)
    assert (config.account_number, config.account_numbers_ecr) == ("012345678901", ("012345678901",))
    assert (config.deployment_name, config.deployment_stage, config.removal_policy) == ("research", "prod", "retain")
    balancer = config.rest_api_config.load_balancer_config
    assert balancer.ssl_cert_iam_arn == "arn:aws:iam::012345678901:server-certificate/chat"
    assert balancer.domain_name == "models.example.com"
    writer, spare = config.ecs_models
    assert (writer.identifier, writer.deploy, spare.deploy) == ("writer", True, False)
    assert writer.auto_scaling_config.metric_config.target_value == 20
    assert writer.container_config.environment == {"MAX_TOTAL_TOKENS": "4096"}
    assert [model.model_name for model in config.litellm_config.model_list] == ["embedder"]
    assert [one.repository_id for one in config.rag_repositories] == ["papers"]


def test_comments_stay_at_their_keys() -> None:
    text = migrate([("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)]).text
    assert text.startswith("# The team's settings.\nenv: prod\nprod:\n  deploymentStage: prod\n")
    assert "      username: librarian # owner of the tables\n" in text.replace("        username", "      username")
    assert "  # Sign-in of the institute.\n  authConfig:\n" in text


@pytest.mark.parametrize(
    "line",
    [
        "litellmConfig.db_key: LiteLLM has no database here; destroy the key with the old deployment.",
        "restApiConfig.rateLimitRpm: no equivalent.",
        "subnets: run `lisa vpc describe`, which writes the vpc block.",
        "deployMcp: no equivalent.",
        "ragRepositories: wiki is of type bedrock_knowledge_base, which is not supported.",
        "ragRepositories.repositoryName: no equivalent.",
        "model writer: autoScalingConfig: `blockDeviceVolumeSize` has no equivalent.",
        "model writer: autoScalingConfig: `scheduling` has no equivalent.",
        "model writer: `modelDescription` has no equivalent for hosted models.",
        "ecsModels: no model uses the images for acme/reader.",
    ],
)
def test_what_has_no_equivalent_is_listed(line: str) -> None:
    migrated = migrate([("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)], answer(HOSTED))
    assert line in migrated.without_equivalent


def test_groups_may_use_what_they_may_use_today(tmp_path: Path) -> None:
    files = [("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)]
    migrated = migrate(files, answer(HOSTED, EXTERNAL))
    access = compiled(migrated.text, tmp_path).access_config
    assert access.default == "closed"
    assert access.everyone is None
    assert {name: entry.models for name, entry in access.groups.items()} == {
        "everyone": ("embedder",),
        "editors": ("embedder", "writer"),
    }
    assert {entry.repositories for entry in access.groups.values()} == {("*",)}
    sources = "authConfig.userGroup and allowedGroups of models"
    assert f"accessConfig: written from {sources}; models that you add must be listed." in migrated.changes


def test_models_of_groups_alone_leave_the_others_open(tmp_path: Path) -> None:
    custom = CUSTOM.replace("  userGroup: everyone\n", "")
    migrated = migrate([("config-base.yaml", BASE), ("config-custom.yaml", custom)], answer(HOSTED, EXTERNAL))
    access = compiled(migrated.text, tmp_path).access_config
    assert access.everyone.models == ("embedder",)
    assert access.groups["editors"].models == ("embedder", "writer")


def test_guardrails_of_external_models_are_kept(tmp_path: Path) -> None:
    guarded = {
        "modelId": "claude",
        "modelName": "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
        "modelType": "textgen",
        "guardrailsConfig": {
            "g1": {"guardrailName": "pii", "guardrailIdentifier": "abc123def456", "guardrailVersion": "1"},
            "g2": {"guardrailName": "broken"},
        },
    }
    migrated = migrate([("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)], answer(guarded))
    config = compiled(migrated.text, tmp_path)
    (model,) = config.litellm_config.model_list
    assert model.litellm_params.model_dump()["guardrails"] == ["pii"]
    written = yaml.safe_load(migrated.text)["prod"]["litellmConfig"]["guardrails"]
    assert written == [
        {
            "guardrail_name": "pii",
            "litellm_params": {
                "guardrail": "bedrock",
                "mode": "pre_call",
                "guardrailIdentifier": "abc123def456",
                "guardrailVersion": "1",
            },
        }
    ]
    assert "model claude: the guardrail g2 has no identifier." in migrated.without_equivalent


def test_a_model_without_instances_has_at_least_one(tmp_path: Path) -> None:
    scaling = HOSTED["autoScalingConfig"] | {"minCapacity": 0}
    files = [("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)]
    migrated = migrate(files, answer({**HOSTED, "autoScalingConfig": scaling}))
    (model,) = compiled(migrated.text, tmp_path).ecs_models
    assert model.auto_scaling_config.min_capacity == 1
    assert any(line.startswith("model writer: minCapacity is 1 instead of 0") for line in migrated.changes)


def test_secrets_are_not_copied() -> None:
    written = f"{BASE}  general_settings:\n    master_key: sk-0123456789abcdef0123456789abcdef\n"
    migrated = migrate([("config-base.yaml", written), ("config-custom.yaml", CUSTOM)])
    assert "sk-" not in migrated.text
    assert "litellmConfig" not in yaml.safe_load(migrated.text)["prod"]


def test_models_that_were_not_given_are_named() -> None:
    migrated = migrate([("config-custom.yaml", CUSTOM)])
    assert "ecsModels" not in yaml.safe_load(migrated.text)["prod"]
    (line,) = [line for line in migrated.without_equivalent if line.startswith("ecsModels: ")]
    assert "acme/writer, acme/reader are images to build" in line
    assert "--models" in line


def test_environment_of_the_file_is_kept() -> None:
    """LISA 3.0 to 3.2 has one file with environments, whose gateway is built on a Python that is too old here."""
    image = {"baseImage": "python:3.9", "path": "lib/serve/rest-api", "type": "asset"}
    block = yaml.safe_load(CUSTOM) | {
        "restApiConfig": {"instanceType": "m5.large", "containerConfig": {"image": image}}
    }
    migrated = migrate([("config.yaml", yaml.safe_dump({"env": "test", "test": block}))])
    rest = yaml.safe_load(migrated.text)["test"]["restApiConfig"]
    assert migrated.environment == "test"
    assert rest["containerConfig"]["image"]["baseImage"] == "python:3.13-slim"
    assert any("python:3.13-slim instead of python:3.9" in line for line in migrated.changes)


@pytest.mark.parametrize("models", ["[1]", "{", '{"models": {}}', '{"models": [{}]}'])
def test_models_of_another_form_are_an_error(models: str) -> None:
    with pytest.raises(MigrationError, match="The models cannot be read"):
        migrate([("config-base.yaml", BASE)], models)


def test_environment_that_the_file_lacks_is_an_error() -> None:
    with pytest.raises(MigrationError, match=r"config\.yaml has no environment `prod`: it has dev"):
        migrate([("config.yaml", "env: dev\ndev: {region: us-east-1}\n")], environment="prod")


@pytest.mark.parametrize("text", [BASE, f"env: dev\ndev:\n{''.join(f'  {line}' for line in CUSTOM.splitlines(True))}"])
def test_compile_names_the_command(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        validate(load(tmp_path, "dev").document)
    found = [one for one in caught.value.diagnostics if one.code == "LISA124"]
    assert len(found) == 1
    assert "lisa migrate --from config.yaml" in found[0].fix


def test_command_writes_a_new_file_and_never_over_one(tmp_path: Path) -> None:
    (tmp_path / "config-custom.yaml").write_text(CUSTOM, encoding="utf-8")
    target = tmp_path / "config.yaml"
    arguments = ["migrate", "--from", str(tmp_path / "config-custom.yaml"), "--output", str(target)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "No equivalent:\n" in result.stderr
    written = target.read_text(encoding="utf-8")
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "Choose another --output" in again.stderr
    assert target.read_text(encoding="utf-8") == written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["config.yaml: there are no settings to migrate."]),
        ("# nothing\n", ["config.yaml: there are no settings to migrate."]),
        ("env: dev\ndev: {}\n", ["config.yaml: there are no settings to migrate."]),
        (
            "region: us-east-1\nrestApiConfig: [1]\necsModels: {a: b}\nauthConfig: x\nlitellmConfig: 5\n",
            [
                "config.yaml:2: `restApiConfig` must be a mapping, but is a list.",
                "config.yaml:3: `ecsModels` must be a list, but is a mapping.",
                "config.yaml:4: `authConfig` must be a mapping, but is `x`.",
                "config.yaml:5: `litellmConfig` must be a mapping, but is `5`.",
            ],
        ),
        ("env: dev\ndev:\n  region: [us-east-1]\n", ["config.yaml:3: `region` must be a single value, but is a list."]),
        ("ragRepositories:\n  - x\n", ["config.yaml:2: `ragRepositories[0]` must be a mapping, but is `x`."]),
        (
            "restApiConfig:\n  other: 1\n  loadBalancerConfig: [a]\n",
            ["config.yaml:3: `restApiConfig.loadBalancerConfig` must be a mapping, but is a list."],
        ),
    ],
)
def test_command_writes_nothing_for_a_file_that_is_no_configuration(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "old.yaml").write_text(text)
    with pytest.raises(MigrationError) as caught:
        migrate([("config.yaml", text)])
    assert [line for line in str(caught.value).splitlines() if line.startswith("config.yaml")] == expected
    target = tmp_path / "config.yaml"
    result = CliRunner().invoke(app, ["migrate", "--from", str(tmp_path / "old.yaml"), "--output", str(target)])
    assert result.exit_code == 1
    assert "old.yaml" in result.stderr
    assert not target.exists()


DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


@pytest.mark.parametrize(
    ("scheduling", "zone", "windows"),
    [
        (
            {"timezone": "US/Eastern", "recurringSchedule": {"startTime": "08:00", "stopTime": "18:00"}},
            "America/New_York",
            [{"start": "18:00", "stop": "08:00"}],
        ),
        (
            {"timezone": "UTC", "dailySchedule": {"startTime": "22:00", "stopTime": "06:00"}},
            "Etc/UTC",
            [{"start": "06:00", "stop": "22:00"}],
        ),
        (
            {
                "timezone": "Europe/Berlin",
                "scheduleEnabled": True,
                "dailySchedule": {day: {"startTime": "07:00", "stopTime": "20:30"} for day in DAYS},
            },
            "Europe/Berlin",
            [
                {"start": "20:30", "stop": "07:00", "days": ["MON", "TUE", "WED", "THU"]},
                {"start": "30 20 * * FRI", "stop": "0 7 * * MON"},
            ],
        ),
        (
            {"timezone": "Etc/UTC", "weeklySchedule": {"sunday": {"startTime": "07:00", "stopTime": "20:00"}}},
            "Etc/UTC",
            [{"start": "0 20 * * SUN", "stop": "0 7 * * SUN"}],
        ),
    ],
)
def test_a_schedule_becomes_windows_without_instances(
    tmp_path: Path, scheduling: dict[str, Any], zone: str, windows: list[dict[str, Any]]
) -> None:
    scaling = {**HOSTED["autoScalingConfig"], "scheduling": scheduling}
    migrated = migrate(
        [("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)], answer({**HOSTED, "autoScalingConfig": scaling})
    )
    assert not any("scheduling" in line for line in migrated.without_equivalent)
    assert any("autoScalingConfig.schedule" in line for line in migrated.changes)
    (writer,) = compiled(migrated.text, tmp_path).ecs_models
    schedule = writer.auto_scaling_config.schedule
    found = schedule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert found == {"timeZone": zone, "windows": [{**window, "minCapacity": 0} for window in windows]}
    # A week has as many hours with instances as before.
    hours = 168 * (1 - sum(open_shares(read_windows(schedule))))
    assert hours == {"America/New_York": 70, "Europe/Berlin": 67.5}.get(
        zone, 56 if len(windows[0]["start"]) == 5 else 13
    )


@pytest.mark.parametrize(
    "scheduling",
    [
        {"timezone": "Nowhere/Town", "dailySchedule": {"startTime": "08:00", "stopTime": "18:00"}},
        {"timezone": "Etc/UTC", "dailySchedule": {"startTime": "8", "stopTime": "18:00"}},
        {"timezone": "Etc/UTC", "scheduleEnabled": False, "dailySchedule": {"startTime": "08:00", "stopTime": "18:00"}},
        {"timezone": "Etc/UTC", "dailySchedule": {"startTime": "08:00", "stopTime": "08:00"}},
    ],
)
def test_a_schedule_that_cannot_be_read_is_listed(scheduling: dict[str, Any]) -> None:
    scaling = {**HOSTED["autoScalingConfig"], "scheduling": scheduling}
    migrated = migrate(
        [("config-base.yaml", BASE), ("config-custom.yaml", CUSTOM)], answer({**HOSTED, "autoScalingConfig": scaling})
    )
    assert any("`scheduling` has no equivalent" in line for line in migrated.without_equivalent)
