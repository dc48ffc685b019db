"""The option that writes the table, and the run that the tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import parts
from clients import system
from clients.cells import Cell
from clients.engines.scripted import Engine
from gateway.processes import LITELLM_PYTHON


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("clients", "client libraries through the gateway")
    group.addoption("--markdown", action="store_true", help="write the table in docs/gateway.md")


@dataclass(frozen=True)
class Run:
    """What came of all clients, and what reached the engines meanwhile."""

    cells: list[Cell]
    engines: list[Engine]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    require_parts()
    folder = tmp_path_factory.mktemp("clients")
    with system.engines() as engines:
        addresses = {model: engine.url for model, engine in engines.items()}
        with system.running(folder, addresses) as targets:
            yield Run(system.ask(targets, folder), list(engines.values()))


def require_parts() -> None:
    """Skip where the parts are not installed."""
    if not parts.clients().is_installed:
        pytest.skip(f"the client libraries are not installed: run `{parts.clients().command}`")
    if not LITELLM_PYTHON.exists():
        pytest.skip("LiteLLM is not installed: run `make gateway-parts`")
