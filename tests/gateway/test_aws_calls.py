"""The gateway calls what runtime/gateway/aws_calls.yaml declares."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.conftest import LIMITS, PARAMETER, REGION, SIGN_OUTS, TABLE, TOKEN, USAGE, Aws
from lisa_gateway.access.counters import DynamoCounters
from lisa_gateway.access.document import ContentStore
from lisa_gateway.access.usage import Amount, UsageRecorder
from lisa_gateway.audit.content import CONTENT_FOLDER
from lisa_gateway.audit.content_delivery import ContentDelivery
from lisa_gateway.audit.data_keys import DataKeys, kms_client
from lisa_gateway.audit.delivery import Delivery
from lisa_gateway.configuration.source import published_source
from lisa_gateway.direct.keys import ModelKeys, secrets_client
from lisa_gateway.sign_outs import DynamoSignOuts
from lisa_gateway.token_table import DynamoTable, dynamo_client
from lisa_gateway.v1.registry import Registry, parameter_client
from lisa_tokens import new_token, stored_key
from permissions.recording import Recorder, recording

AUDIT = "/lisa/calls/audit"
LIST = [{"provider": "ecs.textgen.tgi", "modelName": "org/writer", "modelId": "writer", "modelType": "textgen"}]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    yield from recording()


def test_every_declared_call_is_made(
    aws: Aws, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    text = json.dumps(LIST)
    name = f"{PARAMETER}-in-parts"
    parts = {name: '{"parts": 2}', f"{name}/0": text[:20], f"{name}/1": text[20:]}
    for key, value in parts.items():
        aws.client("ssm").put_parameter(Name=key, Value=value, Type="String")

    aws.client("secretsmanager").create_secret(Name="test/models/writer/key", SecretString="key")

    async def use() -> None:
        async with dynamo_client(REGION) as table, parameter_client(REGION) as parameters:
            assert await DynamoTable(table, TABLE).find(TOKEN)
            assert await DynamoSignOuts(table, SIGN_OUTS).ended(("person:0", "session:0")) == ()
            await DynamoTable(table, TABLE).set_last_used(stored_key(new_token()), 2, unless_after=1)
            assert (await DynamoCounters(table, LIMITS).take("key", limit=1, least=1, most=1, end=time.time())).units
            usage = UsageRecorder(table, USAGE)
            usage.record(user="ann", groups=["staff"], model="writer", amount=Amount(1))
            await usage.write()
            assert [model.name for model in await Registry(parameters, name).models()] == ["org/writer"]

        async with secrets_client(REGION) as secrets:
            assert await ModelKeys(secrets).get("test/models/writer/key") == b"key"

    content = b'{"models": []}'
    sha256 = hashlib.sha256(content).hexdigest()
    objects, bucket, configuration = aws.client("s3"), "configurations", "/lisa/gateway/configuration"
    objects.create_bucket(Bucket=bucket)
    objects.put_object(Bucket=bucket, Key="gateway-routes", Body=content)
    file = {"bucket": bucket, "key": "gateway-routes", "sha256": sha256}
    value = json.dumps({"schemaVersion": 1, "routes": file, "litellm": file})
    aws.client("ssm").put_parameter(Name=configuration, Value=value, Type="String")

    async def read() -> None:
        async with published_source(REGION, configuration) as source:
            assert (await source.read()).routes == content

    content_key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    objects.create_bucket(Bucket="audited")
    store = ContentStore(account="123456789012", bucket="audited", deployment="test-lisa-dev", keyArn=content_key)

    async def record() -> None:
        async with kms_client(REGION) as kms:
            assert (await DataKeys(kms).get(store, "research")).wrapped

    waiting = tmp_path / CONTENT_FOLDER / "123456789012.audited"
    waiting.mkdir(parents=True)
    (waiting / "1795982992000000000-0a1b2c3d-1.ready").write_text("{}\n")
    assert ContentDelivery(objects, tmp_path).deliver()
    assert not list(waiting.iterdir())

    asyncio.run(use())
    asyncio.run(read())
    asyncio.run(record())
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=AUDIT)
    (tmp_path / "1.ready").write_text('{"time":"2026-11-29T10:00:00.000Z"}\n')
    assert Delivery(logs, tmp_path, AUDIT).deliver()
    tables = {"LIMITS_TABLE_NAME": LIMITS, "SIGN_OUT_TABLE_NAME": SIGN_OUTS, "USAGE_TABLE_NAME": USAGE}
    recorder.variables |= {
        **aws.environment,
        **tables,
        "REGISTERED_MODELS_PS_NAME": name,
        "GATEWAY_CONFIGURATION_PS_NAME": configuration,
        "CONFIGURATION": f"{bucket}/gateway-routes",
        "AUDIT_LOG_GROUP": AUDIT,
        "MODEL_KEY": "test/models/writer/key",
        "CONTENT_KEY": content_key,
        "CONTENT_DEPLOYMENT": "test-lisa-dev",
        "CONTENT_BUCKET": "audited",
    }
    assert recorder.missing("gateway") == []
