"""A recorded request, put together from its lines."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lisa_compiler.audit.content_lines import END, REQUEST, RESPONSE, Line


@dataclass(slots=True)
class RecordedRequest:
    """A request with its response.

    Attributes:
        first: its first line, which says who asked for what.
        parts: kind and content of each line that has been found, by number.
        changed: whether a line was found that was changed after it was written.
        last: its last line; None if none has been found.
    """

    first: Line
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    changed: bool = False
    last: Line | None = None

    def add(self, line: Line, content: bytes) -> None:
        """Add a line; one that is there already is a copy."""
        self.parts.setdefault(line.number, (line.kind, content))
        if line.kind == END:
            self.last = line

    @property
    def is_whole(self) -> bool:
        """Whether all of its lines have been found."""
        return self.last is not None and len(self.parts) == self.last.number + 1

    def as_json(self) -> dict[str, Any]:
        """What `lisa audit read` prints: contents as text, or in base64 if they are not UTF-8."""
        about, end = self.first.about(), self.last.about() if self.last else {}
        found: dict[str, Any] = {
            "time": self.first.members["time"],
            "requestId": about.get("requestId"),
            "group": self.first.members["group"],
            "caller": about.get("caller"),
            "groups": about.get("groups"),
            "route": about.get("route"),
            "model": about.get("model"),
            "ended": self.last.members["time"] if self.last else None,
            **_content("request", self._joined(REQUEST)),
            **_content("response", self._joined(RESPONSE)),
            "responseEnd": end.get("response"),
        }
        problems = list(self._problems(end))
        return {name: value for name, value in found.items() if value is not None} | (
            {"problems": problems} if problems else {}
        )

    def _problems(self, end: Mapping[str, Any]) -> Iterator[str]:
        if self.changed:
            yield "a part was changed after it was written, and is left out"
        if self.last is None:
            yield "the end is missing: the request still runs, the gateway was killed, or the rest is not delivered"
        elif not self.is_whole:
            yield "parts are missing"
        for kind, name in ((REQUEST, "requestBytes"), (RESPONSE, "responseBytes")):
            sent, kept = end.get(name), len(self._joined(kind))
            if isinstance(sent, int) and self.is_whole and kept < sent:
                yield f"{kind}: the first {kept} of {sent} bytes"

    def _joined(self, kind: str) -> bytes:
        return b"".join(content for _, (each, content) in sorted(self.parts.items()) if each == kind)


def _content(name: str, content: bytes) -> dict[str, str]:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}Base64": base64.b64encode(content).decode("ascii")}
