"""Keycloak and a local AWS, each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.conftest import Aws, local_aws
from keycloak.server import Keycloak, keycloak
from parts import keycloak as part


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    if not part().is_installed:
        pytest.skip(f"Keycloak is not installed: run `{part().command}`")
    with keycloak(tmp_path_factory.mktemp("keycloak")) as found:
        yield found


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with local_aws() as found:
        yield found
