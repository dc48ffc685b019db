"""Texts of others inside of Markdown: none of them can become markup, a mention or another cell of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_LONGEST = 300


def code(text: str) -> str:
    """A text as code, on one line; `-` for an empty one."""
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    if not line:
        return "-"
    # Code in a table: GitHub and GitLab split cells before they read code.
    line = line.replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    pad = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; cells are Markdown."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def details(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that are shown after a click."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def limited(text: str, limit: int) -> str:
    """A text of at most so many bytes, cut at the end of a line, which then says that it is cut."""
    if len(text.encode()) <= limit:
        return text
    end = "\n\n… The report is cut; the job has all of it.\n"
    kept = text.encode()[: limit - len(end.encode())].decode(errors="ignore")
    # What was opened before the cut is closed.
    kept = kept[: kept.rfind("\n")]
    opened = kept.count("<details>") - kept.count("</details>")
    fences = sum(line.startswith("```") for line in kept.splitlines()) % 2
    return kept + "\n```" * fences + "\n\n</details>" * max(0, opened) + end
