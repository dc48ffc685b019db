"""What each client library and application does through the gateway, and the table that docs/gateway.md has of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from clients import results
from clients.cells import ERROR, FAULT, REJECTED, WORKS, Cell
from clients.conftest import Run
from clients.system import MODELS, PROGRAMS, RECORDINGS
from gateway.conftest import TOKEN

pytestmark = pytest.mark.xdist_group("clients")


def faults(cells: Sequence[Cell]) -> str:
    found = [cell for cell in cells if cell.outcome == FAULT]
    return "\n\n".join(
        f"{cell.client} | {cell.feature} | {cell.engine} | {cell.route}\n{cell.detail}" for cell in found
    )


def test_no_client_gets_a_wrong_answer(run: Run) -> None:
    assert not faults(run.cells), faults(run.cells)


def test_the_table_of_the_documentation_is_what_the_run_found(run: Run, request: pytest.FixtureRequest) -> None:
    found = results.table(run.cells)
    if request.config.getoption("--markdown", default=False):
        results.write(found)
    assert found == results.committed(), "run `make test-clients ARGS=--markdown` and review the difference"


def test_every_client_used_every_engine_that_it_can(run: Run) -> None:
    clients = {cell.client for cell in run.cells}
    # OpenAI's library for Python is two clients, and that for JavaScript is no Python program.
    assert len(clients) == len(PROGRAMS) + len(RECORDINGS) + 2, clients
    textgen = {engine for engine in MODELS if engine != "TEI"}
    for client in clients:
        assert textgen <= {cell.engine for cell in run.cells if cell.client == client}, client


def test_no_engine_gets_a_callers_token(run: Run) -> None:
    seen = [request for engine in run.engines for request in engine.seen]
    assert len(seen) > len(run.cells) / 2
    for request in seen:
        assert TOKEN not in str(dict(request.headers)), request.path
        assert TOKEN.encode() not in request.body, request.path


CELL = Cell("one", "Chat", "vLLM", "direct", WORKS)


def test_table_has_the_status_of_a_rejection_and_names_routes_that_differ() -> None:
    cells = [
        CELL,
        Cell("one", "Chat", "vLLM", "LiteLLM", WORKS),
        Cell("one", "Chat", "TGI", "direct", REJECTED, "404 No path."),
        Cell("one", "Chat", "TGI", "LiteLLM", WORKS),
        Cell("two", "Embed", "TEI", "direct", ERROR, "500 a message"),
        Cell("two", "Embed", "TEI", "LiteLLM", ERROR, "500 another one"),
    ]
    assert results.table(cells) == (
        "| Client | Feature | vLLM | TGI | TEI |\n"
        "|---|---|---|---|---|\n"
        "| one | Chat | works | direct: rejected: 404; LiteLLM: works | \N{EN DASH} |\n"
        "| two | Embed | \N{EN DASH} | \N{EN DASH} | error: 500 |\n"
    )


def test_table_states_no_fault() -> None:
    with pytest.raises(ValueError, match="one, Chat, vLLM, direct: a traceback"):
        results.table([Cell("one", "Chat", "vLLM", "direct", FAULT, "a traceback")])
