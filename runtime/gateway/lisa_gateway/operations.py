"""LiteLLM's operations, classified: which a caller may use, which an administrator may, which are closed.

`operations.csv` has every operation of the pinned LiteLLM: a method and a path template each. What it does not have is
refused. `tools/refresh_operations.py` brings it up to date with another version of LiteLLM.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from lisa_gateway.errors import ForbiddenError, MethodNotAllowedError, NotFoundError, UnsupportedParameterError

CLOSED_BECAUSE = {
    "address": "it lets the caller choose an address that the proxy calls, or code that it runs",
    "configuration": "configuration is changed in Git, not in the running proxy",
    "database": "it requires a LiteLLM database, which LISA does not have",
    "pass-through": "it calls a provider with the container's credentials, bypassing the configured models",
    "stored": "it reads or changes stored objects, which all callers share",
    "tools": "tools, agents and MCP servers are not part of LISA's API",
    "unserved": "it duplicates another operation, or no LISA model supports it",
    "web": "it belongs to LiteLLM's web interface and sign-in",
    "websocket": "the gateway serves HTTP requests only",
}
"""Groups of closed operations, and why they are closed."""

FAMILIES = frozenset(
    {
        *("audio", "chat", "completions", "embeddings", "images", "messages", "models", "moderations", "rerank"),
        *("responses",),
    }
)
"""Groups of inference operations: what a model has to be able to do."""

# Deployed clients send these: Azure's `api-version`, Gemini's `alt`, Anthropic's `beta`, and what `GET /models` takes.
# LiteLLM merges any other into the body, and takes a key from `key`.
_QUERY = frozenset({"alt", "api-version", "beta", "fallback_type", "include_metadata", "return_wildcard_routes"})
_ALIASES = {"/messages": "/v1/messages", "/messages/count_tokens": "/v1/messages/count_tokens"}
_SAFE = "/:@!$&'()*+,=-._~"
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f%;?#\\]")
_PARAMETER = re.compile(r"\{[a-z_]+(:path)?\}")


class Access(StrEnum):
    """Who may use an operation."""

    INFERENCE = "inference"
    ADMINISTRATION = "administration"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of LiteLLM.

    Attributes:
        access: who may use it.
        method: HTTP method, or WEBSOCKET or MOUNT.
        path: path template, as LiteLLM's route table has it.
        group: a key of `CLOSED_BECAUSE` for a closed operation, one of `FAMILIES` for inference.
    """

    access: Access
    method: str
    path: str
    group: str


@dataclass(frozen=True, slots=True)
class Match:
    """An operation that a request names.

    Attributes:
        operation: the operation.
        path: the path in its canonical form, percent-encoded: what LiteLLM must get, so that both mean the same.
    """

    operation: Operation
    path: bytes

    def parameter(self, name: str) -> str | None:
        """The decoded value of a parameter of the path template, for a template with this one; None without."""
        template = self.operation.path
        begin, end = template.find(f"{{{name}"), template.find("}") + 1
        if begin < 0:
            return None
        path = unquote_to_bytes(self.path).decode()
        return path[begin : len(path) - (len(template) - end)]


class Operations:
    """The table, and the search in it."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_template: dict[tuple[str, str], Operation] = {}
        self._static: dict[tuple[str, bytes], Match] = {}
        self._templates: list[tuple[re.Pattern[str], Operation]] = []
        for operation in operations:
            self._by_template[operation.method, operation.path] = operation
            if "{" in operation.path or operation.method == "MOUNT":
                self._templates.append((_pattern(operation), operation))
            else:
                path = operation.path.encode()
                self._static[operation.method, path] = Match(operation, path)
        for alias, path_of in _ALIASES.items():
            if found := self._static.get(("POST", path_of.encode())):
                self._static["POST", alias.encode()] = found
        # An operation that may be used comes before the closed wildcard that would match it too; LiteLLM's side checks
        # again with the route that it chose (`proxy_authorization`).
        self._templates.sort(key=lambda entry: entry[1].access is Access.CLOSED)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._by_template.values())

    def with_template(self, method: str, path: str) -> Operation | None:
        """The operation of a method and a path template."""
        return self._by_template.get((method, path))

    def find(self, method: str, raw_path: bytes) -> Match | None:
        """The operation of a method and a path as it came over the wire; None when there is none.

        A path is decoded once. One that has an empty or a dot segment, a control character, or an encoded `%`, `;`,
        `?`, `#` or backslash is none of LiteLLM's, and neither is one with another case or a slash at its end.
        """
        if match := self._static.get((method, raw_path)):
            return match
        path = _decoded(raw_path)
        if path is None:
            return None
        encoded = quote(path, safe=_SAFE).encode()
        if match := self._static.get((method, encoded)):
            return match
        for pattern, operation in self._templates:
            if operation.method in (method, "MOUNT") and pattern.fullmatch(path):
                # Starlette answers the mount point itself with a redirection to its own host.
                return Match(operation, encoded + b"/" if path == operation.path else encoded)
        return None

    def methods(self, raw_path: bytes) -> list[str]:
        """The methods of the operations on a path that are not closed."""
        found = (self.find(method, raw_path) for method in ("DELETE", "GET", "PATCH", "POST", "PUT"))
        return [match.operation.method for match in found if match and match.operation.access is not Access.CLOSED]

    def admit(self, method: str, raw_path: bytes, query: bytes, *, is_admin: bool) -> Match:
        """The operation of a request that may go on to LiteLLM.

        Raises:
            NotFoundError: LiteLLM has no such path.
            MethodNotAllowedError: it has the path with other methods.
            ForbiddenError: the operation is closed, or for administrators only.
            UnsupportedParameterError: the query has a parameter that is not passed on.
        """
        match = self.find(method, raw_path)
        if match is None:
            if methods := self.methods(raw_path):
                raise MethodNotAllowedError(f"Use {' or '.join(methods)} for this path.", methods)
            raise NotFoundError("The path does not exist. Check it against the list of routes in the documentation.")
        operation = match.operation
        if operation.access is Access.CLOSED:
            raise ForbiddenError(f"This operation is closed: {CLOSED_BECAUSE[operation.group]}.")
        if operation.access is Access.ADMINISTRATION:
            if not is_admin:
                raise ForbiddenError("This operation requires administrator access.")
        elif query:
            for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
                if name not in _QUERY:
                    raise UnsupportedParameterError(f"Remove the query parameter {name!r}: it is not supported.")
        return match


@cache
def operations() -> Operations:
    """The table of the LiteLLM version that the gateway is built with."""
    text = resources.files(__package__).joinpath("operations.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return Operations(Operation(Access(row["access"]), row["method"], row["path"], row["group"]) for row in rows)


def _decoded(raw_path: bytes) -> str | None:
    try:
        path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return None
    segments = path.split("/")
    if segments[0] or len(segments) < 2 or not {"", ".", ".."}.isdisjoint(segments[1:]) or _FORBIDDEN.search(path):
        return None
    return path


def _pattern(operation: Operation) -> re.Pattern[str]:
    """What paths a template matches: a parameter is a segment, or several for `{name:path}`, as in Starlette."""
    parts, end = [], 0
    for parameter in _PARAMETER.finditer(operation.path):
        parts.append(re.escape(operation.path[end : parameter.start()]))
        parts.append(".+" if parameter[1] else "[^/]+")
        end = parameter.end()
    parts.append(re.escape(operation.path[end:]))
    if operation.method == "MOUNT":
        parts.append("(/.*)?")
    return re.compile("".join(parts))
