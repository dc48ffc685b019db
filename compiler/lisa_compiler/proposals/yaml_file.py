"""A YAML file that is changed without touching the rest of it: comments, order, quotes and indentation stay."""

from __future__ import annotations

import difflib
import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from lisa_compiler.proposals.proposal import ProposalError

# How lists are written below their key: columns of an entry, and of its dash, beyond the key's.
_LIST_STYLES = ((4, 2), (2, 0), (6, 4))
_WIDTH = 4096


class YamlFile:
    """A file of the configuration, in memory.

    Attributes:
        path: path in the project, as it is shown.
        before: its text; empty for one that does not exist.
        root: its mapping, to be changed.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.before = text
        self._yaml = min((_writer(*style) for style in _LIST_STYLES), key=lambda yaml: _noise(yaml, text, path))
        self.root: Any = _parsed(self._yaml, text, path)

    def after(self) -> str:
        """Its text with the changes."""
        return _written(self._yaml, self.root)

    def diff(self) -> str:
        """What changes, as a unified diff that `git apply` takes."""
        before = self.before.splitlines(keepends=True)
        after = self.after().splitlines(keepends=True)
        source = f"a/{self.path}" if self.before else "/dev/null"
        return "".join(difflib.unified_diff(before, after, source, f"b/{self.path}"))


def _writer(sequence: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=sequence, offset=offset)
    return yaml


def _noise(yaml: YAML, text: str, path: str) -> int:
    """How many lines change when the file is written as it was read."""
    again = _written(yaml, _parsed(yaml, text, path))
    matcher = difflib.SequenceMatcher(None, text.splitlines(), again.splitlines(), autojunk=False)
    return sum(i2 - i1 + j2 - j1 for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal")


def _parsed(yaml: YAML, text: str, path: str) -> Any:
    try:
        root = yaml.load(text)
    except YAMLError as error:
        raise ProposalError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if root is None:
        return CommentedMap()
    if not isinstance(root, CommentedMap):
        raise ProposalError(f"{path} must be a mapping of keys to values.")
    return root


def _written(yaml: YAML, root: Any) -> str:
    if not root:
        return ""
    stream = io.StringIO()
    yaml.dump(root, stream)
    return stream.getvalue()
