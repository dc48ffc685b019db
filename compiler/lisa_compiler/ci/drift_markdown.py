"""Drift as Markdown: the summary of a job, or an issue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lisa_compiler.ci.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lisa_compiler.deploy.drift import DriftItem

_MARKER = "<!-- lisa-drift:{} -->"
_LONGEST_VALUE = 60
_ROWS = 200


def marker(environment: str) -> str:
    """First line of a report, by which the issue of an environment is found."""
    return _MARKER.format(environment)


def render(environment: str, items: Sequence[DriftItem], *, place: str, run: str) -> str:
    """Write what differs in an environment.

    Args:
        environment: its name.
        items: what differs.
        place: account and Region.
        run: address of the pipeline's run; empty outside of pipelines.
    """
    return "\n".join([marker(environment), *_lines(environment, items, place, run), ""])


def _lines(environment: str, items: Sequence[DriftItem], place: str, run: str) -> Iterator[str]:
    if not items:
        yield f"### {environment}: no drift"
        yield ""
        yield f"{place} matches the compiled output."
        return
    yield f"### {environment}: {len(items)} difference{'' if len(items) == 1 else 's'}"
    yield ""
    yield f"{place} differs from the compiled output of the repository."
    yield ""
    head = ("Stack", "What", "Resource", "Property", "Deployed", "Compiled", "Key")
    rows = [
        (
            item.component,
            str(item.cause),
            code(item.resource),
            code(item.path),
            _value(item.deployed),
            _value(item.compiled),
            code(item.key),
        )
        for item in items[:_ROWS]
    ]
    yield from table(head, rows)
    if len(items) > _ROWS:
        yield ""
        yield f"… and {len(items) - _ROWS} more; `lisa drift --env {environment}` lists all."
    yield ""
    yield (
        "Put what is right into the configuration and deploy it, or deploy the configuration again: "
        f"`lisa plan --env {environment}` shows what that would change."
    )
    if run:
        yield ""
        yield f"<sub>Found by {run}</sub>"


def _value(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return code(text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…")
