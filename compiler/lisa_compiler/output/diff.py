"""Compare generated output with what the sources compile to, and tell the difference as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, takewhile
from pathlib import Path

from lisa_compiler.output.tree import MANIFEST, is_executable, matches, output_files

_CONTEXT = 3
_LONGEST_HUNK = 4000
"""Changed lines of one file above which no diff is computed: it would take minutes and help nobody."""


class FileChangeType(StrEnum):
    """What happens to a file."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs.

    Attributes:
        path: relative to the environment's directory.
        change: what happens to it.
        old: content on disk; None when there is none, or when it is not a regular file.
        new: content that belongs there; None when the file does not.
        mode_only: only the right to execute it differs.
    """

    path: str
    change: FileChangeType
    old: bytes | None
    new: bytes | None
    mode_only: bool = False


def compare(directory: Path, files: Mapping[str, bytes]) -> tuple[FileChange, ...]:
    """Tell which files a directory has to change to hold exactly these, by path, the manifest last."""
    found = dict(output_files(directory))
    changes = []
    for path in sorted(found.keys() | files.keys(), key=lambda path: (path == MANIFEST, path)):
        new = files.get(path)
        if path not in found:
            changes.append(FileChange(path, FileChangeType.NEW, None, new))
        elif new is None:
            changes.append(FileChange(path, FileChangeType.REMOVED, _content(found[path]), None))
        elif not matches(found[path], new):
            old = _content(found[path])
            changes.append(FileChange(path, FileChangeType.CHANGED, old, new, mode_only=old == new))
    return tuple(changes)


def unified_diff(label: str, changes: tuple[FileChange, ...], *, limit: int = 400) -> Iterator[str]:
    """Yield the lines of a unified diff, without line ends, at most about `limit` of them.

    Args:
        label: what the paths are shown below: `generated/dev`.
        changes: what compare() found.
        limit: lines after which the rest is only counted.
    """
    lines = (line for change in changes for line in _file_diff(label, change))
    yield from islice(lines, limit)
    left = sum(1 for _ in lines)
    if left:
        yield f"… {left} more line{'' if left == 1 else 's'}: compile and look at `git diff {label}`"


def summary(changes: tuple[FileChange, ...]) -> str:
    """Count the changes in words: `1 new, 2 changed, 1 removed`."""
    counts = [(sum(1 for change in changes if change.change is kind), kind.value) for kind in FileChangeType]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "no changes"


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def _file_diff(label: str, change: FileChange) -> Iterator[str]:
    place = label.lstrip("/")
    before, after = f"a/{place}/{change.path}", f"b/{place}/{change.path}"
    yield f"diff --git {before} {after}"
    if change.change is FileChangeType.NEW:
        yield f"new file mode {_mode(change.new)}"
    elif change.change is FileChangeType.REMOVED:
        yield f"deleted file mode {_mode(change.old)}"
    elif change.mode_only and change.new is not None:
        expected = _mode(change.new)
        yield f"old mode {'100644' if expected == '100755' else '100755'}"
        yield f"new mode {expected}"
        return
    elif change.old is None:
        yield "not a regular file"
    old, new = _lines(change.old), _lines(change.new)
    if old is None or new is None:
        yield f"Binary files {before} and {after} differ"
        return
    yield f"--- {'/dev/null' if change.change is FileChangeType.NEW else before}"
    yield f"+++ {'/dev/null' if change.change is FileChangeType.REMOVED else after}"
    yield from _hunks(old, new)


def _mode(content: bytes | None) -> str:
    return "100755" if content is not None and is_executable(content) else "100644"


def _lines(content: bytes | None) -> list[str] | None:
    """Split text into lines that keep their ends; None when it is not text."""
    if content is None:
        return []
    if b"\0" in content:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return [line + "\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.rsplit("\n", 1)[-1]) else [])


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    """Diff what lies between the lines that both begin and end with."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    longest = min(len(old), len(new)) - same
    tail = sum(
        1
        for _ in takewhile(
            lambda pair: pair[0] == pair[1], islice(zip(reversed(old), reversed(new), strict=False), longest)
        )
    )
    start = max(0, same - _CONTEXT)
    old_part = old[start : len(old) - max(0, tail - _CONTEXT)]
    new_part = new[start : len(new) - max(0, tail - _CONTEXT)]
    if len(old_part) > _LONGEST_HUNK and len(new_part) > _LONGEST_HUNK:
        yield f"@@ {len(old_part)} lines become {len(new_part)} lines @@"
        return
    matcher = difflib.SequenceMatcher(None, old_part, new_part)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2], start)} +{_range(first[3], last[4], start)} @@"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from _marked(" ", old_part[old_from:old_to])
            else:
                yield from _marked("-", old_part[old_from:old_to])
                yield from _marked("+", new_part[new_from:new_to])


def _range(begin: int, end: int, offset: int) -> str:
    length = end - begin
    first = offset + begin + (1 if length else 0)
    return str(first) if length == 1 else f"{first},{length}"


def _marked(mark: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield mark + line.removesuffix("\n")
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"
