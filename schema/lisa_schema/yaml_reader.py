"""YAML text → tree with origins, from the parser's events alone: nothing is constructed, so no tag can do harm."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

import yaml

from lisa_schema import diagnostic_types
from lisa_schema.diagnostic_types import DiagnosticType
from lisa_schema.diagnostics import Diagnostic, Origin
from lisa_schema.document import Entry, MappingNode, Node, ScalarNode, SequenceNode, mapping
from lisa_schema.errors import ConfigurationError
from lisa_schema.visible_text import character_name, visible

MAX_BYTES: Final = 1024 * 1024
MAX_NODES: Final = 100_000
MAX_DEPTH: Final = 50
_PREFIX: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {f"{_PREFIX}{name}" for name in ("int", "float", "bool", "null")}
_COLLECTION_TAGS: Final = {f"{_PREFIX}map", f"{_PREFIX}seq", "!"}
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters except tab and line breaks, and halves of surrogate pairs."""
_ORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction of what is shown: the line then is not what it shows (CVE-2021-42574)."""
_WIDE_SPACES: Final = "\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_MISTAKEN_SPACE: Final = re.compile(
    rf"[ ]*(?:- +)*(?:(?P<space>[{_WIDE_SPACES}])|"
    rf"(?P<key>[^\s:#\"'{_WIDE_SPACES}]+:)(?P<after>[{_WIDE_SPACES}]))"
)
"""A space that YAML takes for a letter, in the indentation of a line or behind the colon of a key."""
_LINES_BEFORE: Final = 3
_TAG_FIXES: Final = {
    "!include": "Remove the tag: no other file is read. Write the content here, or in environments/<env>.yaml.",
    **dict.fromkeys(
        ("!env", "!ENV", "!env_var", "!var"),
        "Write the value: variables are not replaced. Options such as --region and --set give a value for one run.",
    ),
    **dict.fromkeys(("!secret", "!vault"), "Write the ARN of a Secrets Manager secret, in a variable of a container."),
    **dict.fromkeys(
        ("!Ref", "!Sub", "!GetAtt", "!ImportValue", "!Join"),
        "Write the value: functions of CloudFormation are not run.",
    ),
}
_Parser: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_PROBLEMS: Final = {
    "mapping values are not allowed": (
        "a second colon on the line, or an indentation that does not match the lines above",
        "Put the value in quotes, or align the key with its siblings.",
    ),
    "could not find expected ':'": ("a key without a colon", "Write `key: value`."),
    "did not find expected key": (
        "a line that is not aligned with its siblings",
        "Align the line with the keys of its block.",
    ),
    "did not find expected '-'": ("a line that is not aligned with the list's items", "Start the item with `- `."),
    "found unexpected end of stream": ("a quote that is never closed", "Close the quote."),
    "expected ','": ("a bracket that is never closed", "Close the bracket, or add the comma."),
    "cannot start any token": ("a character that cannot start a value", "Put the value in quotes."),
    "while scanning an alias": ("an asterisk without a name", "Put the value in quotes."),
    "unknown escape": ("an unknown escape in a text in double quotes", "Use single quotes, or double the backslash."),
}


def read_yaml(text: str, file: str) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """Read one YAML document; None when it is empty.

    Returns the tree and the errors that did not keep it from being read.
    Raises ConfigurationError when it cannot be read.
    """
    return _Reader(text, file).read()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._errors: list[Diagnostic] = []
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._count = 0

    def read(self) -> tuple[Node | None, tuple[Diagnostic, ...]]:
        try:
            self._parser = _Parser(self._text)
            self._next()
            if isinstance(self._next_peek(), yaml.StreamEndEvent):
                return None, ()
            self._next()
            node = self._node(self._next(), 0)
            self._next()
            event = self._next()
        except yaml.YAMLError as error:
            told = self._syntax(error)
            same = [found for found in self._errors if (found.rule, _line(found)) == (told.rule, _line(told))]
            others = [found for found in self._errors if found not in same]
            raise ConfigurationError([*others, told]) from error
        self._report_ordering()
        if not isinstance(event, yaml.StreamEndEvent):
            self._report(diagnostic_types.YAML_DOCUMENTS, self._origin(event), "A second YAML document starts here.")
        return node, tuple(self._errors)

    def _report_ordering(self) -> None:
        """Report characters that change the order of what is shown, wherever they are, comments too."""
        if self._text.isascii():
            return
        for found in _ORDERING.finditer(self._text):
            line = self._text.count("\n", 0, found.start()) + 1
            column = found.start() - self._text.rfind("\n", 0, found.start())
            shown = character_name(found[0])
            message = f"The line contains the invisible character {shown}: what it shows is not what it contains."
            self._report(diagnostic_types.YAML_CHARACTER, Origin(self._file, line, column), message)
            return

    def _next(self) -> Any:
        return self._parser.get_event()

    def _next_peek(self) -> Any:
        return self._parser.peek_event()

    def _origin(self, event: Any) -> Origin:
        return Origin(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _report(self, kind: DiagnosticType, origin: Origin, message: str, fix: str | None = None) -> None:
        self._errors.append(kind.at(origin, message, fix=fix))

    def _stop(self, kind: DiagnosticType, origin: Origin, message: str) -> NoReturn:
        raise ConfigurationError([*self._errors, kind.at(origin, message)])

    def _node(self, event: Any, depth: int) -> Node:
        origin = self._origin(event)
        if depth > MAX_DEPTH:
            self._stop(diagnostic_types.YAML_DEPTH, origin, f"Blocks are nested more than {MAX_DEPTH} deep.")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, origin)
        self._grow(1, origin)
        before = self._count
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event, origin)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, origin, depth)
        else:
            node = self._mapping(event, origin, depth)
        if event.anchor:
            self._anchors[event.anchor] = (node, self._count - before + 1)
        return node

    def _grow(self, nodes: int, origin: Origin) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            self._stop(diagnostic_types.YAML_ALIAS_LIMIT, origin, f"The file has more than {MAX_NODES:,} values.")

    def _alias(self, event: Any, origin: Origin) -> Node:
        target = self._anchors.get(event.anchor, ())
        if target is None:
            self._stop(diagnostic_types.YAML_ALIAS, origin, f"The alias *{event.anchor} is inside its own anchor.")
        if not target:
            self._report(
                diagnostic_types.YAML_ALIAS, origin, f"The anchor &{event.anchor} is not defined above this alias."
            )
            return ScalarNode("", origin)
        node, size = target
        self._grow(size, origin)
        return node

    def _scalar(self, event: Any, origin: Origin) -> ScalarNode:
        text: str = event.value
        if not text.isprintable() and (found := _FORBIDDEN.search(text)):
            message = f"The string contains the character {character_name(found[0])}: `{visible(text[:60])}`."
            self._report(diagnostic_types.YAML_CHARACTER, origin, message)
            return ScalarNode("", origin, plain=False)
        plain = event.style in (None, "")
        if event.tag in _PLAIN_TAGS:
            plain = True
        elif event.tag in (f"{_PREFIX}str", "!"):
            plain = False
        elif event.tag is not None:
            self._tag(event, origin)
        return ScalarNode(text, origin, plain)

    def _without_mistake(self, node: Node) -> Node:
        """A key or an item without a space that is a letter; in the value of a key, it is a part of the text."""
        if isinstance(node, ScalarNode) and node.plain and not node.text.isascii():
            found = _MISTAKEN_SPACE.match(node.text)
            if found is not None:
                self._errors.append(_mistaken(node.origin, found))
                return ScalarNode("", node.origin, plain=False)
        return node

    def _tag(self, event: Any, origin: Origin) -> None:
        tag = event.tag.replace(_PREFIX, "!!")
        self._report(diagnostic_types.YAML_TAG, origin, f"The tag {tag} is not supported.", _TAG_FIXES.get(tag))

    def _sequence(self, event: Any, origin: Origin, depth: int) -> SequenceNode:
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._tag(event, origin)
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._without_mistake(self._node(event, depth + 1)))
        return SequenceNode(tuple(items), origin)

    def _mapping(self, event: Any, origin: Origin, depth: int) -> MappingNode:
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._tag(event, origin)
        entries: dict[str, Entry] = {}
        merged: list[MappingNode] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._without_mistake(self._node(event, depth + 1))
            value = self._node(self._next(), depth + 1)
            key_origin = self._origin(event)
            if value.origin.line > key_origin.line:
                value = self._without_mistake(value)  # A block with one key looks like a text.
            if not isinstance(key, ScalarNode) or key.is_null:
                self._report(
                    diagnostic_types.YAML_KEY, key_origin, "A key must be a string, not a list, a mapping or null."
                )
            elif key.text == "<<" and key.plain:
                merged += self._merge_sources(value, key_origin)
            elif key.text in entries:
                line = entries[key.text].key_origin.line
                message = f"The key `{key.text}` is a duplicate; the first one is in line {line}."
                self._report(diagnostic_types.YAML_DUPLICATE_KEY, key_origin, message)
            else:
                entries[key.text] = Entry(value, key_origin)
        for source in merged:
            for name, entry in source.entries.items():
                entries.setdefault(name, entry)
        return mapping(entries, origin)

    def _merge_sources(self, value: Node, origin: Origin) -> list[MappingNode]:
        sources = value.items if isinstance(value, SequenceNode) else (value,)
        mappings = [source for source in sources if isinstance(source, MappingNode)]
        if len(mappings) != len(sources):
            self._report(
                diagnostic_types.YAML_MERGE, origin, "The merge key `<<` requires a mapping or a list of mappings."
            )
        return mappings

    def _syntax(self, error: yaml.YAMLError) -> Diagnostic:
        if not isinstance(error, yaml.MarkedYAMLError):
            position = getattr(error, "position", 0) or 0
            line = self._text.count("\n", 0, position) + 1
            return diagnostic_types.YAML_CHARACTER.at(
                Origin(self._file, line, 1), "YAML does not allow a character here."
            )
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        origin = Origin(self._file, line + 1, column + 1)
        lines = self._text.splitlines()
        written = lines[line] if line < len(lines) else ""
        if "\t" in written[: column + 1]:
            return diagnostic_types.YAML_TAB.at(origin, "The line is indented with a tab, which YAML does not allow.")
        # The parser notices at the next line with a colon.
        for number in [at for at in range(min(line, len(lines) - 1), -1, -1) if lines[at].strip()][:_LINES_BEFORE]:
            if not lines[number].isascii() and (found := _MISTAKEN_SPACE.match(lines[number])):
                return _mistaken(Origin(self._file, number + 1, found.end()), found)
        said = f"{error.context or ''} {error.problem or ''}"
        for part, (message, fix) in _PROBLEMS.items():
            if part in said:
                return diagnostic_types.YAML_SYNTAX.at(origin, f"This is not valid YAML: {message}.", fix=fix)
        return diagnostic_types.YAML_SYNTAX.at(
            origin, f"This is not valid YAML: {error.problem or 'it cannot be parsed'}."
        )


def _line(diagnostic: Diagnostic) -> int:
    return diagnostic.origin.line if diagnostic.origin else 0


def _mistaken(origin: Origin, found: re.Match[str]) -> Diagnostic:
    space = found["space"] or found["after"]
    where = f"behind `{found['key']}`" if found["key"] else "at the beginning of the line"
    message = f"{character_name(space)} {where} is a letter in YAML, not a space."
    fix = f"Write a plain space behind `{found['key']}`." if found["key"] else "Indent with plain spaces."
    return diagnostic_types.YAML_CHARACTER.at(origin, message, fix=fix)
