"""The files of the root, and every binary file of the repository, each for a reason."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch

from locks import ROOT

ROOT_FILES = {
    ".checkov.yaml": "settings of checkov",
    ".editorconfig": "settings of editors",
    ".gitattributes": "settings of git",
    ".gitignore": "settings of git",
    ".pre-commit-config.yaml": "settings of pre-commit",
    "CHANGELOG.md": "what users see",
    "CONTRIBUTING.md": "how to work on LISA",
    "LICENSE": "Apache License 2.0",
    "Makefile": "commands",
    "NOTICE": "data of other projects, with their licenses",
    "README.md": "what it is",
    "config.yaml": "the example configuration",
    "package-lock.json": "the cdk CLI, by digest",
    "package.json": "the cdk CLI",
    "pyproject.toml": "the distribution and the tools' settings",
    "weights.lock.json": "digests of the example's weights",
}
BINARY_FILES = {"docs/images/*.png": "pictures of the documentation"}


def listed(*arguments: str) -> list[str]:
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in result.stdout.split("\0") if path]


def test_root_holds_known_files_alone() -> None:
    tracked = {path for path in listed("ls-files", "-z") if "/" not in path and (ROOT / path).exists()}
    assert tracked - ROOT_FILES.keys() == set()


def is_binary(path: str) -> bool:
    """As git judges it: a zero byte near the beginning. `.gitattributes` marks bundles as binary that are text."""
    with (ROOT / path).open("rb") as file:
        return b"\0" in file.read(8000)


def test_every_binary_file_has_a_reason() -> None:
    tracked = [path for path in listed("ls-files", "-z") if (ROOT / path).is_file()]
    binary = [path for path in tracked if is_binary(path)]
    unexplained = [path for path in binary if not any(fnmatch(path, pattern) for pattern in BINARY_FILES)]
    assert unexplained == []
    assert any(fnmatch(path, "docs/images/*.png") for path in binary)
