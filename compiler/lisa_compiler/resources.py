"""Where the compiler finds what it renders and copies: templates, the runtime's sources, the SDK.

In a checkout they are the repository's own folders beside compiler/; an installed wheel carries them in the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

_PACKAGE = Path(__file__).resolve().parent


def templates_dir() -> Path:
    """Folder of the Jinja templates."""
    return _folder("templates")


def runtime_dir() -> Path:
    """Folder of what is deployed: gateway, lambdas, instructor, web."""
    return _folder("runtime")


def sdk_dir() -> Path:
    """Folder of the Python client."""
    return _folder("sdk")


def requirements_dir() -> Path:
    """Folder of the locks of Python packages."""
    return _folder("requirements")


@cache
def jinja_environment() -> jinja2.Environment:
    """The environment of every template; an undefined name fails, and nothing is escaped: no template makes HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir(), encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def source_files(folder: Path) -> dict[str, bytes]:
    """The files of a source folder by relative path, without what Python and the editors leave behind."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_leftover(path.relative_to(folder))
    }


def _is_leftover(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in path.parts)


@cache
def _folder(name: str) -> Path:
    bundled = _PACKAGE / "_bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parents[1] / name
