"""Python code that a model brings along: its modules, and the packages that they import relatively.

Servers run it only with `trust_remote_code`. The modules are beside config.json; a package is a folder. Imports are
searched for in the text, as transformers does (dynamic_module_utils.get_relative_imports); the code is never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lisa_weights.serving.model_files import ModelFiles

_MAX_CODE_BYTES = 4_000_000
_RELATIVE = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.+)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]*)|import[ \t]+(\.+)([\w.]+))", re.MULTILINE
)
_NAME = re.compile(rb"\w+")


def code_files(files: ModelFiles) -> frozenset[str]:
    """The `*.py` beside config.json, and those of every package that these import relatively, directly or not."""
    code = {path for path in files.sizes if path.endswith(".py")}
    found = {path for path in code if "/" not in path}
    nested = code - found
    pending = sorted(found) if nested else []
    while pending and nested:
        path = pending.pop()
        packages = {folder for folder in _imported(path, files.head(path, _MAX_CODE_BYTES)) if folder}
        new = {
            one for one in nested if any(one.startswith(f"{folder}/") or one == f"{folder}.py" for folder in packages)
        }
        nested -= new
        found |= new
        pending.extend(sorted(new))
    return frozenset(found)


def _imported(path: str, content: bytes) -> Iterable[str]:
    """Folders or modules, without suffix, that a module imports relatively; a package counts with all that it holds."""
    for match in _RELATIVE.finditer(content):
        dots, module, names = match[1] or match[4], match[2] if match[1] else match[5], match[3] or b""
        folder = path.split("/")[:-1]
        parts = folder[: max(0, len(folder) + 1 - len(dots))]
        inside = [part for part in module.decode().split(".") if part]
        if inside:
            yield "/".join([*parts, inside[0]])
        else:
            for name in _NAME.findall(names):
                yield "/".join([*parts, name.decode()])
