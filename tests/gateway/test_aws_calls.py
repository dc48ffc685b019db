"""The gateway calls what runtime/gateway/aws_calls.yaml declares."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from gateway.conftest import PARAMETER, REGION, TABLE, TOKEN, Aws
from lisa_gateway.token_table import DynamoTable, dynamo_client
from lisa_gateway.v1.registry import Registry, parameter_client
from lisa_tokens import new_token, stored_key
from permissions.recording import Recorder, recording

LIST = [{"provider": "ecs.textgen.tgi", "modelName": "org/writer", "modelId": "writer", "modelType": "textgen"}]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    yield from recording()


def test_every_declared_call_is_made(aws: Aws, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    text = json.dumps(LIST)
    name = f"{PARAMETER}-in-parts"
    parts = {name: '{"parts": 2}', f"{name}/0": text[:20], f"{name}/1": text[20:]}
    for key, value in parts.items():
        aws.client("ssm").put_parameter(Name=key, Value=value, Type="String")

    async def use() -> None:
        async with dynamo_client(REGION) as table, parameter_client(REGION) as parameters:
            assert await DynamoTable(table, TABLE).find(TOKEN)
            await DynamoTable(table, TABLE).set_last_used(stored_key(new_token()), 2, unless_after=1)
            assert [model.name for model in await Registry(parameters, name).models()] == ["org/writer"]

    asyncio.run(use())
    recorder.variables |= {**aws.environment, "REGISTERED_MODELS_PS_NAME": name}
    assert recorder.missing("gateway") == []
