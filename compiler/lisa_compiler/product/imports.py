"""Which files of some packages a module imports, directly and through others.

The import statements are read, wherever they are in a module; those under `if TYPE_CHECKING` are for type checkers and
do not count. A string that is the name of a module, as in a command line `-m package.module`, counts as an import, and
one that is the name of a data file of an imported package includes that file. Every module includes the `__init__.py`
of the packages above it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath


def imported_files(files: Mapping[str, bytes], entry: str) -> dict[str, bytes]:
    """The files that importing a module needs.

    Args:
        files: packages by path: `lisa_lambdas/session/handler.py`.
        entry: dotted name of the module.

    Returns:
        The files in order of their paths.

    Raises:
        KeyError: there is no such module.
        SyntaxError: a module is not Python of this version.
    """
    found: set[str] = set()
    words: set[str] = set()
    waiting = list(_paths(files, entry))
    if not waiting:
        raise KeyError(entry)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        references, strings = _read(files[path], path)
        words |= strings
        for name in references | {word for word in strings if "." in word or f"{word}/__init__.py" in files}:
            waiting += _paths(files, name)
    packages = {path.partition("/")[0] for path in found}
    data = {
        path
        for path in files
        if not path.endswith(".py") and path.partition("/")[0] in packages and PurePosixPath(path).name in words
    }
    return {path: files[path] for path in sorted(found | data)}


def _paths(files: Mapping[str, bytes], name: str) -> Iterator[str]:
    """The files of a module, the packages above it included; none for what is not in the packages."""
    parts = name.split(".")
    base = "/".join(parts)
    own = [path for path in (f"{base}.py", f"{base}/__init__.py", f"{base}/__main__.py") if path in files]
    if not own:
        return
    yield from own
    for end in range(1, len(parts)):
        above = f"{'/'.join(parts[:end])}/__init__.py"
        if above in files:
            yield above


@lru_cache(maxsize=1024)
def _read(source: bytes, path: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names that a module may import, and its strings that may name a module or a file."""
    package = path.removesuffix(".py").removesuffix("/__init__").split("/")
    if not path.endswith("/__init__.py"):
        package = package[:-1]
    names: set[str] = set()
    strings: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST:
            strings.add(node.value)
        waiting += ast.iter_child_nodes(node)
    return frozenset(names), frozenset(strings)


_LONGEST = 200
"""Characters of a string that may name a module or a file; longer ones are texts."""


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"
