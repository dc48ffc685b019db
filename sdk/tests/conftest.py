"""What the client is tested against: the deployment that `--url` names, else the gateway of this checkout.

`pytest sdk/tests --url https://lisa.example.com --token TOKEN --verify certs/server.pem` tests a deployment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lisapy import FoundationModel, Lisa


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lisapy", "the deployment that lisapy is tested against")
    group.addoption("--url", help="address of its gateway; without it, one is started")
    group.addoption("--token", default="", help="API token or OIDC token")
    group.addoption("--verify", default="", help="path of its certificate, or false")


@dataclass(frozen=True)
class Deployment:
    """A gateway to talk to; `stub` is the model behind one that was started, and None for a real one."""

    url: str
    headers: dict[str, str]
    verify: bool | str = True
    stub: Any = field(default=None, compare=False)

    def client(self, **options: Any) -> Lisa:
        return Lisa(**{"url": self.url, "headers": self.headers, "verify": self.verify} | options)


@pytest.fixture(scope="session")
def _deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    url = request.config.getoption("--url", None)
    if url:
        token = request.config.getoption("--token")
        verify = request.config.getoption("--verify")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        yield Deployment(url, headers, verify != "false" and (verify or True))
        return
    from gateway.conftest import TOKEN, local_aws, settings
    from gateway.processes import gateway
    from gateway.stub_model import serving

    with serving() as stub, local_aws() as aws:
        environment = settings(aws, "http://127.0.0.1:1", stub.url) | {"ANSWER_TIMEOUT": "3"}
        with gateway(tmp_path_factory.mktemp("gateway"), environment) as started:
            yield Deployment(started.url, {"Api-Key": TOKEN}, stub=stub)


@pytest.fixture
def deployment(_deployment: Deployment) -> Deployment:
    if _deployment.stub is not None:
        _deployment.stub.reset()
    return _deployment


@pytest.fixture
def stub(deployment: Deployment) -> Any:
    """The model behind the gateway that was started; what a test does to it cannot be done to a deployment."""
    if deployment.stub is None:
        pytest.skip("a deployment's model cannot be told what to answer")
    return deployment.stub


@pytest.fixture
def lisa(deployment: Deployment) -> Iterator[Lisa]:
    with deployment.client() as client:
        yield client


@pytest.fixture
def textgen(lisa: Lisa) -> FoundationModel:
    return _first(lisa.list_textgen_models(), "generates text")


@pytest.fixture
def embedding(lisa: Lisa) -> FoundationModel:
    return _first(lisa.list_embedding_models(), "embeds")


def _first(models: list[FoundationModel], does: str) -> FoundationModel:
    if not models:
        pytest.skip(f"the deployment has no model that {does}")
    return models[0]
