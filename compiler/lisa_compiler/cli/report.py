"""Diagnostics for people (text) and for machines (JSON, GitHub workflow commands, SARIF)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from lisa_compiler.cli.sarif import sarif_log
from lisa_schema.diagnostics import Diagnostic, Origin, Severity
from lisa_schema.version import VERSION

_MOST_IN_TEXT = 200
_WIDEST_LINE = 120
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[^\s,\[\]{}:#]+""")
_COLOURS = {"error": "1;31", "warning": "1;33", "place": "1", "quiet": "2", "fix": "32"}


class Format(StrEnum):
    """How diagnostics are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def render(
    diagnostics: Iterable[Diagnostic],
    form: Format,
    *,
    project: Path,
    prefix: str = "",
    colour: bool = False,
    meanings: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Write diagnostics in a format, with a line end unless there is nothing to say.

    Args:
        diagnostics: in the order in which they are shown; one that several environments share is shown once.
        form: the format.
        project: directory that the origins' files are relative to; the text format quotes their lines.
        prefix: path of the project as the reader sees it, put before each file: `` or `infra`.
        colour: whether the text format uses the terminal's colours.
        meanings: what codes mean that LISA's own catalogue does not have, for SARIF.
    """
    unique = tuple(dict.fromkeys(diagnostics))
    return _RENDERERS[form](unique, _RenderContext(project, prefix, colour, meanings))


def summarize_counts(diagnostics: Iterable[Diagnostic]) -> str:
    """Count in words: `2 errors, 1 warning`; empty when there are none."""
    severities = [diagnostic.severity for diagnostic in dict.fromkeys(diagnostics)]
    counts = [(severities.count(severity), severity.value) for severity in Severity]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)


class _RenderContext:
    """Where files are, how they are named, and what stands in them; what codes of others mean."""

    def __init__(self, project: Path, prefix: str, colour: bool, meanings: Mapping[str, str]) -> None:
        self.meanings = meanings
        self._project = project
        self._below = f"{prefix.rstrip('/')}/" if prefix not in {"", "."} else ""
        self._colour = colour
        self._lines: dict[str, list[str]] = {}

    def file(self, origin: Origin) -> str:
        """Name a file as the reader sees it; an option is not a file."""
        return origin.file if origin.file.startswith("-") else self._below + origin.file

    def line(self, origin: Origin) -> str | None:
        """Return the text of the line, or None when it cannot be read."""
        if origin.file not in self._lines:
            try:
                text = (self._project / origin.file).read_text(encoding="utf-8-sig", errors="replace")
            except (OSError, ValueError):
                self._lines[origin.file] = []
            else:
                self._lines[origin.file] = re.split(r"\r\n|\r|\n", text)
        lines = self._lines[origin.file]
        return lines[origin.line - 1] if 0 < origin.line <= len(lines) else None

    def paint(self, text: str, colour: str) -> str:
        """Colour some text when colours are wanted."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour else text


def _text(diagnostics: Sequence[Diagnostic], context: _RenderContext) -> str:
    if not diagnostics:
        return ""
    parts = ["\n".join(_text_of(diagnostic, context)) for diagnostic in diagnostics[:_MOST_IN_TEXT]]
    if len(diagnostics) > _MOST_IN_TEXT:
        parts.append(f"… and {len(diagnostics) - _MOST_IN_TEXT} more")
    return "\n\n".join([*parts, summarize_counts(diagnostics)]) + "\n"


def _text_of(diagnostic: Diagnostic, context: _RenderContext) -> list[str]:
    origin = diagnostic.origin
    severity = context.paint(diagnostic.severity.value, diagnostic.severity.value)
    head = f"{severity} {diagnostic.code} [{diagnostic.rule}] {_escape_control_characters(diagnostic.message)}"
    if origin is not None:
        where = f"{context.file(origin)}:{origin.line}:{origin.column}" if origin.line else context.file(origin)
        head = f"{context.paint(_escape_control_characters(where), 'place')}: {head}"
    lines = [head]
    if origin is not None and origin.line and (source := context.line(origin)) is not None:
        number = f"{origin.line:>5}"
        shown, marker = _excerpt(source, origin.column)
        lines.append(f"{context.paint(f'{number} |', 'quiet')} {shown}".rstrip())
        if marker:
            lines.append(f"{context.paint('      |', 'quiet')} {context.paint(marker, diagnostic.severity.value)}")
    if diagnostic.key_path:
        lines.append(f"{context.paint('  key:', 'quiet')} {_escape_control_characters(diagnostic.key_path)}")
    if diagnostic.fix:
        lines.append(f"{context.paint('  fix:', 'fix')} {_escape_control_characters(diagnostic.fix)}")
    return lines


def _excerpt(source: str, column: int) -> tuple[str, str]:
    """Return the line, cut when it is long, and carets below the word at a column (from 1; 0 for none)."""
    index = min(max(column - 1, 0), len(source))
    token = _TOKEN.match(source, index)
    length = max(1, len(token.group()) if token else 1)
    start = max(0, index - _WIDEST_LINE // 2) if len(source) > _WIDEST_LINE else 0
    window = source[start : start + _WIDEST_LINE]
    before, after = ("…" if start else ""), ("…" if start + _WIDEST_LINE < len(source) else "")
    shown = before + _escape_control_characters(window) + after
    if not column:
        return shown, ""
    lead, marked = window[: index - start], window[index - start : index - start + length]
    indent = _width(before + _escape_control_characters(lead))
    return shown, " " * indent + "^" * max(1, _width(_escape_control_characters(marked)))


def _escape_control_characters(text: str) -> str:
    """Show what a terminal would obey or hide: control characters, and marks that change the direction of text."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character != "\u200d":
        return f"\\u{ord(character):04x}"
    return character


def _width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _json(diagnostics: Sequence[Diagnostic], context: _RenderContext) -> str:
    content = [
        diagnostic.to_dict() | ({"file": context.file(diagnostic.origin)} if diagnostic.origin else {})
        for diagnostic in diagnostics
    ]
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _github(diagnostics: Sequence[Diagnostic], context: _RenderContext) -> str:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands"""
    return "".join(_github_of(diagnostic, context) + "\n" for diagnostic in diagnostics)


def _github_of(diagnostic: Diagnostic, context: _RenderContext) -> str:
    origin = diagnostic.origin
    properties = {"title": f"{diagnostic.code} {diagnostic.rule}"}
    if origin is not None and not origin.file.startswith("-"):
        properties["file"] = context.file(origin)
        if origin.line:
            properties |= {"line": str(origin.line), "col": str(max(1, origin.column))}
    elif origin is not None:
        properties["title"] += f" ({origin.file})"
    ordered = ",".join(
        f"{name}={_github_property(properties[name])}"
        for name in ("file", "line", "col", "title")
        if name in properties
    )
    body = _github_data(_whole_message(diagnostic))
    return f"::{diagnostic.severity.value} {ordered}::{body}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _whole_message(diagnostic: Diagnostic) -> str:
    key = f" ({diagnostic.key_path})" if diagnostic.key_path else ""
    return diagnostic.message + key + (f"\nFix: {diagnostic.fix}" if diagnostic.fix else "")


def _sarif(diagnostics: Sequence[Diagnostic], context: _RenderContext) -> str:
    log = sarif_log(
        diagnostics, version=VERSION, file_of=context.file, message_of=_whole_message, meanings=context.meanings
    )
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


_RENDERERS: Mapping[Format, Callable[[Sequence[Diagnostic], _RenderContext], str]] = {
    Format.TEXT: _text,
    Format.JSON: _json,
    Format.GITHUB: _github,
    Format.SARIF: _sarif,
}
