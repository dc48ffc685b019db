"""LiteLLM's own judgment: the pinned proxy is started with compiled configurations."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from compiler.conftest import configuration
from gateway.processes import LITELLM_PYTHON
from lisa_compiler.cli.app import app
from lisa_compiler.policy import litellm

if not LITELLM_PYTHON.exists():
    pytest.skip("run `make gateway-parts`", allow_module_level=True)

PARTNER = {
    "model_name": "partner",
    "litellm_params": {"model": "openai/partner", "api_base": "https://p.example.com/v1", "api_key": "os.environ/KEY"},
    "lisa_params": {"model_type": "textgen", "streaming": True},
}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"


def project(folder: Path, litellm_config: dict[str, Any], **container_config: Any) -> Path:
    config = configuration(litellmConfig=litellm_config)
    rest = config["restApiConfig"]
    container = {**rest["containerConfig"], "environment": {"KEY": SECRET}, **container_config}
    config["restApiConfig"] = {**rest, "containerConfig": container}
    (folder / "config.yaml").write_text(yaml.safe_dump({"env": "dev", "dev": config}))
    return folder


def lisa(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, " ".join(result.output.split())


def compile_and_edit(folder: Path, litellm_config: dict[str, Any], edit: dict[str, Any]) -> None:
    """Compile, and then change the compiled file, as a LiteLLM that differs from LISA's table would see it."""
    project(folder, litellm_config)
    code, text = lisa("compile", "--project", folder, "--no-weights")
    assert code == 0, text
    path = folder / "generated/dev/litellm/config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | edit))


def test_a_configuration_that_starts(tmp_path: Path) -> None:
    project(tmp_path, {"model_list": [PARTNER], "litellm_settings": {"callbacks": ["prometheus"]}})
    code, text = lisa("compile", "--project", tmp_path, "--no-weights", "--verify")
    assert (code, "dev: LiteLLM 1.106.2 starts with" in text) == (0, True), text


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    project(tmp_path, {"model_list": [PARTNER], "litellm_settings": {"callbacks": ["litellm.integrations.ours.log"]}})
    code, text = lisa("compile", "--project", tmp_path, "--no-weights", "--verify")
    assert code == 1, text
    assert "error LISA538 [litellm-start] dev: LiteLLM does not start: ImportError: Could not import log" in text
    assert "key: litellmConfig.litellm_settings.callbacks" in text


def test_a_guardrail_and_a_model_that_litellm_omits(tmp_path: Path) -> None:
    guard = {"guardrail_name": "words", "litellm_params": {"guardrail": "litellm_content_filter", "mode": "pre_call"}}
    broken = {"guardrail_name": "words", "litellm_params": {"guardrail": "no-such-guardrail", "mode": "pre_call"}}
    models = [PARTNER, {"model_name": "other", "litellm_params": {"model": "no_such_provider/x"}}]
    compile_and_edit(
        tmp_path, {"model_list": [PARTNER], "guardrails": [guard]}, {"guardrails": [broken], "model_list": models}
    )
    code, text = lisa("policy", "--project", tmp_path, "--only", "litellm")
    assert code == 1, text
    assert "LiteLLM starts without the guardrail `words`." in text
    assert "LiteLLM starts without the model `other`." in text
    assert "key: litellmConfig.guardrails[0].guardrail_name" in text


def test_what_an_extension_lacks_has_its_place(tmp_path: Path) -> None:
    image = {"type": "registry", "registry": "registry.example.com/gateway:1"}
    settings = {"callbacks": ["prometheus", "datadog"]}
    project(tmp_path, {"model_list": [PARTNER], "litellm_settings": settings}, image=image)
    code, text = lisa("compile", "--project", tmp_path, "--no-weights", "--verify")
    assert code == 0, text
    start = text[text.index("LISA538") :]
    assert "DD_API_KEY" in start, text
    assert "key: litellmConfig.litellm_settings.callbacks[1]" in start, text


def test_nothing_is_contacted() -> None:
    """The program refuses connections, whatever library makes them."""
    program = "import socket, urllib.request as u\n"
    script = Path(litellm.__file__).with_name("offline_litellm.py")
    program += f"import sys; sys.path.insert(0, {str(script.parent)!r}); import offline_litellm as o\n"
    program += "sys.addaudithook(o.refuse_connections)\n"
    program += "connect = lambda: socket.create_connection(('192.0.2.1', 443), 1)\n"
    program += "for call in (connect, lambda: u.urlopen('http://192.0.2.1')):\n"
    program += "    try:\n        call()\n    except OSError as error:\n        print(error)\n"
    done = subprocess.run([LITELLM_PYTHON, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.count("no network while LISA checks") == 2


def test_the_environment_is_the_containers(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-caller")
    deployment = planned()
    environment = litellm.start_environment(deployment)
    assert "OPENAI_API_KEY" not in environment
    assert environment["AWS_REGION"] == deployment.config.region


def test_without_litellm_nothing_is_called_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, {"model_list": [PARTNER]})
    monkeypatch.setattr(litellm, "python_having", lambda *_: None)
    code, text = lisa("compile", "--project", tmp_path, "--no-weights", "--verify")
    assert code == 1, text
    assert "LiteLLM is not installed, so that the compiled configuration of LiteLLM was not checked." in text
    assert "starts with" not in text
