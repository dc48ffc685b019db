"""The models function calls what runtime/lambdas/aws_calls.yaml declares."""

from __future__ import annotations

import os
from typing import Any

import boto3

from permissions.recording import Recorder
from runtime.lambdas.models.conftest import Models
from runtime.lambdas.proxy_events import content


def split_configuration() -> None:
    """Write the configuration in parts, as the compiler does when it is long."""
    ssm, name = boto3.client("ssm"), os.environ["CONFIGURATION_PS_NAME"]
    text = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    for key, value in {name: '{"parts": 2}', f"{name}/0": text[:50], f"{name}/1": text[50:]}.items():
        ssm.put_parameter(Name=key, Value=value, Type="String", Overwrite=True)


def test_every_declared_call_is_made(models: Models, another_model: dict[str, Any], recorder: Recorder) -> None:
    recorder.variables |= os.environ
    split_configuration()
    models.host()
    models.call("GET", "/models")
    models.call("POST", "/models/small/stop")
    proposal = content(models.call("POST", "/models", body=another_model))
    models.call("GET", "/proposals")
    models.call("GET", f"/proposals/{proposal['id']}")
    models.call("DELETE", f"/proposals/{proposal['id']}")
    assert recorder.missing("models") == []
