"""The table in docs/gateway.md of what works with which client, made of the cells of a run."""

from __future__ import annotations

from collections.abc import Sequence

from clients.cells import FAULT, WORKS, Cell
from gateway.processes import ROOT

DOCUMENT = ROOT / "docs" / "gateway.md"
_BEGIN = "<!-- clients: written by `make test-clients ARGS=--markdown` -->"
_END = "<!-- /clients -->"
_ENGINES = ("vLLM", "TGI", "TEI")
_NONE = "\N{EN DASH}"
_ROUTES = ("direct", "LiteLLM")


def table(cells: Sequence[Cell]) -> str:
    """Render the cells: a row for each client and feature, and a column for each engine.

    Raises:
        ValueError: a cell is a fault, which no table may state.
    """
    if faults := [cell for cell in cells if cell.outcome == FAULT]:
        raise ValueError("\n\n".join(f"{_name(cell)}: {cell.detail}" for cell in faults))
    found = {(cell.client, cell.feature, cell.engine, cell.route): cell for cell in cells}
    lines = ["| Client | Feature | " + " | ".join(_ENGINES) + " |", "|---|---|" + "---|" * len(_ENGINES)]
    for client, feature in dict.fromkeys((cell.client, cell.feature) for cell in cells):
        entries = [_entry([found.get((client, feature, engine, route)) for route in _ROUTES]) for engine in _ENGINES]
        lines.append(f"| {client} | {feature} | " + " | ".join(entries) + " |")
    return "\n".join(lines) + "\n"


def committed() -> str:
    """The table in the documentation."""
    return _parts()[1]


def write(text: str) -> None:
    """Replace the table in the documentation."""
    before, _, after = _parts()
    DOCUMENT.write_text(f"{before}{text}{after}", encoding="utf-8")


def _parts() -> tuple[str, str, str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, found, rest = text.partition(_BEGIN + "\n\n")
    content, closed, after = rest.partition(_END)
    if not (found and closed):
        raise ValueError(f"{DOCUMENT} has no place for the table: add {_BEGIN} and {_END}.")
    return before + found, content.removesuffix("\n"), f"\n{closed}{after}"


def _name(cell: Cell) -> str:
    return f"{cell.client}, {cell.feature}, {cell.engine}, {cell.route}"


def _entry(cells: Sequence[Cell | None]) -> str:
    """What a field of the table says: the same for both routes, or each with its route."""
    texts = {cell.route: _text(cell) for cell in cells if cell is not None}
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), _NONE)
    return "; ".join(f"{route}: {text}" for route, text in texts.items())


def _text(cell: Cell) -> str:
    """The outcome, with the status of a rejection; its message changes with versions, and is not in the table."""
    return WORKS if cell.outcome == WORKS else f"{cell.outcome}: {cell.detail.partition(' ')[0]}"
