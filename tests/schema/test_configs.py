"""Whole configurations: the good ones compile, the bad ones get exactly the diagnostics of the snapshot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from lisa_compiler.project.load import load
from lisa_schema import ConfigurationError, Diagnostic, yaml_reader
from lisa_schema.models import AssetImage, Config, EcrImage
from lisa_schema.validate import Validated, validate

CONFIGS = Path(__file__).parent / "configs"
GOOD = sorted(path.stem for path in (CONFIGS / "good").glob("*.yaml"))
BAD = sorted(path.stem for path in (CONFIGS / "bad").glob("*.yaml"))


def told(diagnostics: tuple[Diagnostic, ...]) -> str:
    lines = []
    for found in diagnostics:
        lines.append(f"{found.origin} {found.severity} {found.code} {found.rule} {found.key_path}".rstrip())
        lines += [f"  {found.message}", f"  fix: {found.fix}" if found.fix else ""]
    return "\n".join(line for line in lines if line)


def compile_file(path: Path, project: Path) -> Validated:
    shutil.copy(path, project / "config.yaml")
    return validate(load(project).document)


def compile_good(name: str, project: Path) -> Config:
    return compile_file(CONFIGS / "good" / f"{name}.yaml", project).config


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert told(compile_file(CONFIGS / "good" / f"{name}.yaml", tmp_path).diagnostics) == snapshot


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_file(CONFIGS / "bad" / f"{name}.yaml", tmp_path)
    assert any(found.is_error for found in caught.value.diagnostics)
    assert told(caught.value.diagnostics) == snapshot


def test_lisa_2x_example_means_what_it_says(tmp_path: Path) -> None:
    config = compile_good("lisa_2x_example", tmp_path)
    assert config.account_number == "012345678901"
    assert config.account_numbers_ecr == ("012345678901",)
    assert config.profile is None
    assert config.auth_config is not None
    assert config.auth_config.authority == "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example"
    assert config.auth_config.admin_group == ""
    assert config.lambda_config.log_level == "DEBUG"
    assert config.litellm_config.model_list == ()
    assert [model.identifier for model in config.deployed_models] == ["mistral7b", "intfloat/e5-large-v2"]
    assert config.ecs_models[0].container_config.environment["MAX_INPUT_LENGTH"] == "1024"


def test_text_keeps_its_written_form(tmp_path: Path) -> None:
    config = compile_good("written_forms", tmp_path)
    assert config.account_number == "000000000012"
    assert config.account_numbers_ecr == ("012345678901", "000000000012")
    container = config.ecs_models[0].container_config
    assert isinstance(container.image, EcrImage)
    assert container.image.tag == "1.10"
    assert container.environment == {
        "MAX_TOTAL_TOKENS": "2048",
        "TRUST_REMOTE_CODE": "true",
        "ROPE_FACTOR": "1.10",
        "ANSWER": "yes",
        "OCTAL": "0777",
        "TIME": "12:30:45",
        "DATE": "2024-01-01",
        "HEX": "0x1F",
        "BLANK": "",
        "EXPONENT": "1e3",
    }


def test_merge_keys_give_way_to_what_is_written(tmp_path: Path) -> None:
    scaling = compile_good("anchors_and_merge_keys", tmp_path).ecs_models[0].auto_scaling_config
    assert (scaling.min_capacity, scaling.max_capacity, scaling.metric_config.target_value) == (2, 3, 1000)


def test_base_image_directly_is_an_asset_with_the_built_in_context(tmp_path: Path) -> None:
    image = compile_good("base_image_directly", tmp_path).ecs_models[0].container_config.image
    assert image == AssetImage(
        baseImage="ghcr.io/huggingface/text-generation-inference:1.0.2", path="lib/serve/ecs-model/textgen/tgi"
    )


def test_litellm_passes_through(tmp_path: Path) -> None:
    litellm = compile_good("litellm", tmp_path).litellm_config.model_dump(exclude_unset=True)
    assert litellm["environment_variables"] == {"LITELLM_LOG": "INFO", "RETRIES": "3"}
    assert litellm["litellm_settings"]["cache_params"] == {"type": "local", "ttl": 600}
    assert litellm["general_settings"]["background_health_checks"] is None
    assert litellm["guardrails"][0]["guardrail_name"] == "words"
    params = litellm["model_list"][1]["litellm_params"]
    assert (params["max_tokens"], params["temperature"], params["stop"]) == (4096, 0.5, ["</s>"])
    assert litellm["model_list"][1]["model_info"]["supports_vision"] is False


def test_defaults_of_prefix_and_tags(tmp_path: Path) -> None:
    config = compile_good("minimal", tmp_path)
    assert config.deployment_prefix == "/dev/demo/lisa"
    keys = ["deploymentPrefix", "deploymentName", "deploymentStage", "region", "version"]
    assert [tag.key for tag in config.tags] == keys
    assert [tag.value for tag in compile_good("everything_else", tmp_path).tags] == ["4711"]


@pytest.mark.parametrize("name", BAD)
def test_bad_without_libyaml(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rules() -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            compile_file(CONFIGS / "bad" / f"{name}.yaml", tmp_path)
        return [found.rule for found in caught.value.diagnostics]

    by_libyaml = rules()
    monkeypatch.setattr(yaml_reader, "_Parser", yaml.BaseLoader)
    assert rules() == by_libyaml
