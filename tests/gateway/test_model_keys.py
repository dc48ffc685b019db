"""Keys of models as variables of LiteLLM, read from a Secrets Manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.conftest import REGION, Aws
from lisa_gateway.model_keys import model_key_variables


def routes(**keys: str) -> bytes:
    models = [
        {"name": variable, "route": "litellm", "key": {"secret": secret, "variable": variable}}
        for variable, secret in keys.items()
    ]
    return json.dumps({"schemaVersion": 1, "models": [*models, {"name": "external", "route": "litellm"}]}).encode()


def test_keys_are_read_and_a_model_without_one_has_a_placeholder(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    aws.client("secretsmanager").create_secret(Name="d/models/small/key", SecretString="a b'c")
    document = routes(LISA_MODEL_KEY_SMALL="d/models/small/key", LISA_MODEL_KEY_NEW="d/models/new/key")
    assert model_key_variables(document, REGION) == {"LISA_MODEL_KEY_SMALL": "a b'c", "LISA_MODEL_KEY_NEW": "none"}
    (tmp_path / "routes.json").write_bytes(document)
    printed = subprocess.run(
        [sys.executable, "-P", "-m", "lisa_gateway.model_keys", str(tmp_path / "routes.json")],
        env={**os.environ, "AWS_REGION": REGION, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    shell = subprocess.run(
        ["bash", "-c", f'{printed}\nprintf %s "$LISA_MODEL_KEY_SMALL"'], check=True, capture_output=True, text=True
    )
    assert shell.stdout == "a b'c"


def test_nothing_is_called_without_keys() -> None:
    assert model_key_variables(routes(), "nowhere") == {}
