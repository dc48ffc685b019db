"""The comments and blank lines after a YAML value, which ruamel.yaml keeps with the last scalar of that value.

They are about what comes next, a section or an entry. Whoever adds something after the value takes them off first and
gives them to the new last value; otherwise they would end up in its middle.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken


def detach_trailing_comments(container: Any) -> str:
    """Take off the lines after a mapping or list; a comment on its last line stays."""
    holder, key, slot = _last(container)
    tokens = holder.ca.items.get(key) if holder is not None else None
    if not tokens or tokens[slot] is None:
        return ""
    token = tokens[slot]
    same_line, _, tail = token.value.partition("\n")
    if same_line.strip():
        token.value = f"{same_line}\n"
    else:
        tokens[slot] = None
    return str(tail)


def attach_trailing_comments(container: Any, tail: str) -> None:
    """Put lines after a mapping or list, instead of those that are there."""
    detach_trailing_comments(container)
    holder, key, slot = _last(container)
    if not tail or holder is None:
        return
    tokens = holder.ca.items.setdefault(key, [None] * 4)
    if tokens[slot] is None:
        tokens[slot] = CommentToken(f"\n{tail}", CommentMark(0), None)
    else:
        tokens[slot].value += tail


def put_first(block: CommentedMap, key: str, tail: str) -> None:
    """Put lines before the first entry of a list, instead of those that are there."""
    lines = _lines(tail)
    block.ca.items.setdefault(key, [None] * 4)[3] = lines or None
    block[key].ca.comment = [None, lines] if lines else None


def drop(block: CommentedMap, key: str, tail: str) -> None:
    """Take a key away; the lines after its value stay, after what came before it."""
    before = list(block)[: list(block).index(key)]
    del block[key]
    if before:
        holder, last, slot = _end(block, before[-1])
        tokens = holder.ca.items.setdefault(last, [None] * 4)
        tokens[slot] = CommentToken(f"\n{tail}", CommentMark(0), None) if tail else None
    elif block:
        block.ca.comment = [None, [*((block.ca.comment or [None, None])[1] or []), *_lines(tail)]]


def _lines(tail: str) -> list[CommentToken]:
    return [CommentToken(f"{line.strip()}\n", CommentMark(_column(line)), None) for line in tail.splitlines()]


def _column(line: str) -> int:
    return len(line) - len(line.lstrip())


def _last(container: Any) -> tuple[Any, Any, int]:
    """The innermost container at the end, the key of its last value, and where the comments of that key are."""
    if not isinstance(container, CommentedMap | CommentedSeq) or not container:
        return None, None, 0
    return _end(container, next(reversed(container)) if isinstance(container, CommentedMap) else len(container) - 1)


def _end(container: Any, key: Any) -> tuple[Any, Any, int]:
    """The same for what ends with the value of a key."""
    inner = container[key]
    if isinstance(inner, CommentedMap | CommentedSeq) and inner and not inner.fa.flow_style():
        return _last(inner)
    return container, key, 2 if isinstance(container, CommentedMap) else 0
