"""A Git repository with a small project; what it compiles to is a digest of its sources."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.com")


@dataclass
class Repository:
    """A repository.

    Attributes:
        folder: its root, with config.yaml.
        compiled: how often it was compiled.
    """

    folder: Path
    compiled: int = 0

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(self.folder), *IDENTITY, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not check or result.returncode == 0, result.stderr
        return result

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD").stdout.strip()

    @property
    def status(self) -> list[str]:
        return self.git("status", "--porcelain").stdout.splitlines()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    def compile(self) -> None:
        """Stands in for `lisa compile --all`: files that depend on all of the sources."""
        self.compiled += 1
        config = (self.folder / "config.yaml").read_bytes()
        for environment in ("dev", "prod"):
            place = self.folder / "generated" / environment
            place.mkdir(parents=True, exist_ok=True)
            (place / "manifest.json").write_text(hashlib.sha256(config).hexdigest() + "\n")
            (place / "SUMMARY.md").write_bytes(config)

    def expected(self) -> str:
        return hashlib.sha256((self.folder / "config.yaml").read_bytes()).hexdigest() + "\n"

    @property
    def is_compiled(self) -> bool:
        """Whether HEAD has the output of its sources, and nothing else differs."""
        committed = self.git("show", "HEAD:./generated/prod/manifest.json").stdout
        return committed == self.expected() and self.status == []


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository whose output is compiled and committed."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    folder = tmp_path / "project"
    folder.mkdir()
    made = Repository(folder)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.write(config_yaml="one: 1\n\n\n\n\n\n\n\n\n\ntwo: 1\n")
    (folder / ".gitattributes").write_text("generated/** -text merge=lisa\n")
    made.compile()
    made.commit("first")
    return made
