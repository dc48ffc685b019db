"""The table in docs/gateway.md of what works with which client, made of the cells of a run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clients.cells import REJECTED, WORKS, Cell
from gateway.processes import ROOT

DOCUMENT = ROOT / "docs" / "gateway.md"
_BEGIN = "<!-- clients: written by `make test-clients ARGS=--markdown` -->"
_END = "<!-- /clients -->"
_ENGINES = ("vLLM", "TGI", "TEI")
_NONE = "\N{EN DASH}"
_ROUTES = ("direct", "LiteLLM")
_LITELLM = re.compile(r"^(?:litellm\.\w+: )?(?:\w+Exception - )?(?:Error code: \d+ - )?")
_DETAILS = re.compile(r"'message': ['\"](.+?)['\"], ")


def table(cells: Sequence[Cell]) -> str:
    """Render the cells: a row for each client and feature, a column for each engine, and notes on rejections.

    Raises:
        ValueError: a cell is a fault, which no table may state.
    """
    if faults := [cell for cell in cells if cell.outcome not in (WORKS, REJECTED)]:
        raise ValueError("\n\n".join(f"{_name(cell)}: {cell.detail}" for cell in faults))
    found = {(cell.client, cell.feature, cell.engine, cell.route): cell for cell in cells}
    notes: list[str] = []
    lines = ["| Client | Feature | " + " | ".join(_ENGINES) + " |", "|---|---|" + "---|" * len(_ENGINES)]
    for client, feature in dict.fromkeys((cell.client, cell.feature) for cell in cells):
        entries = [
            _entry([found.get((client, feature, engine, route)) for route in _ROUTES], notes) for engine in _ENGINES
        ]
        lines.append(f"| {client} | {feature} | " + " | ".join(entries) + " |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join(lines).rstrip() + "\n"


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
    table_, closed, after = rest.partition("\n" + _END)
    if not (found and closed):
        raise ValueError(f"{DOCUMENT} has no place for the table: add {_BEGIN} and {_END}.")
    return before + found, table_, closed + after


def _name(cell: Cell) -> str:
    return f"{cell.client}, {cell.feature}, {cell.engine}, {cell.route}"


def _entry(cells: Sequence[Cell | None], notes: list[str]) -> str:
    """What a field of the table says: the same for both routes, or each with its route."""
    texts = {cell.route: _text(cell, notes) for cell in cells if cell is not None}
    if len(set(texts.values())) <= 1:
        return next(iter(texts.values()), _NONE)
    return "; ".join(f"{route}: {text}" for route, text in texts.items())


def _text(cell: Cell, notes: list[str]) -> str:
    if cell.outcome == WORKS:
        return "works"
    note = _note(cell.detail)
    if note not in notes:
        notes.append(note)
    return f"rejected ({notes.index(note) + 1})"


def _note(detail: str) -> str:
    """Status and message of a rejection, without what LiteLLM adds."""
    status, _, message = detail.partition(" ")
    message = message.partition("\n")[0].strip()
    if inner := _DETAILS.search(message):
        message = inner[1]
    return f"{status}: {_LITELLM.sub('', message)}"
